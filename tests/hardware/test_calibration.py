"""Zero is found in the modes that the environment sets, and stays where it was found."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from dexndm_gym.errors import SafetyError
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.calibration import confirm_zero, measure_pose, propose_offsets, store_offsets
from dexndm_gym.hardware.checkup import check_hand
from dexndm_gym.hardware.port import SerialPort
from dexndm_gym.hardware.servo_setup import ServoSettings, hold_still, prepare
from dexndm_gym.hardware.units import RAD_PER_TICK, rad_from_ticks
from dexndm_gym.virtual_hand.client import VirtualHandProcess

JOINT = 3
HORN = 0.3
"""How far the servo of the joint stands from its own zero while the finger is flat, rad, about."""


@pytest.fixture
def hand() -> Iterator[VirtualHandProcess]:
    with VirtualHandProcess() as hand:
        yield hand


@pytest.fixture
def bus(hand: VirtualHandProcess) -> Iterator[DynamixelBus]:
    """Servos of a hand whose joint is held flat from now on, with its horn mounted a little off."""
    bus = DynamixelBus(SerialPort(hand.port, reply_timeout=0.02, confirm_silence=hand.settle))
    bus.open()
    bus.write(JOINT, "torque_enable", 1)
    bus.write(JOINT, "goal_position", 2048 + round(HORN / RAD_PER_TICK))
    hand.pass_time(1.5)
    hand.inject("stuck")
    bus.write(JOINT, "torque_enable", 0)
    yield bus
    bus.close()


@pytest.fixture
def reads(hand: VirtualHandProcess, bus: DynamixelBus) -> Callable[[], float]:
    """What the joint reads now, rad."""

    def read() -> float:
        hand.pass_time(0.1)
        return float(rad_from_ticks(bus.sync_read("present_position")["present_position"])[JOINT])

    return read


def calibrate(hand: VirtualHandProcess, bus: DynamixelBus, joints: tuple[int, ...] = (JOINT,)) -> None:
    offsets = bus.sync_read("homing_offset")["homing_offset"]
    pose = measure_pose(bus, lambda: hand.pass_time(0.01), joints)
    store_offsets(bus, propose_offsets(pose, offsets, joints))
    hand.pass_time(0.1)
    confirm_zero(bus, lambda: hand.pass_time(0.01), joints)


@pytest.mark.parametrize(
    "earlier_life",
    [
        {},
        {"operating_mode": 5},
        {"operating_mode": 16},
        {"secondary_id": 5},
        {"drive_mode": 1},
        {"drive_mode": 1, "homing_offset": 153},
        {"drive_mode": 1, "operating_mode": 5, "homing_offset": 4096},
        {"homing_offset": 1500},
        {"homing_offset": -2000, "operating_mode": 4},
        {"homing_offset": 4096},
    ],
)
def test_calibrated_zero_survives_the_set_up(
    hand: VirtualHandProcess, bus: DynamixelBus, reads: Callable[[], float], earlier_life: dict[str, int]
) -> None:
    for name, value in earlier_life.items():
        bus.write(JOINT, name, value)
    calibrate(hand, bus)
    assert reads() == pytest.approx(0.0, abs=2 * RAD_PER_TICK)
    assert check_hand(bus).problems == ()
    prepare(bus, ServoSettings())
    hold_still(bus, ServoSettings())
    assert reads() == pytest.approx(0.0, abs=2 * RAD_PER_TICK)
    assert check_hand(bus).problems == ()


@pytest.mark.parametrize(("name", "value"), [("drive_mode", 1), ("homing_offset", 1500), ("homing_offset", 4096)])
def test_set_up_refuses_what_would_move_zero(bus: DynamixelBus, name: str, value: int) -> None:
    bus.write(JOINT, name, value)
    assert len(check_hand(bus).problems) == 1
    with pytest.raises(SafetyError, match=rf"3 \(if_dip\): {name} \(register \d+\) is {value}; .* calibrate"):
        prepare(bus, ServoSettings())


def test_joints_left_out_keep_their_direction(hand: VirtualHandProcess, bus: DynamixelBus) -> None:
    bus.write(7, "drive_mode", 1)
    calibrate(hand, bus)
    assert bus.read(7, "drive_mode") == 1
    with pytest.raises(SafetyError, match=r"7 \(mf_dip\): drive_mode"):
        prepare(bus, ServoSettings())


def test_offsets_that_do_not_hold_are_refused(bus: DynamixelBus) -> None:
    offsets = np.zeros(16, dtype=np.int64)
    offsets[JOINT] = 1025
    with pytest.raises(SafetyError, match=r"\[1025\] at 3 \(if_dip\); expected -1024 to 1024"):
        store_offsets(bus, offsets)
    assert bus.read(JOINT, "homing_offset") == 0
    offsets[JOINT] = -1024
    store_offsets(bus, offsets)
    assert bus.read(JOINT, "homing_offset") == -1024


def test_a_whole_turn_is_no_horn(bus: DynamixelBus) -> None:
    pose = np.full(16, 2048)
    pose[JOINT] += 4096
    with pytest.raises(SafetyError, match=r"more than once since power-up.*3 \(if_dip\).*off and on"):
        propose_offsets(pose, np.zeros(16, dtype=np.int64), (JOINT,))


def test_a_zero_that_was_not_found_is_named(hand: VirtualHandProcess, bus: DynamixelBus) -> None:
    with pytest.raises(SafetyError, match=r"3 \(if_dip\) reads \+0\.\d+ rad after"):
        confirm_zero(bus, lambda: hand.pass_time(0.01), (JOINT,))
