"""Between what servos count in and what the package counts in.

One turn has 4096 ticks and the flat hand, 0 rad, reads 2048. Other drivers add pi as 3.14 one way and 3.14159 the other
and cut goals off instead of rounding them; here both directions share one constant and goals are rounded.
"""

import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import FloatArray, IntArray
from dexndm_gym.constants import TICKS_PER_TURN

ZERO_TICK = 2048
RAD_PER_TICK = 2 * np.pi / TICKS_PER_TURN

RAD_PER_SECOND_PER_UNIT = 0.229 * 2 * np.pi / 60
"""One unit of the velocity registers, 0.229 rpm, in rad/s."""

AMPERE_PER_UNIT = 0.001
"""One unit of the current registers in A (other drivers use the 1.34 mA of larger servos)."""


def rad_from_ticks(ticks: npt.ArrayLike) -> FloatArray:
    """Joint angles in rad from position ticks."""
    return (np.asarray(ticks, dtype=np.float64) - ZERO_TICK) * RAD_PER_TICK


def ticks_from_rad(angles: npt.ArrayLike) -> IntArray:
    """The nearest position ticks of joint angles in rad."""
    return np.rint(np.asarray(angles, dtype=np.float64) / RAD_PER_TICK + ZERO_TICK).astype(np.int64)


def rad_per_second_from_units(velocity: npt.ArrayLike) -> FloatArray:
    """Joint velocities in rad/s from the velocity register."""
    return np.asarray(velocity, dtype=np.float64) * RAD_PER_SECOND_PER_UNIT


def ampere_from_units(current: npt.ArrayLike) -> FloatArray:
    """Currents in A from the current register; X330 servos measure it at the supply, not in the motor's winding."""
    return np.asarray(current, dtype=np.float64) * AMPERE_PER_UNIT
