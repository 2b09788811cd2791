"""What one servo accepts, refuses and does on its own."""

import struct

import pytest

from dexndm_gym.virtual_hand.control_table import XL330_M288
from dexndm_gym.virtual_hand.packets import ALERT, StatusError
from dexndm_gym.virtual_hand.registers import RefusedError
from dexndm_gym.virtual_hand.servo_chain import ServoChain
from dexndm_gym.virtual_hand.servo_device import Device

OVERLOAD, VOLTAGE = 0x20, 0x01


@pytest.fixture
def device() -> Device:
    servo = Device(XL330_M288, memoryview(bytearray(XL330_M288.size)), 7)
    servo["present_position"] = 1900
    return servo


def set_register(device: Device, name: str, value: int) -> None:
    register = device.model.by_name[name]
    device.write(register.address, value.to_bytes(register.size, "little", signed=value < 0))


def refusal(device: Device, name: str, value: int) -> StatusError:
    with pytest.raises(RefusedError) as caught:
        set_register(device, name, value)
    return caught.value.error


def test_starts_as_set_up_for_a_hand(device: Device) -> None:
    assert (device["id"], device.baud, device["torque_enable"]) == (7, 4_000_000, 0)
    assert (device["goal_current"], device["goal_pwm"]) == (1750, 885)


@pytest.mark.parametrize("name", ["id", "operating_mode", "current_limit", "homing_offset", "shutdown"])
def test_eeprom_is_locked_while_torque_is_on(device: Device, name: str) -> None:
    value = device[name]
    set_register(device, "torque_enable", 1)
    assert refusal(device, name, value) == StatusError.ACCESS
    set_register(device, "torque_enable", 0)
    set_register(device, name, value)


@pytest.mark.parametrize("name", ["model_number", "present_position", "hardware_error_status", "realtime_tick"])
def test_read_only_registers_refuse(device: Device, name: str) -> None:
    assert refusal(device, name, 0) == StatusError.ACCESS


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("torque_enable", 2, StatusError.DATA_RANGE),
        ("position_p_gain", 16384, StatusError.DATA_RANGE),
        ("operating_mode", 2, StatusError.DATA_RANGE),
        ("operating_mode", 6, StatusError.DATA_RANGE),
        ("drive_mode", 2, StatusError.DATA_RANGE),
        ("baud_rate", 7, StatusError.DATA_RANGE),
        ("current_limit", 1751, StatusError.DATA_RANGE),
        ("bus_watchdog", -1, StatusError.DATA_RANGE),
        ("bus_watchdog", 200, StatusError.DATA_RANGE),
        ("profile_velocity", 32768, StatusError.DATA_RANGE),
        ("feedforward_1st_gain", 1, StatusError.DATA_RANGE),
        ("pwm_slope", 100, StatusError.DATA_RANGE),
        ("goal_position", 4096, StatusError.DATA_LIMIT),
        ("goal_position", -1, StatusError.DATA_LIMIT),
        ("goal_current", 1751, StatusError.DATA_LIMIT),
        ("goal_current", -1751, StatusError.DATA_LIMIT),
        ("goal_pwm", 886, StatusError.DATA_LIMIT),
        ("goal_velocity", 446, StatusError.DATA_LIMIT),
    ],
)
def test_values_out_of_range_or_limit_change_nothing(device: Device, name: str, value: int, error: StatusError) -> None:
    before = bytes(device.memory)
    assert refusal(device, name, value) == error
    assert bytes(device.memory) == before


def test_limits_follow_the_registers(device: Device) -> None:
    set_register(device, "current_limit", 300)
    assert refusal(device, "goal_current", 301) == StatusError.DATA_LIMIT
    set_register(device, "min_position_limit", 1000)
    assert refusal(device, "goal_position", 999) == StatusError.DATA_LIMIT
    set_register(device, "operating_mode", 5)
    set_register(device, "goal_position", -200_000)
    assert refusal(device, "goal_position", 1_048_576) == StatusError.DATA_RANGE


def test_partial_and_undefined_addresses(device: Device) -> None:
    for address, data, error in [
        (116, b"\0\0", StatusError.DATA_LENGTH),
        (117, b"\0\0\0\0", StatusError.DATA_LENGTH),
        (116, b"", StatusError.DATA_LENGTH),
        (14, b"\0", StatusError.ACCESS),
        (device.model.size, b"\0", StatusError.ACCESS),
        (65535, b"\0", StatusError.ACCESS),
    ]:
        with pytest.raises(RefusedError) as caught:
            device.write(address, data)
        assert caught.value.error == error


def test_write_over_several_registers_is_atomic(device: Device) -> None:
    device.write(80, struct.pack("<HHH", 200, 3, 600))
    assert (device["position_d_gain"], device["position_i_gain"], device["position_p_gain"]) == (200, 3, 600)
    with pytest.raises(RefusedError):
        device.write(80, struct.pack("<HHH", 1, 1, 16384))
    assert device["position_d_gain"] == 200


def test_reads(device: Device) -> None:
    assert device.read(0, 2) == (1200).to_bytes(2, "little")
    assert device.read(14, 6) == bytes(6), "undefined bytes read as zero"
    assert len(device.read(0, device.model.size)) == device.model.size
    for address, length, error in [(0, 0, 5), (device.model.size - 1, 2, 7), (60000, 4, 7)]:
        with pytest.raises(RefusedError) as caught:
            device.read(address, length)
        assert caught.value.error == error


def test_torque_on_takes_the_present_position_as_goal(device: Device) -> None:
    set_register(device, "goal_position", 100)
    set_register(device, "torque_enable", 1)
    assert device["goal_position"] == 1900
    set_register(device, "goal_position", 200)
    set_register(device, "torque_enable", 1)
    assert device["goal_position"] == 200, "torque was on already"


@pytest.mark.parametrize(("mode", "goal"), [(0, "goal_current"), (1, "goal_velocity"), (16, "goal_pwm")])
def test_every_mode_starts_at_rest(device: Device, mode: int, goal: str) -> None:
    set_register(device, "operating_mode", mode)
    set_register(device, goal, 100)
    set_register(device, "torque_enable", 1)
    assert device[goal] == 0
    set_register(device, goal, -100)
    set_register(device, "torque_enable", 1)
    assert device[goal] == -100, "torque was on already"


def test_a_goal_may_switch_torque_on(device: Device) -> None:
    set_register(device, "goal_position", 2000)
    assert device["torque_enable"] == 0
    set_register(device, "drive_mode", 8)
    set_register(device, "goal_position", 2000)
    assert (device["torque_enable"], device["goal_position"]) == (1, 2000)
    device.latch_error(OVERLOAD)
    set_register(device, "goal_position", 2100)
    assert device["torque_enable"] == 0, "not before a reboot"


@pytest.mark.parametrize(("mode", "goal"), [(0, "goal_current"), (1, "goal_velocity"), (16, "goal_pwm")])
def test_watchdog_stops_every_mode(device: Device, mode: int, goal: str) -> None:
    set_register(device, "operating_mode", mode)
    set_register(device, "torque_enable", 1)
    set_register(device, goal, 100)
    set_register(device, "bus_watchdog", 1)
    assert device.watchdog_deadline == pytest.approx(0.02)
    device.check_watchdog(0.021)
    assert (device["bus_watchdog"], device[goal]) == (-1, 0)
    assert refusal(device, goal, 50) == StatusError.DATA_RANGE


def test_mode_change_resets_gains_and_limits(device: Device) -> None:
    for name, value in [("position_p_gain", 800), ("goal_current", 350), ("goal_pwm", 100)]:
        set_register(device, name, value)
    set_register(device, "operating_mode", 3)
    assert device["position_p_gain"] == 800, "this was no change"
    set_register(device, "operating_mode", 5)
    assert (device["position_p_gain"], device["goal_current"], device["goal_pwm"]) == (400, 1750, 885)


def test_error_in_shutdown_switches_off_until_reboot(device: Device) -> None:
    set_register(device, "torque_enable", 1)
    device.latch_error(OVERLOAD)
    assert (device["torque_enable"], device.alert) == (0, ALERT)
    assert refusal(device, "torque_enable", 1) == StatusError.RESULT_FAIL
    device.boot()
    assert device.alert == 0
    set_register(device, "torque_enable", 1)


def test_error_outside_shutdown_only_alerts(device: Device) -> None:
    set_register(device, "shutdown", OVERLOAD)
    set_register(device, "torque_enable", 1)
    device.latch_error(VOLTAGE)
    assert (device["torque_enable"], device.alert) == (1, ALERT)


def test_watchdog_holds_and_locks_the_goals(device: Device) -> None:
    set_register(device, "torque_enable", 1)
    set_register(device, "goal_position", 2500)
    set_register(device, "bus_watchdog", 5)
    device["present_position"] = 2000
    device.last_packet = 1.0
    device.check_watchdog(1.1)
    assert device["bus_watchdog"] == 5
    device.check_watchdog(1.101)
    assert (device["bus_watchdog"], device["torque_enable"], device["goal_position"]) == (-1, 1, 2000)
    assert device.read(98, 1) == b"\xff"
    assert refusal(device, "goal_position", 2100) == StatusError.DATA_RANGE
    assert refusal(device, "goal_current", 100) == StatusError.DATA_RANGE
    assert refusal(device, "bus_watchdog", 5) == StatusError.DATA_RANGE
    set_register(device, "bus_watchdog", 0)
    set_register(device, "goal_position", 2100)


def test_watchdog_sleeps_without_torque(device: Device) -> None:
    set_register(device, "bus_watchdog", 1)
    device.check_watchdog(100.0)
    assert device["bus_watchdog"] == 1


def test_indirect_read_and_write(device: Device) -> None:
    for slot, target in enumerate([70, 132, 133, 134, 135]):
        set_register(device, f"indirect_address_{slot + 1}", target)
    device["hardware_error_status"] = 4
    assert device.read(208, 5) == b"\x04" + (1900).to_bytes(4, "little")
    for slot, target in enumerate([84, 85, 116, 117, 118, 119]):
        set_register(device, f"indirect_address_{slot + 1}", target)
    device.write(208, struct.pack("<Hi", 700, 1234))
    assert (device["position_p_gain"], device["goal_position"]) == (700, 1234)
    assert device.covers(208, 6, "goal_position")
    assert not device.covers(208, 2, "goal_position")
    with pytest.raises(RefusedError) as caught:
        device.write(208, struct.pack("<Hi", 800, 5000))
    assert caught.value.error == StatusError.DATA_LIMIT
    assert device["position_p_gain"] == 700


def test_unassigned_indirect_data_is_plain_memory(device: Device) -> None:
    device.write(208, b"\x11\x22")
    assert device.read(208, 2) == b"\x11\x22"


def test_indirect_addresses_exclude_eeprom(device: Device) -> None:
    assert refusal(device, "indirect_address_1", 63) == StatusError.DATA_RANGE
    assert refusal(device, "indirect_address_1", device.model.size) == StatusError.DATA_RANGE


def test_boot_keeps_eeprom_and_forgets_ram(device: Device) -> None:
    set_register(device, "return_delay_time", 0)
    set_register(device, "position_p_gain", 900)
    set_register(device, "torque_enable", 1)
    device.register_write(65, b"\x01")
    device.boot()
    assert (device["return_delay_time"], device["position_p_gain"], device["torque_enable"]) == (0, 400, 0)
    assert device["goal_position"] == 1900
    with pytest.raises(RefusedError):
        device.action()


@pytest.mark.parametrize(("keep_id", "keep_baud"), [(True, True), (True, False), (False, False)])
def test_factory_reset(device: Device, keep_id: bool, keep_baud: bool) -> None:
    set_register(device, "current_limit", 200)
    device.factory_reset(keep_id=keep_id, keep_baud=keep_baud)
    assert device["id"] == (7 if keep_id else 1)
    assert device.baud == (4_000_000 if keep_baud else 57600)
    assert (device["current_limit"], device["goal_current"]) == (1750, 1750)


def test_registered_write_waits_for_action(device: Device) -> None:
    device.register_write(116, (1500).to_bytes(4, "little"))
    assert (device["registered_instruction"], device["goal_position"]) == (1, 0)
    device.action()
    assert (device["registered_instruction"], device["goal_position"]) == (0, 1500)


def test_chain_gives_each_servo_its_id(chain: ServoChain) -> None:
    assert [device["id"] for device in chain.devices] == list(range(16))


def test_a_backup_brings_the_eeprom_back(device: Device) -> None:
    assert device["backup_ready"] == 0
    with pytest.raises(RefusedError):
        device.restore_backup()
    set_register(device, "current_limit", 600)
    device.store_backup()
    device.factory_reset(keep_id=False, keep_baud=False)
    assert (device["id"], device["current_limit"], device["backup_ready"]) == (1, 1750, 1)
    device.restore_backup()
    assert (device["id"], device["baud_rate"], device["current_limit"]) == (7, 6, 600)
    set_register(device, "torque_enable", 1)
    for refused in (device.store_backup, device.restore_backup):
        with pytest.raises(RefusedError) as caught:
            refused()
        assert caught.value.error == StatusError.RESULT_FAIL


def test_startup_configuration_restores_ram_and_torque(device: Device) -> None:
    set_register(device, "position_p_gain", 900)
    set_register(device, "goal_position", 2500)
    device.store_backup()
    device.boot()
    assert (device["position_p_gain"], device["torque_enable"]) == (400, 0)
    set_register(device, "startup_configuration", 3)
    device.boot()
    assert (device["position_p_gain"], device["torque_enable"]) == (900, 1)
    assert device["goal_position"] == device["present_position"]
