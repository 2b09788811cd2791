"""Registers from an earlier life: check and set-up judge them alike, by name and value."""

from typing import Any

import numpy as np
import pytest

from dexndm_gym.errors import BusTimeoutError, SafetyError
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.checkup import check_hand
from dexndm_gym.hardware.registers import REGISTERS
from dexndm_gym.hardware.servo_requirements import EEPROM, IMPOSED, requirements, unmet
from dexndm_gym.hardware.servo_setup import ServoSettings, prepare

WRONG = (
    *(("protocol_type", 21), ("drive_mode", 1), ("drive_mode", 9), ("homing_offset", 1025), ("homing_offset", -1500)),
    *(("temperature_limit", 60), ("temperature_limit", 90), ("max_voltage_limit", 55), ("min_voltage_limit", 45)),
    *(("pwm_limit", 400), ("current_limit", 300), ("velocity_limit", 100), ("shutdown", 0x14), ("shutdown", 0)),
)


@pytest.fixture
def hand(servos: Any) -> Any:
    """Servos that are fit to move."""
    for servo in range(16):
        put(servos, servo, "present_input_voltage", 50)
    return servos


def put(servos: Any, servo: int, name: str, value: int) -> None:
    servos.set(servo, REGISTERS[name].address, REGISTERS[name].size, value)


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_check_and_set_up_name_the_same_register(hand: Any, bus: DynamixelBus, name: str, value: int) -> None:
    assert check_hand(bus).problems == ()
    put(hand, 6, name, value)
    (problem,) = check_hand(bus).problems
    address = REGISTERS[name].address
    assert problem.startswith(f"6 (mf_pip): {name} (register {address}) is {value}; expected ")
    with pytest.raises(SafetyError) as refusal:
        prepare(bus, ServoSettings())
    assert str(refusal.value) == problem


def test_every_register_below_64_is_judged_or_harmless(hand: Any, bus: DynamixelBus) -> None:
    judged = {one.register for one in requirements(ServoSettings())} | set(IMPOSED)
    assert set(EEPROM) == judged


def test_what_set_up_writes_is_a_note(hand: Any, bus: DynamixelBus) -> None:
    put(hand, 6, "secondary_id", 3)
    put(hand, 7, "startup_configuration", 1)
    checkup = check_hand(bus)
    assert checkup.problems == ()
    notes = " ".join(checkup.advice)
    assert "secondary_id (register 12) of 6 (mf_pip) is 3; the environment sets 255" in notes
    assert "startup_configuration (register 60) of 7 (mf_dip) is 1; the environment sets 0" in notes


def test_needs_follow_the_settings(hand: Any, bus: DynamixelBus) -> None:
    put(hand, 6, "current_limit", 300)
    assert check_hand(bus, ServoSettings(current_limit=300)).problems == ()


def test_servos_with_one_value_share_a_sentence(hand: Any, bus: DynamixelBus) -> None:
    for servo, value in ((2, 300), (6, 300), (9, 200)):
        put(hand, servo, "current_limit", value)
    few, many = check_hand(bus).problems
    assert few.startswith("9 (rf_mcp): current_limit (register 38) is 200; expected at least 500 mA")
    assert many.startswith("2 (if_pip), 6 (mf_pip): current_limit (register 38) is 300")


def test_servos_of_the_factory_need_nothing(hand: Any, bus: DynamixelBus) -> None:
    assert unmet({name: np.array(v) for name, v in bus.sync_read(*EEPROM).items()}, ServoSettings()) == []


def test_check_names_the_register_that_silences_servos(hand: Any, bus: DynamixelBus) -> None:
    put(hand, 3, "status_return_level", 0)
    with pytest.raises(BusTimeoutError, match=r"status_return_level \(register 68\)"):
        check_hand(bus)
