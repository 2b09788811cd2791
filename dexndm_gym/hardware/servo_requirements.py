"""What the servos' EEPROM has to hold for this hand: what set-up writes by itself, and what it leaves to a person.

Servos keep these registers for years, and other programs leave theirs in them. Set-up, ``check`` and ``calibrate`` all
go by the two tables here, so that none of them judges a hand by other modes than it will move in.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dexndm_gym.arrays import BoolArray, IntArray
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.hardware.registers import CURRENT_BASED_POSITION_MODE, OFFSET_RANGE, PWM_FULL, REGISTERS, REVERSE_MODE
from dexndm_gym.hardware.safety import MAX_COMMAND_STEP
from dexndm_gym.hardware.transport import name_servos
from dexndm_gym.hardware.units import RAD_PER_SECOND_PER_UNIT

if TYPE_CHECKING:
    from dexndm_gym.hardware.servo_setup import ServoSettings

IMPOSED = {
    "return_delay_time": 0,
    "drive_mode": 0,
    "operating_mode": CURRENT_BASED_POSITION_MODE,
    "secondary_id": 255,
    "max_position_limit": 4095,
    "min_position_limit": 0,
    "startup_configuration": 0,
    "pwm_slope": 140,
}
"""EEPROM registers that set-up writes where they differ: no finger reads another angle for it."""

_PROTECTION = 0x34
"""Bits of ``shutdown`` that every hand needs: overheating, electrical shock, overload."""
_HOTTEST = 70
"""Temperature limit of the factory, degrees Celsius."""
_HIGHEST_SUPPLY = 60
"""Supply that the servos are specified for, 0.1 V."""
_FASTEST = math.ceil(MAX_COMMAND_STEP / CONTROL_PERIOD / RAD_PER_SECOND_PER_UNIT)
"""Speed of goals that move as far as they may in each control period, 0.229 rpm."""

_CALIBRATE = "Run dexndm hand calibrate, which sets both zero and direction"


@dataclass(frozen=True)
class Requirement:
    """What one register has to hold where set-up does not write it."""

    register: str
    wanted: str
    """In words and the register's units."""
    holds: Callable[[IntArray], BoolArray]
    """Which of the values, (16,), will do."""
    remedy: str
    """What to do about the others."""

    def unmet(self, values: IntArray) -> Iterator[str]:
        """One sentence for each value, of the servos' (16,), that will not do."""
        wrong = ~self.holds(values)
        for value in np.unique(values[wrong]).tolist():
            servos = np.flatnonzero(wrong & (values == value)).tolist()
            yield (
                f"{name_servos(servos)}: {self.register} (register {REGISTERS[self.register].address}) is {value}; "
                f"expected {self.wanted}. {self.remedy}."
            )


def requirements(settings: "ServoSettings") -> tuple[Requirement, ...]:
    """What set-up with these settings needs and does not write by itself: a person has to decide."""
    hottest, lowest = max(_HOTTEST, settings.max_temperature), round(10 * settings.min_voltage)
    return (
        Requirement("protocol_type", "2", lambda v: v == 2, "Set it with the maker's Dynamixel Wizard"),
        Requirement(
            "drive_mode",
            f"no reverse mode (0), as bit {REVERSE_MODE} turns the joint around",
            lambda v: v & REVERSE_MODE == 0,
            _CALIBRATE,
        ),
        Requirement(
            "homing_offset",
            f"{-OFFSET_RANGE} to {OFFSET_RANGE}, as position mode ignores larger ones and the hand's mode does not",
            lambda v: np.abs(v) <= OFFSET_RANGE,
            _CALIBRATE,
        ),
        Requirement(
            "temperature_limit",
            f"{settings.max_temperature} to {hottest} degrees Celsius",
            lambda v: (v >= settings.max_temperature) & (v <= hottest),
            f"Set it to {hottest}, or choose another ServoSettings(max_temperature=...)",
        ),
        Requirement(
            "max_voltage_limit",
            f"at least {_HIGHEST_SUPPLY} (0.1 V)",
            lambda v: v >= _HIGHEST_SUPPLY,
            "Set it to 70; with less the servo switches off at a good supply",
        ),
        Requirement(
            "min_voltage_limit",
            f"at most {lowest} (0.1 V)",
            lambda v: v <= lowest,
            "Set it to 35; with more the servo switches off at a good supply",
        ),
        Requirement("pwm_limit", f"{PWM_FULL}", lambda v: v >= PWM_FULL, f"Set it to {PWM_FULL}"),
        Requirement(
            "current_limit",
            f"at least {settings.current_limit} mA, the goal current",
            lambda v: v >= settings.current_limit,
            "Raise it, or choose a lower ServoSettings(current_limit=...)",
        ),
        Requirement(
            "velocity_limit",
            f"at least {_FASTEST} (0.229 rpm), as goals move up to {MAX_COMMAND_STEP / CONTROL_PERIOD:g} rad/s",
            lambda v: v >= _FASTEST,
            "Set it to that of the factory, 445 (XL330) or 350 (XC330)",
        ),
        Requirement(
            "shutdown",
            f"bits {_PROTECTION:#04x} (overheating, electrical shock, overload) set",
            lambda v: v & _PROTECTION == _PROTECTION,
            f"Set it to that of the factory, 53 (XL330) or {_PROTECTION} (XC330): nothing else protects the servo",
        ),
    )


EEPROM = tuple(
    name for name, register in REGISTERS.items() if REGISTERS["return_delay_time"].address <= register.address < 64
)
"""The registers that both tables speak of; one request reads them all."""


def unmet(values: dict[str, IntArray], settings: "ServoSettings") -> list[str]:
    """What keeps set-up from leaving a hand whose flat fingers read 0 and that can move, one sentence each.

    Args:
        values: registers of ``EEPROM`` by name, (16,) each.
        settings: what the servos will be set to.
    """
    return [text for one in requirements(settings) for text in one.unmet(values[one.register])]


def changes(values: dict[str, IntArray]) -> dict[str, list[int]]:
    """Servos whose registers set-up will write, by register."""
    differ = {name: np.flatnonzero(values[name] != value).tolist() for name, value in IMPOSED.items()}
    return {name: servos for name, servos in differ.items() if servos}


def name_group(servos: list[int]) -> str:
    """Servos for messages; all of them in two words."""
    return "all servos" if len(servos) == NUM_JOINTS else name_servos(servos)
