from itertools import pairwise

import pytest

from dexndm_gym.hardware.registers import ALERT_FLAG, REGISTERS, Register, describe_alerts
from dexndm_gym.virtual_hand.control_table import XL330_M288


def test_registers_do_not_overlap() -> None:
    ordered = sorted(REGISTERS.values(), key=lambda register: register.address)
    for before, after in pairwise(ordered):
        assert before.address + before.size <= after.address


@pytest.mark.parametrize("register", REGISTERS.values(), ids=list(REGISTERS))
def test_driver_and_virtual_servo_agree_without_sharing_code(register: Register) -> None:
    theirs = {entry.name: entry for entry in XL330_M288.registers}[register.name]
    assert (theirs.address, theirs.size, theirs.signed) == (register.address, register.size, register.signed)


def test_ranges_follow_from_size_and_sign() -> None:
    assert (REGISTERS["bus_watchdog"].minimum, REGISTERS["bus_watchdog"].maximum) == (-128, 127)
    assert (REGISTERS["goal_position"].minimum, REGISTERS["goal_position"].maximum) == (-(2**31), 2**31 - 1)
    assert (REGISTERS["position_p_gain"].minimum, REGISTERS["position_p_gain"].maximum) == (0, 65535)


def test_hardware_errors_in_words() -> None:
    assert describe_alerts(0x20) == "overload"
    assert describe_alerts(0x05) == "input voltage, overheating"
    assert "0x40" in describe_alerts(0x40)
    assert ALERT_FLAG == 0x80
