"""The control tables of the servos in LEAP hands, as data: XL330-M288-T and XC330-M288-T.

Both share addresses, sizes and units; they differ in model number, limits and default gains. Values are those of the
vendor's manual. Addresses below 64 are EEPROM: kept through a reboot, and writable only while torque is off.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dexndm_gym.constants import TICKS_PER_TURN

RAM_START = 64
PRESENT_VALUES = range(120, 148)
"""What the servo measures."""
INDIRECT_ADDRESS_START = 168


@dataclass(frozen=True, slots=True)
class Register:
    """One item of the control table."""

    name: str
    address: int
    size: int
    """Bytes: 1, 2 or 4, little endian."""
    writable: bool
    default: int
    minimum: int
    """Negative where the item is signed (two's complement)."""
    maximum: int

    @property
    def eeprom(self) -> bool:
        """Whether the item survives a reboot and is locked while torque is on."""
        return self.address < RAM_START

    @property
    def signed(self) -> bool:
        """Whether the bytes are two's complement."""
        return self.minimum < 0

    @property
    def code(self) -> str:
        """Format character of its bytes."""
        code = {1: "b", 2: "h", 4: "i"}[self.size]
        return code if self.signed else code.upper()


_R, _RW = False, True
_INT16 = (-(1 << 15), (1 << 15) - 1)
_INT32 = (-(1 << 31), (1 << 31) - 1)
_TURNS = 256 * TICKS_PER_TURN - 1
"""Largest goal in the multi-turn modes, ticks."""

# name, address, size, access, default, minimum, maximum
_COMMON = (
    ("model_number", 0, 2, _R, 0, 0, 0xFFFF),
    ("model_information", 2, 4, _R, 0, 0, 0xFFFFFFFF),
    ("firmware_version", 6, 1, _R, 0, 0, 255),
    ("id", 7, 1, _RW, 1, 0, 252),
    ("baud_rate", 8, 1, _RW, 1, 0, 6),
    ("return_delay_time", 9, 1, _RW, 250, 0, 254),
    ("drive_mode", 10, 1, _RW, 0, 0, 13),
    ("operating_mode", 11, 1, _RW, 3, 0, 16),
    ("secondary_id", 12, 1, _RW, 255, 0, 255),
    ("protocol_type", 13, 1, _RW, 2, 2, 22),
    ("homing_offset", 20, 4, _RW, 0, -1_044_479, 1_044_479),
    ("moving_threshold", 24, 4, _RW, 10, 0, 1023),
    ("temperature_limit", 31, 1, _RW, 70, 0, 100),
    ("max_voltage_limit", 32, 2, _RW, 70, 31, 70),
    ("min_voltage_limit", 34, 2, _RW, 35, 31, 70),
    ("pwm_limit", 36, 2, _RW, 885, 0, 885),
    ("current_limit", 38, 2, _RW, 0, 0, 0),
    ("velocity_limit", 44, 4, _RW, 0, 0, 2047),
    ("max_position_limit", 48, 4, _RW, 4095, 0, 4095),
    ("min_position_limit", 52, 4, _RW, 0, 0, 4095),
    ("startup_configuration", 60, 1, _RW, 0, 0, 3),
    ("pwm_slope", 62, 1, _RW, 140, 1, 255),
    ("shutdown", 63, 1, _RW, 0, 0, 63),
    ("torque_enable", 64, 1, _RW, 0, 0, 1),
    ("led", 65, 1, _RW, 0, 0, 1),
    ("status_return_level", 68, 1, _RW, 2, 0, 2),
    ("registered_instruction", 69, 1, _R, 0, 0, 1),
    ("hardware_error_status", 70, 1, _R, 0, 0, 255),
    ("velocity_i_gain", 76, 2, _RW, 1600, 0, 16383),
    ("velocity_p_gain", 78, 2, _RW, 0, 0, 16383),
    ("position_d_gain", 80, 2, _RW, 0, 0, 16383),
    ("position_i_gain", 82, 2, _RW, 0, 0, 16383),
    ("position_p_gain", 84, 2, _RW, 0, 0, 16383),
    ("feedforward_2nd_gain", 88, 2, _RW, 0, 0, 16383),
    ("feedforward_1st_gain", 90, 2, _RW, 0, 0, 16383),
    ("bus_watchdog", 98, 1, _RW, 0, -1, 127),
    ("goal_pwm", 100, 2, _RW, 0, *_INT16),
    ("goal_current", 102, 2, _RW, 0, *_INT16),
    ("goal_velocity", 104, 4, _RW, 0, *_INT32),
    ("profile_acceleration", 108, 4, _RW, 0, 0, 32767),
    ("profile_velocity", 112, 4, _RW, 0, 0, 32767),
    ("goal_position", 116, 4, _RW, 0, -_TURNS, _TURNS),
    ("realtime_tick", 120, 2, _R, 0, 0, 32767),
    ("moving", 122, 1, _R, 0, 0, 1),
    ("moving_status", 123, 1, _R, 0, 0, 255),
    ("present_pwm", 124, 2, _R, 0, *_INT16),
    ("present_current", 126, 2, _R, 0, *_INT16),
    ("present_velocity", 128, 4, _R, 0, *_INT32),
    ("present_position", 132, 4, _R, 0, *_INT32),
    ("velocity_trajectory", 136, 4, _R, 0, *_INT32),
    ("position_trajectory", 140, 4, _R, 0, *_INT32),
    ("present_input_voltage", 144, 2, _R, 0, 0, 0xFFFF),
    ("present_temperature", 146, 1, _R, 0, 0, 255),
    ("backup_ready", 147, 1, _R, 0, 0, 1),
)

BAUD_RATES = (9600, 57600, 115200, 1_000_000, 2_000_000, 3_000_000, 4_000_000)
"""Bits per second of the codes 0..6 of ``baud_rate``."""


class ServoModel:
    """The control table of one model."""

    def __init__(
        self, name: str, defaults: Mapping[str, int], *, stall_current: int = 1470, firmware: int = 52
    ) -> None:
        """Lay out the table.

        Args:
            name: the vendor's name.
            defaults: register values that differ from model to model; that of ``current_limit`` is also its maximum.
            stall_current: at the recommended 5 V, mA.
            firmware: firmware version; later than 52 there are 28 slots of indirect addressing instead of 20, which
                moves their data from 208 to 224.
        """
        self.name, self.stall_current = name, stall_current
        self.indirect_slots = 20 if firmware <= 52 else 28
        self.indirect_data_start = INDIRECT_ADDRESS_START + 2 * self.indirect_slots
        self.size = self.indirect_data_start + self.indirect_slots
        """Bytes of the table; beyond there is nothing to read."""
        overrides = {**defaults, "firmware_version": firmware}
        registers = [_register(row, overrides) for row in _COMMON]
        for slot in range(self.indirect_slots):
            address, data = INDIRECT_ADDRESS_START + 2 * slot, self.indirect_data_start + slot
            registers += [
                Register(f"indirect_address_{slot + 1}", address, 2, True, data, RAM_START, self.size - 1),
                Register(f"indirect_data_{slot + 1}", data, 1, True, 0, 0, 255),
            ]
        self.registers = tuple(sorted(registers, key=lambda register: register.address))
        self.by_name = {register.name: register for register in self.registers}
        self.fields = {r.name: (struct.Struct(f"<{r.code}"), r.address) for r in self.registers}
        """Register name -> how to read and write its bytes, and where."""
        self.byte_owner = {r.address + i: r for r in self.registers for i in range(r.size)}
        """The register that each defined byte belongs to."""

    def dtype(self) -> np.dtype:
        """The whole table as a structured type, one field per register."""
        return np.dtype(
            {
                "names": [r.name for r in self.registers],
                "formats": [f"<{r.code}" for r in self.registers],
                "offsets": [r.address for r in self.registers],
                "itemsize": self.size,
            }
        )


def _register(row: tuple[str, int, int, bool, int, int, int], overrides: Mapping[str, int]) -> Register:
    name, address, size, writable, default, minimum, maximum = row
    default = overrides.get(name, default)
    return Register(name, address, size, writable, default, minimum, default if name == "current_limit" else maximum)


XL330_M288 = ServoModel(
    "XL330-M288-T",
    {
        **{"model_number": 1200, "current_limit": 1750, "velocity_limit": 445, "shutdown": 53, "velocity_p_gain": 180},
        **{"position_p_gain": 400, "position_i_gain": 0, "position_d_gain": 0},
    },
    stall_current=1470,
)
XC330_M288 = ServoModel(
    "XC330-M288-T",
    {
        **{"model_number": 1240, "current_limit": 2352, "velocity_limit": 350, "shutdown": 52, "velocity_p_gain": 50},
        **{"position_p_gain": 1100, "position_i_gain": 0, "position_d_gain": 500},
    },
    stall_current=1800,
)
