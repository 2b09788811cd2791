"""The control tables as the manual prints them."""

import pytest

from dexndm_gym.virtual_hand.control_table import BAUD_RATES, XC330_M288, XL330_M288, ServoModel

MODELS = pytest.mark.parametrize("model", [XL330_M288, XC330_M288], ids=lambda model: model.name)


@pytest.mark.parametrize(
    ("model", "name", "address", "size", "default"),
    [
        (XL330_M288, "model_number", 0, 2, 1200),
        (XC330_M288, "model_number", 0, 2, 1240),
        (XL330_M288, "current_limit", 38, 2, 1750),
        (XC330_M288, "current_limit", 38, 2, 2352),
        (XL330_M288, "shutdown", 63, 1, 53),
        (XC330_M288, "shutdown", 63, 1, 52),
        (XL330_M288, "position_p_gain", 84, 2, 400),
        (XC330_M288, "position_p_gain", 84, 2, 1100),
        (XC330_M288, "position_d_gain", 80, 2, 500),
        (XL330_M288, "torque_enable", 64, 1, 0),
        (XL330_M288, "bus_watchdog", 98, 1, 0),
        (XL330_M288, "goal_position", 116, 4, 0),
        (XL330_M288, "present_current", 126, 2, 0),
        (XL330_M288, "present_velocity", 128, 4, 0),
        (XL330_M288, "present_position", 132, 4, 0),
        (XL330_M288, "present_temperature", 146, 1, 0),
        (XL330_M288, "indirect_address_1", 168, 2, 208),
        (XL330_M288, "indirect_data_20", 227, 1, 0),
    ],
)
def test_entries(model: ServoModel, name: str, address: int, size: int, default: int) -> None:
    register = model.by_name[name]
    assert (register.address, register.size, register.default) == (address, size, default)


@MODELS
def test_registers_do_not_overlap_and_defaults_are_writable(model: ServoModel) -> None:
    end = 0
    for register in model.registers:
        assert register.address >= end, register.name
        end = register.address + register.size
        assert register.minimum <= register.default <= register.maximum, register.name
    assert end == model.size


@MODELS
def test_eeprom_ends_below_torque_enable(model: ServoModel) -> None:
    assert model.by_name["shutdown"].eeprom
    assert not model.by_name["torque_enable"].eeprom


def test_newer_firmware_has_more_indirect_slots() -> None:
    model = ServoModel("XL330-M288-T", {"current_limit": 1750}, firmware=53)
    assert model.by_name["indirect_data_1"].address == 224
    assert model.indirect_slots == 28
    assert model.by_name["firmware_version"].default == 53


def test_baud_codes() -> None:
    assert BAUD_RATES[1] == 57600
    assert BAUD_RATES[6] == 4_000_000
