"""Each fault does what its name says, when it is told to, and leaves nothing behind."""

import struct
from collections.abc import Callable

import numpy as np
import pytest

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.virtual_hand.faults import FAULTS, LINE_FAULTS, Fault, Faults
from dexndm_gym.virtual_hand.servo_chain import ServoChain

ANSWER = bytes(range(64))


@pytest.fixture
def plugged() -> list[bool]:
    return []


@pytest.fixture
def faults(chain: ServoChain, plugged: list[bool]) -> Faults:
    return Faults(chain, plugged.append)


def pass_time(chain: ServoChain, faults: Faults, seconds: float) -> None:
    for _ in range(round(seconds / 0.05)):
        chain.advance(0.05)
        faults.update()


def test_text_and_options() -> None:
    fault = Fault.parse("stuck:servo=5,after=2,duration=1.5,every=10,probability=0.5,count=3,value=7")
    assert fault == Fault(kind="stuck", servo=5, after=2, duration=1.5, every=10, probability=0.5, count=3, value=7)
    assert Fault.parse("drop").servos == list(range(16))
    assert Fault.parse("delay").size == 0.1


@pytest.mark.parametrize(
    "text",
    ["teapot", "", "drop:servo=16", "drop:servo=x", "drop:size=3", "drop:probability=0", "drop:after=-1", "drop:servo"],
)
def test_what_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"expected|must be"):
        Fault.parse(text)


def test_line_faults_spoil_answers(faults: Faults) -> None:
    assert faults.disturb(ANSWER) == (ANSWER, 0)
    faults.add(Fault.parse("corrupt:count=1"))
    spoilt, delay = faults.disturb(ANSWER)
    assert delay == 0
    assert sum(bin(a ^ b).count("1") for a, b in zip(spoilt, ANSWER, strict=True)) == 1
    assert faults.disturb(ANSWER) == (ANSWER, 0)
    faults.add(Fault.parse("truncate"))
    assert ANSWER.startswith(faults.disturb(ANSWER)[0])
    assert len(faults.disturb(ANSWER)[0]) < len(ANSWER)
    faults.clear()
    faults.add(Fault.parse("duplicate"))
    faults.add(Fault.parse("delay:value=0.2"))
    assert faults.disturb(ANSWER) == (ANSWER * 2, 0.2)
    faults.clear()
    assert faults.disturb(ANSWER) == (ANSWER, 0)


def test_probability_is_the_share_of_exchanges(faults: Faults) -> None:
    faults.add(Fault.parse("drop:servo=3,probability=0.2"))
    hits = [faults.cut_off() for _ in range(2000)]
    assert set(map(frozenset, hits)) == {frozenset(), frozenset({3})}
    assert 0.15 < np.mean([bool(hit) for hit in hits]) < 0.25


def test_schedule(chain: ServoChain, faults: Faults) -> None:
    faults.add(Fault.parse("drop:after=0.1,duration=0.1,every=0.3"))
    seen = []
    for _ in range(12):
        seen.append(bool(faults.cut_off()))
        pass_time(chain, faults, 0.05)
    assert seen == [False, False, True, True, False, False, False, False, True, True, False, False]


def test_a_dropped_servo_neither_hears_nor_answers(bus, ask: Callable) -> None:
    bus.cut_off = {3}
    assert ask(3, 0x01) == []
    assert [pong.id for pong in ask(0xFE, 0x01)] == [0, 1, 2, *range(4, 16)]
    ask(0xFE, 0x03, struct.pack("<HB", 65, 1))
    bus.cut_off = set()
    assert [ask(servo, 0x02, struct.pack("<HH", 65, 1))[0].parameters[1] for servo in (2, 3)] == [1, 0]


@pytest.mark.parametrize(
    ("kind", "register", "value"), [("wrong_model", "model_number", 1190), ("wrong_id", "id", 100)]
)
def test_wrong_identities(chain: ServoChain, faults: Faults, kind: str, register: str, value: int) -> None:
    before = chain.devices[5][register]
    faults.add(Fault(kind=kind, servo=5, after=0.1, duration=0.2))
    assert chain.devices[5][register] == before
    pass_time(chain, faults, 0.1)
    assert chain.devices[5][register] == value
    assert chain.devices[4][register] != value
    pass_time(chain, faults, 0.2)
    assert chain.devices[5][register] == before


def test_overload_and_overheating_switch_a_servo_off(chain: ServoChain, faults: Faults) -> None:
    for device in chain.devices:
        device["torque_enable"] = 1
    faults.add(Fault.parse("overload:servo=2"))
    faults.add(Fault.parse("overheating:servo=3"))
    pass_time(chain, faults, 0.5)
    status = [device["hardware_error_status"] for device in chain.devices[:5]]
    assert status == [0, 0, 0x20, 0x04, 0]
    assert [device["torque_enable"] for device in chain.devices[:5]] == [1, 1, 0, 0, 1]
    faults.clear()
    pass_time(chain, faults, 0.05)
    assert chain.devices[3]["present_temperature"] == 30
    assert chain.devices[3]["hardware_error_status"] == 0x04, "only a reboot clears it"


def test_reboot_and_power_loss(chain: ServoChain, faults: Faults) -> None:
    for device in chain.devices:
        device["torque_enable"] = 1
    faults.add(Fault.parse("reboot:servo=2"))
    faults.add(Fault.parse("power_loss:servo=3,duration=0.2"))
    assert [chain.devices[servo]["torque_enable"] for servo in (1, 2, 3)] == [1, 0, 0]
    assert [chain.devices[servo].powered for servo in (1, 2, 3)] == [True, True, False]
    pass_time(chain, faults, 0.25)
    assert chain.devices[3].powered


def test_stuck_joint_stays_until_let_go(physics, chain: ServoChain, faults: Faults) -> None:
    for device in chain.devices:
        device["torque_enable"], device["goal_position"] = 1, 2500
    faults.add(Fault.parse("stuck:servo=6,duration=0.5"))
    pass_time(chain, faults, 0.45)
    assert [chain.devices[servo]["present_position"] == 2048 for servo in (5, 6, 7)] == [False, True, False]
    pass_time(chain, faults, 0.5)
    assert chain.devices[6]["present_position"] > 2300


def test_a_brown_out_stops_servos_and_they_boot(chain: ServoChain, faults: Faults) -> None:
    chain.devices[0]["torque_enable"] = 1
    faults.add(Fault.parse("brown_out:duration=0.2"))
    pass_time(chain, faults, 0.1)
    assert not any(device.powered for device in chain.devices)
    pass_time(chain, faults, 0.2)
    assert all(device.powered for device in chain.devices)
    assert chain.devices[0]["torque_enable"] == 0


def test_unplugging(chain: ServoChain, faults: Faults, plugged: list[bool]) -> None:
    faults.add(Fault.parse("unplug:duration=0.2"))
    assert plugged == [False]
    pass_time(chain, faults, 0.25)
    assert plugged == [False, True]


def test_every_state_ends_when_faults_are_cleared(chain: ServoChain, faults: Faults) -> None:
    def registers() -> list[tuple[int, ...]]:
        names = ("id", "model_number", "present_temperature", "present_input_voltage", "present_position")
        return [tuple(device[name] for name in names) for device in chain.devices]

    pass_time(chain, faults, 1.0)
    before = registers()
    for kind in FAULTS:
        faults.add(Fault(kind=kind, servo=4))
    faults.clear()
    pass_time(chain, faults, 1.0)
    assert registers() == before
    assert all(device.powered for device in chain.devices)
    assert faults.disturb(ANSWER) == (ANSWER, 0)
    assert not faults.cut_off()


def test_kinds_are_described_once() -> None:
    assert len(FAULTS) == 14
    assert all(FAULTS[kind] for kind in LINE_FAULTS)
