"""Where zero is: offsets that make every joint of the flat, open hand read 180 degrees, stored in the servos."""

from collections.abc import Callable, Sequence

import numpy as np

from dexndm_gym.errors import SafetyError
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.safety import LIMIT_TOLERANCE
from dexndm_gym.hardware.transport import name_servos
from dexndm_gym.hardware.units import RAD_PER_TICK, ZERO_TICK
from dexndm_gym.leap.joints import IntArray

_SAMPLES = 20
_STEADY = 6
"""Ticks that a joint may move while it is measured, half a degree."""


def measure_pose(bus: DynamixelBus, wait: Callable[[], None]) -> IntArray:
    """Where a hand that is held still stands, (16,), ticks; ``wait`` is called between readings.

    Raises:
        SafetyError: joints moved meanwhile.
    """
    readings = []
    for _ in range(_SAMPLES):
        wait()
        readings.append(bus.sync_read("present_position", allow_alerts=True)["present_position"])
    spread = np.ptp(readings, axis=0)
    moving = np.flatnonzero(spread > _STEADY).tolist()
    if moving:
        raise SafetyError(f"These joints moved while they were measured: {name_servos(moving)}; hold the hand still")
    return np.rint(np.mean(readings, axis=0)).astype(np.int64)


def propose_offsets(pose: IntArray, offsets: IntArray, joints: Sequence[int]) -> IntArray:
    """Homing offsets with which the hand, which stands flat and reads ``pose``, would read zero.

    Args:
        pose: what the joints read now, (16,), ticks.
        offsets: homing offsets that they read it with, (16,), ticks.
        joints: those to calibrate; the others keep their offsets.

    Raises:
        SafetyError: a joint is so far from zero that its horn must be mounted wrongly.
    """
    chosen = np.isin(np.arange(len(pose)), joints)
    error = np.where(chosen, ZERO_TICK - pose, 0)
    far = np.flatnonzero(np.abs(error) * RAD_PER_TICK > LIMIT_TOLERANCE).tolist()
    if far:
        raise SafetyError(
            f"These joints read more than {LIMIT_TOLERANCE} rad from zero: {name_servos(far)}. Is the hand really "
            "flat? If so, take off their horns and mount them at 180 degrees as in the assembly manual"
        )
    return offsets + error


def store_offsets(bus: DynamixelBus, offsets: IntArray) -> None:
    """Write homing offsets, (16,), ticks, into the servos, where they stay.

    Raises:
        HardwareError: torque cannot be switched off, or a servo refuses.
    """
    bus.torque_off()
    bus.ensure("homing_offset", offsets)
