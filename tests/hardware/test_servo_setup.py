from typing import Any

import numpy as np
import pytest

from dexndm_gym.errors import BusProtocolError, ConfigurationError, MissingServoError, SafetyError, ServoAlertError
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.registers import REGISTERS
from dexndm_gym.hardware.servo_requirements import IMPOSED
from dexndm_gym.hardware.servo_setup import ServoSettings, check_health, hold_still, prepare
from dexndm_gym.hardware.watchdog import rearm

SETTINGS = ServoSettings()


def address(name: str) -> int:
    return REGISTERS[name].address


def order_of_first_writes(servos: Any) -> dict[int, int]:
    """Position in the order of writes at which each address was first written."""
    order: dict[int, int] = {}
    for place, (_, where, _) in enumerate(servos.writes):
        order.setdefault(where, place)
    return order


def value(servos: Any, servo: int, name: str) -> int:
    return servos.get(servo, address(name), REGISTERS[name].size)


def test_settings_of_the_hand(servos: Any, bus: DynamixelBus) -> None:
    prepare(bus, SETTINGS)
    for servo in range(16):
        side = servo in (0, 4, 8)
        assert value(servos, servo, "operating_mode") == 5
        assert value(servos, servo, "position_p_gain") == (600 if side else 800)
        assert value(servos, servo, "position_d_gain") == (150 if side else 200)
        assert value(servos, servo, "position_i_gain") == 0
        assert value(servos, servo, "goal_current") == 500
        assert value(servos, servo, "return_delay_time") == 0
        assert value(servos, servo, "torque_enable") == 0


def test_torque_is_off_before_eeprom_is_written(servos: Any, bus: DynamixelBus) -> None:
    for servo in range(16):
        servos.set(servo, address("torque_enable"), 1, 1)
        servos.set(servo, address("return_delay_time"), 1, 250)
    prepare(bus, SETTINGS)
    order = order_of_first_writes(servos)
    for name in ("operating_mode", "return_delay_time"):
        assert order[address("torque_enable")] < order[address(name)]


def test_eeprom_is_left_alone_where_it_is_right(servos: Any, bus: DynamixelBus) -> None:
    prepare(bus, SETTINGS)
    servos.writes.clear()
    prepare(bus, SETTINGS)
    assert all(where >= 64 for _, where, _ in servos.writes)


def test_an_expired_watchdog_is_cleared_first(servos: Any, bus: DynamixelBus) -> None:
    for servo in range(16):
        servos.set(servo, address("bus_watchdog"), 1, -1)
    prepare(bus, SETTINGS)
    order = order_of_first_writes(servos)
    assert order[address("bus_watchdog")] < order[address("goal_current")]
    assert value(servos, 0, "bus_watchdog") == 0


def test_goals_are_at_present_position_before_torque(servos: Any, bus: DynamixelBus) -> None:
    present = 2048 + 20 * np.arange(16)
    for servo in range(16):
        servos.set(servo, address("present_position"), 4, int(present[servo]))
    goals = hold_still(bus, SETTINGS)
    np.testing.assert_array_equal(goals, present)
    torque_on = servos.writes.index((0, address("torque_enable"), 1))
    before = servos.writes[:torque_on]
    assert [goal for _, where, goal in before if where == address("goal_position")] == present.tolist()
    assert (15, address("bus_watchdog"), 4) in before
    assert value(servos, 15, "torque_enable") == 1


@pytest.mark.parametrize(("tick", "joint"), [(0, "3 (if_dip)"), (2048 + 4096, "3 (if_dip)")])
def test_no_torque_on_a_joint_that_reads_nonsense(servos: Any, bus: DynamixelBus, tick: int, joint: str) -> None:
    servos.set(3, address("present_position"), 4, tick)
    with pytest.raises(SafetyError) as caught:
        hold_still(bus, SETTINGS)
    assert joint in str(caught.value)
    assert servos.writes == []


def test_a_servo_that_refuses_torque_is_named(servos: Any, bus: DynamixelBus) -> None:
    servos.read_only = {address("torque_enable")}
    with pytest.raises(BusProtocolError, match="kept torque_enable at 0"):
        hold_still(bus, SETTINGS)


def test_alerts_stop_the_start_unless_reboot_is_allowed(servos: Any, bus: DynamixelBus) -> None:
    servos.errors[7] = 0x80
    servos.set(7, address("hardware_error_status"), 1, 0x20)
    with pytest.raises(ServoAlertError, match=r"7 \(mf_dip\): overload"):
        prepare(bus, SETTINGS)
    assert servos.errors[7] == 0x80
    prepare(bus, ServoSettings(reboot_alerted=True))
    assert servos.errors[7] == 0


def test_health(servos: Any, bus: DynamixelBus) -> None:
    hold_still(bus, SETTINGS)
    for servo in range(16):
        servos.set(servo, address("present_input_voltage"), 2, 50)
        servos.set(servo, address("present_temperature"), 1, 40)
    assert check_health(bus, SETTINGS)
    servos.set(2, address("bus_watchdog"), 1, -1)
    assert not check_health(bus, SETTINGS)
    servos.set(2, address("torque_enable"), 1, 0)
    with pytest.raises(SafetyError, match=r"2 \(if_pip\)"):
        check_health(bus, SETTINGS)


def test_rearming_clears_the_watchdog_before_goals_are_written(servos: Any, bus: DynamixelBus) -> None:
    hold_still(bus, SETTINGS)
    servos.writes.clear()
    for servo in range(16):
        servos.set(servo, address("bus_watchdog"), 1, -1)
    for servo in range(16):
        servos.set(servo, address("present_input_voltage"), 2, 50)
    rearm(bus, SETTINGS.watchdog)
    assert servos.writes[16:32] == [(servo, address("bus_watchdog"), 4) for servo in range(16)]
    assert servos.writes[:16] == [(servo, address("bus_watchdog"), 0) for servo in range(16)]
    assert check_health(bus, SETTINGS)
    assert value(servos, 0, "bus_watchdog") == 4


@pytest.mark.parametrize(
    ("name", "number", "error", "message"),
    [
        ("present_input_voltage", 35, SafetyError, r"3\.5 V at servo 6 \(mf_pip\)"),
        ("present_temperature", 66, SafetyError, r"6 \(mf_pip\) is at 66 degrees"),
        ("model_number", 1190, MissingServoError, r"6 \(mf_pip\) is model 1190"),
    ],
)
def test_what_the_health_check_sees(
    servos: Any, bus: DynamixelBus, name: str, number: int, error: type[Exception], message: str
) -> None:
    hold_still(bus, SETTINGS)
    for servo in range(16):
        servos.set(servo, address("present_input_voltage"), 2, 50)
    assert check_health(bus, SETTINGS)
    servos.set(6, address(name), 1 if name == "present_temperature" else 2, number)
    with pytest.raises(error, match=message):
        check_health(bus, SETTINGS)


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.05, 3.0])
def test_watchdogs_that_cannot_be_set(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match=r"multiple of 0\.02 s|greater than 0"):
        ServoSettings(watchdog=seconds)


def test_a_quiet_servo_is_told_to_speak_first(servos: Any, bus: DynamixelBus) -> None:
    for servo in range(16):
        servos.set(servo, address("status_return_level"), 1, 0)
    prepare(bus, SETTINGS)
    assert servos.writes[0] == (0, address("status_return_level"), 2)


@pytest.mark.parametrize(("name", "wanted"), IMPOSED.items())
def test_set_up_writes_what_moves_no_zero(servos: Any, bus: DynamixelBus, name: str, wanted: int) -> None:
    other = 8 if name == "drive_mode" else wanted ^ 3
    servos.set(3, address(name), REGISTERS[name].size, other)
    prepare(bus, SETTINGS)
    assert value(servos, 3, name) == wanted


def test_a_goal_that_a_servo_refuses_is_named(servos: Any, bus: DynamixelBus) -> None:
    servos.refused = {address("goal_position"): 6}
    with pytest.raises(BusProtocolError, match=r"goal_position \(register 116\) to 2048: Servo 0 .*beyond the limit"):
        hold_still(bus, SETTINGS)
