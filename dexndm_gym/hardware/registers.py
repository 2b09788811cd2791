"""The part of the X330 servos' control table that the hand needs, as data.

Addresses, sizes and units are the vendor's, equal for XL330 and XC330. Registers below 64 are EEPROM: they survive a
power cycle and can be written only while torque is off.
"""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import IntArray
from dexndm_gym.checks import Bound
from dexndm_gym.errors import ConfigurationError

MODEL_NAMES = {1200: "XL330-M288-T", 1240: "XC330-M288-T"}
"""Servos that a LEAP hand is built from, by model number: the light and the full version."""

CURRENT_BASED_POSITION_MODE = 5

REVERSE_MODE = 0x01
"""Bit of the drive mode that turns the servo's direction around."""

OFFSET_RANGE = 1024
"""Largest homing offset that position mode heeds, ticks; it ignores larger ones, which the other modes add."""

WATCHDOG_UNIT = 0.020
"""Seconds per unit of the bus watchdog."""
WATCHDOG_EXPIRED = -1
"""What the bus watchdog reads once it has stopped the servo; goals are read-only until 0 is written to it."""

TICK_WRAP = 32768
"""Milliseconds after which a servo's clock begins again."""

PWM_FULL = 885
"""Full duty in units of the PWM registers."""

Gain: TypeAlias = Annotated[int, Bound(least=0, most=16_383)]
"""What the registers of gains take."""

Current: TypeAlias = Annotated[int, Bound(least=1, most=1_750)]
"""Goal currents that move a joint, mA."""


@dataclass(frozen=True)
class Register:
    """One entry of the control table."""

    name: str
    address: int
    size: int
    """Bytes: 1, 2 or 4, little endian."""
    signed: bool = False

    @property
    def minimum(self) -> int:
        """Smallest value that its bytes can hold."""
        return -(1 << (8 * self.size - 1)) if self.signed else 0

    @property
    def maximum(self) -> int:
        """Largest value that its bytes can hold."""
        return (1 << (8 * self.size - int(self.signed))) - 1

    def encode(self, value: int) -> bytes:
        """The bytes of a value.

        Raises:
            ConfigurationError: they cannot hold it.
        """
        if not self.minimum <= value <= self.maximum:
            raise ConfigurationError(f"{self.name} takes values from {self.minimum} to {self.maximum}, got {value}")
        return value.to_bytes(self.size, "little", signed=self.signed)

    def decode(self, rows: npt.NDArray[np.uint8], begin: int) -> IntArray:
        """Values (servos,) out of bytes (servos, n) that were read from address ``begin`` on."""
        offset = self.address - begin
        cells = np.ascontiguousarray(rows[:, offset : offset + self.size])
        return cells.view(f"<{'i' if self.signed else 'u'}{self.size}")[:, 0].astype(np.int64)


REGISTERS = {
    register.name: register
    for register in (
        Register("model_number", 0, 2),
        Register("firmware_version", 6, 1),
        Register("return_delay_time", 9, 1),  # 2 us
        Register("drive_mode", 10, 1),
        Register("operating_mode", 11, 1),
        Register("secondary_id", 12, 1),  # 253 and more: none
        Register("protocol_type", 13, 1),
        Register("homing_offset", 20, 4, signed=True),  # ticks
        Register("temperature_limit", 31, 1),  # degrees Celsius
        Register("max_voltage_limit", 32, 2),  # 0.1 V
        Register("min_voltage_limit", 34, 2),  # 0.1 V
        Register("pwm_limit", 36, 2),  # 1/885 of full duty
        Register("current_limit", 38, 2),  # mA
        Register("velocity_limit", 44, 4),  # 0.229 rpm
        Register("max_position_limit", 48, 4),  # ticks
        Register("min_position_limit", 52, 4),  # ticks
        Register("startup_configuration", 60, 1),
        Register("pwm_slope", 62, 1),  # 1.977 mV/ms
        Register("shutdown", 63, 1),
        Register("torque_enable", 64, 1),
        Register("status_return_level", 68, 1),
        Register("hardware_error_status", 70, 1),
        Register("position_d_gain", 80, 2),
        Register("position_i_gain", 82, 2),
        Register("position_p_gain", 84, 2),
        Register("feedforward_2nd_gain", 88, 2),
        Register("feedforward_1st_gain", 90, 2),
        Register("bus_watchdog", 98, 1, signed=True),  # 20 ms
        Register("goal_pwm", 100, 2, signed=True),  # 1/885 of full duty
        Register("goal_current", 102, 2, signed=True),  # mA
        Register("profile_acceleration", 108, 4),
        Register("profile_velocity", 112, 4),
        Register("goal_position", 116, 4, signed=True),  # ticks
        Register("realtime_tick", 120, 2),  # ms, see TICK_WRAP
        Register("present_current", 126, 2, signed=True),  # mA
        Register("present_velocity", 128, 4, signed=True),  # 0.229 rpm
        Register("present_position", 132, 4, signed=True),  # ticks
        Register("present_input_voltage", 144, 2),  # 0.1 V
        Register("present_temperature", 146, 1),  # degrees Celsius
    )
}
"""By name."""

ALERT_FLAG = 0x80
"""Bit in the error byte of every status packet while the hardware error status is not zero."""

ALERTS = {0x01: "input voltage", 0x04: "overheating", 0x08: "encoder", 0x10: "electrical shock", 0x20: "overload"}
"""Bits of the hardware error status."""

PROTOCOL_ERRORS = {
    1: "could not carry out the instruction",
    2: "unknown instruction",
    3: "checksum of the instruction was wrong",
    4: "value out of the register's range",
    5: "data of the wrong length",
    6: "value beyond the limit set in EEPROM",
    7: "register cannot be accessed now (read-only, or EEPROM while torque is on)",
}
"""Error codes of a status packet, without the alert flag."""


def describe_alerts(status: int) -> str:
    """The hardware error status in words."""
    names = [name for bit, name in ALERTS.items() if status & bit]
    return ", ".join(names) if names else f"unknown hardware error 0x{status:02x}"
