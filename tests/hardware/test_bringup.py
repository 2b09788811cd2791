"""Checking, calibrating and moving a hand for the first time."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.errors import HardwareError, SafetyError, StopRequestedError
from dexndm_gym.hardware import driver as driver_room
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.calibration import measure_pose, propose_offsets, store_offsets
from dexndm_gym.hardware.checkup import check_hand
from dexndm_gym.hardware.driver import DriverConfig, HandDriver, Reading
from dexndm_gym.hardware.mirror import MOTIONS, SWING, JointMotion, mirror
from dexndm_gym.hardware.pacing import NoPacer
from dexndm_gym.hardware.port import SerialPort
from dexndm_gym.hardware.registers import REGISTERS
from dexndm_gym.hardware.self_collision import OPEN_HAND
from dexndm_gym.hardware.session import HandSession
from dexndm_gym.hardware.step_response import step_responses
from dexndm_gym.hardware.units import ticks_from_rad
from dexndm_gym.virtual_hand.client import VirtualHandProcess


def put(servos: Any, servo: int, name: str, value: int) -> None:
    servos.set(servo, REGISTERS[name].address, REGISTERS[name].size, value)


@pytest.fixture
def healthy(servos: Any) -> Any:
    for servo in range(16):
        put(servos, servo, "present_input_voltage", 50)
        put(servos, servo, "present_temperature", 30)
        put(servos, servo, "operating_mode", 5)
    return servos


@pytest.mark.parametrize(
    ("register", "value", "text"),
    [
        ("hardware_error_status", 0x20, r"6 \(mf_pip\) has switched off: overload"),
        ("present_input_voltage", 34, r"3\.4 to 5\.0 V"),
        ("present_input_voltage", 72, r"5\.0 to 7\.2 V"),
        ("present_temperature", 68, r"6 \(mf_pip\): hotter than 65"),
        ("present_position", 6144, r"6 \(mf_pip\): far beyond"),
    ],
)
def test_problems_are_found(healthy: Any, bus: DynamixelBus, register: str, value: int, text: str) -> None:
    assert check_hand(bus).problems == ()
    put(healthy, 6, register, value)
    (problem,) = check_hand(bus).problems
    with pytest.raises(SafetyError, match=text):
        raise SafetyError(problem)


def test_advice(healthy: Any, bus: DynamixelBus, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_hand(bus).advice == ()
    put(healthy, 3, "return_delay_time", 250)
    put(healthy, 4, "model_number", 1240)
    put(healthy, 5, "torque_enable", 1)
    monkeypatch.setattr("dexndm_gym.hardware.checkup.adapter_latency_ms", lambda _path: 16)
    before = [bytes(table) for table in healthy.tables]
    advice = " ".join(check_hand(bus).advice)
    for text in ("500 us", "for 16 ms", "different models: [1200, 1240]", "Torque is on at 5 (mf_mcp)"):
        assert text in advice
    assert [bytes(table) for table in healthy.tables] == before, "a check changes nothing"


def test_calibration_makes_the_flat_hand_read_zero(healthy: Any, bus: DynamixelBus) -> None:
    for servo in range(16):
        put(healthy, servo, "present_position", 2048 + servo)
        put(healthy, servo, "homing_offset", 10)
    pose = measure_pose(bus, lambda: None)
    offsets = propose_offsets(pose, np.full(16, 10), range(1, 16))
    store_offsets(bus, offsets)
    assert bus.sync_read("homing_offset")["homing_offset"].tolist() == [10, *(10 - servo for servo in range(1, 16))]


def test_calibration_refuses_moving_hands_and_wrong_horns(healthy: Any, bus: DynamixelBus) -> None:
    positions = iter(range(2000, 4000, 4))
    with pytest.raises(SafetyError, match=r"9 \(rf_mcp\); hold"):
        measure_pose(bus, lambda: put(healthy, 9, "present_position", next(positions)))
    pose = np.full(16, 2048)
    pose[9] += 1024
    with pytest.raises(SafetyError, match=r"9 \(rf_mcp\)\. Is the hand really flat"):
        propose_offsets(pose, np.zeros(16, dtype=np.int64), range(16))
    propose_offsets(pose, np.zeros(16, dtype=np.int64), range(9))


@pytest.fixture
def process() -> Iterator[VirtualHandProcess]:
    with VirtualHandProcess() as process:
        yield process


@pytest.fixture
def hand_bus(process: VirtualHandProcess) -> Iterator[DynamixelBus]:
    bus = DynamixelBus(SerialPort(process.port, reply_timeout=0.02, confirm_silence=process.settle))
    bus.open()
    yield bus
    bus.close()


def test_mirror_and_gains_on_a_virtual_hand(process: VirtualHandProcess, hand_bus: DynamixelBus) -> None:
    with HandSession(hand_bus, NoPacer()) as session:
        motions = list(mirror(session, (1, 15)))
        assert all(process.command("status")["torque_enable"])
        (response,) = step_responses(session, (2,))
    assert not any(process.command("status")["torque_enable"])
    assert [motion.joint for motion in motions] == [1, 15]
    assert all(motion.correct for motion in motions)
    assert motions[0].pose[1] == SWING
    assert 0.05 <= response.rise_time <= 0.6
    assert abs(response.error) < 0.1
    with pytest.raises(HardwareError, match="has ended"):
        session.move_to(np.zeros(16))


def test_swapped_ids_are_seen(process: VirtualHandProcess, hand_bus: DynamixelBus) -> None:
    process.inject("stuck:servo=1")
    with HandSession(hand_bus, NoPacer()) as session:
        (motion,) = mirror(session, (1,))
    assert not motion.correct
    assert not JointMotion(1, np.zeros(16), moved=-SWING, others=0.0).correct
    assert not JointMotion(1, np.zeros(16), moved=SWING, others=0.3).correct


def test_a_session_goes_on_after_a_pause(process: VirtualHandProcess, hand_bus: DynamixelBus) -> None:
    with HandSession(hand_bus, NoPacer()) as session:
        session.move_to(np.zeros(16))
        process.command("pass_time", seconds=0.2)
        assert set(process.command("status")["bus_watchdog"]) == {-1}
        time.sleep(0.1)
        pose = np.full(16, 0.2)
        assert np.median(np.abs(session.move_to(pose) - pose)) < 0.1
        assert set(process.command("status")["bus_watchdog"]) == {4}


class CountingPacer(NoPacer):
    """Counts control periods."""

    periods = 0

    def wait(self) -> None:
        self.periods += 1


def test_a_way_begins_anew_where_the_servos_stopped_on_it(
    process: VirtualHandProcess, hand_bus: DynamixelBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held_up(*given: Any) -> Any:
        behind = ticks_from_rad(np.eye(16)[2] * 0.5) - ticks_from_rad(np.zeros(16))
        return rearm(*given) - behind

    rearm = driver_room.rearm
    monkeypatch.setattr(driver_room, "rearm", held_up)
    now, speed, goals = 0.0, 6.0, list[FloatArray]()
    driver = HandDriver(hand_bus, NoPacer(), DriverConfig(), clock=lambda: now)
    with closing(driver.connection), driver.connection.failing_safe():
        driver.connect()
        driver.move_to(np.zeros(16), 1.0)
        apply = driver._apply

        def noted(command: FloatArray) -> Reading:
            nonlocal now
            goals.append(command - driver.goal)
            reading = apply(command)
            if len(goals) == 4:
                now += 0.3  # longer than the servos' watchdog
                process.pass_time(0.3)
            return reading

        driver._apply = noted  # type: ignore[method-assign]
        pose = np.zeros(16)
        pose[[2, 3]] = 1.5
        driver.move_to(pose, speed)
        assert np.abs(driver.goal - pose).max() < 0.01
    assert driver._stops == 1
    assert np.abs(goals).max() < speed * CONTROL_PERIOD + 0.01


def test_session_moves_at_speed_in_control_periods(hand_bus: DynamixelBus) -> None:
    pacer = CountingPacer()
    with HandSession(hand_bus, pacer) as session:
        pacer.periods = 0
        session.hold(1.0)
        assert pacer.periods * CONTROL_PERIOD == pytest.approx(1.0)
        pacer.periods = 0
        session.move_to(np.eye(16)[1] * 0.5, speed=0.5)
        assert pacer.periods * CONTROL_PERIOD == pytest.approx(1.0, abs=3 * CONTROL_PERIOD)


def test_first_failure_is_the_one_told(
    process: VirtualHandProcess, hand_bus: DynamixelBus, caplog: pytest.LogCaptureFixture
) -> None:
    def lose_a_servo() -> None:
        with HandSession(hand_bus, NoPacer()) as session:
            process.inject("drop:servo=5")
            session.hold(0.5)

    with pytest.raises(HardwareError, match=r"stopped answering: 5 \(mf_mcp\)"):
        lose_a_servo()
    assert "do not confirm that their torque is off: 5 (mf_mcp)" in caplog.text


def test_moves_take_the_time_that_their_speed_says(process: VirtualHandProcess, hand_bus: DynamixelBus) -> None:
    with HandSession(hand_bus, NoPacer()) as session:
        session.move_to(OPEN_HAND)
        pose = OPEN_HAND.copy()
        pose[3] += 0.4
        begin = process.command("status")["time_s"]
        session.move_to(pose, speed=0.5)
        assert process.command("status")["time_s"] - begin == pytest.approx(0.4 / 0.5, abs=2 * CONTROL_PERIOD)
        begin = process.command("status")["time_s"]
        session.hold(1.0)
        assert process.command("status")["time_s"] - begin == pytest.approx(1.0)


def test_a_stopped_session_has_no_torque(process: VirtualHandProcess, hand_bus: DynamixelBus) -> None:
    def stopped() -> None:
        with HandSession(hand_bus, NoPacer()) as session:
            session.hold(0.1)
            session.stop("a key was pressed")
            assert not any(process.command("status")["torque_enable"])
            session.hold(0.1)

    with pytest.raises(StopRequestedError, match="a key was pressed"):
        stopped()
    assert not any(process.command("status")["torque_enable"])


def test_a_session_leaves_the_bus_open(process: VirtualHandProcess, hand_bus: DynamixelBus) -> None:
    for _ in range(2):
        with HandSession(hand_bus, NoPacer()) as session:
            session.hold(0.1)
    assert not hand_bus.sync_read("torque_enable")["torque_enable"].any()


def test_a_restart_in_bring_up_is_noticed(process: VirtualHandProcess, hand_bus: DynamixelBus) -> None:
    def restarted() -> None:
        with HandSession(hand_bus, NoPacer()) as session:
            session.hold(0.1)
            process.inject("reboot:servo=5")
            session.hold(0.5)

    with pytest.raises(SafetyError, match=r"restarted by themselves: 5 \(mf_mcp\)"):
        restarted()


def test_a_session_that_cannot_begin_leaves_torque_off(process: VirtualHandProcess, hand_bus: DynamixelBus) -> None:
    process.inject("overload:servo=4")
    with pytest.raises(HardwareError, match="overload"):
        HandSession(hand_bus, NoPacer()).__enter__()
    assert not any(process.command("status")["torque_enable"])


def test_every_joint_has_its_motion() -> None:
    assert len(MOTIONS) == len(set(MOTIONS)) == 16
