"""Where zero is: offsets that make every joint of the flat, open hand read 180 degrees, stored in the servos.

A servo's reading depends on its modes, so zero is measured in those that the environment sets.
"""

from collections.abc import Callable, Sequence

import numpy as np

from dexndm_gym.arrays import IntArray
from dexndm_gym.constants import TICKS_PER_TURN
from dexndm_gym.errors import SafetyError
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.registers import OFFSET_RANGE
from dexndm_gym.hardware.safety import LIMIT_TOLERANCE
from dexndm_gym.hardware.servo_requirements import IMPOSED
from dexndm_gym.hardware.servo_setup import STATUS_RETURN_LEVEL
from dexndm_gym.hardware.transport import name_servos
from dexndm_gym.hardware.units import RAD_PER_TICK, ZERO_TICK

_SAMPLES = 20
_STEADY = 6
"""Ticks that a joint may move while it is measured, half a degree."""


def impose_modes(bus: DynamixelBus, joints: Sequence[int] = range(NUM_JOINTS)) -> None:
    """Switch the torque off and set the modes that the environment will set, as far as zero depends on them.

    Args:
        bus: the servos.
        joints: those that will be calibrated. The others keep their direction, as their zero was found with it.

    Raises:
        HardwareError: torque cannot be switched off, or a servo refuses.
    """
    bus.sync_write("status_return_level", STATUS_RETURN_LEVEL)
    bus.torque_off()
    # A servo with a second id would take its neighbor's offset for its own.
    bus.ensure("secondary_id", IMPOSED["secondary_id"])
    kept = bus.sync_read("drive_mode")["drive_mode"]
    bus.ensure("drive_mode", np.where(np.isin(np.arange(NUM_JOINTS), joints), IMPOSED["drive_mode"], kept))
    bus.ensure("operating_mode", IMPOSED["operating_mode"])


def measure_pose(bus: DynamixelBus, wait: Callable[[], None], joints: Sequence[int] = range(NUM_JOINTS)) -> IntArray:
    """Where a hand that is held still stands, (16,), ticks, in the environment's modes, which it is set to.

    Args:
        bus: the servos; their torque goes off.
        wait: called between readings.
        joints: those that will be calibrated.

    Raises:
        SafetyError: joints moved meanwhile.
        HardwareError: torque cannot be switched off, or a servo refuses a mode.
    """
    impose_modes(bus, joints)
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
        pose: what the joints read now, (16,), ticks, as ``measure_pose`` says.
        offsets: homing offsets that they read it with, (16,), ticks.
        joints: those to calibrate; the others keep their offsets.

    Raises:
        SafetyError: a joint stands so far from where its servo has zero that its horn must be mounted wrongly, or that
            it must have turned more than once.
    """
    chosen = np.isin(np.arange(len(pose)), joints)
    wanted = np.where(chosen, ZERO_TICK - (pose - offsets), offsets)
    turned = np.flatnonzero(chosen & (np.abs(wanted) > TICKS_PER_TURN // 2)).tolist()
    if turned:
        raise SafetyError(
            f"These joints have turned more than once since power-up, which an offset would not outlive: "
            f"{name_servos(turned)}. Switch the hand off and on, then calibrate again"
        )
    far = np.flatnonzero(chosen & (np.abs(wanted) * RAD_PER_TICK > LIMIT_TOLERANCE)).tolist()
    if far:
        raise SafetyError(
            f"These joints stand more than {LIMIT_TOLERANCE} rad from their servos' own zero: {name_servos(far)}. Is "
            "the hand really flat? If so, take off their horns and mount them at 180 degrees as in the assembly manual"
        )
    return wanted


def store_offsets(bus: DynamixelBus, offsets: IntArray) -> None:
    """Write homing offsets, (16,), ticks, into the servos, where they stay, and read them again.

    Raises:
        SafetyError: an offset is one that position mode would ignore; nothing is written.
        HardwareError: torque cannot be switched off, or a servo refuses.
    """
    beyond = np.flatnonzero(np.abs(offsets) > OFFSET_RANGE).tolist()
    if beyond:
        raise SafetyError(
            f"homing_offset would be {[int(offsets[servo]) for servo in beyond]} at {name_servos(beyond)}; expected "
            f"{-OFFSET_RANGE} to {OFFSET_RANGE}, as servos ignore more in position mode. Calibrate these joints, too"
        )
    bus.torque_off()
    bus.ensure("homing_offset", offsets)


def confirm_zero(bus: DynamixelBus, wait: Callable[[], None], joints: Sequence[int]) -> None:
    """After offsets were stored, with the hand still held flat: see that these joints do read zero.

    Raises:
        SafetyError: a joint reads something else; the message names it.
        HardwareError: the servos cannot be read.
    """
    error = measure_pose(bus, wait, joints) - ZERO_TICK
    for servo in joints:
        if abs(error[servo]) > _STEADY:
            raise SafetyError(
                f"{name_servos([servo])} reads {error[servo] * RAD_PER_TICK:+.3f} rad after its homing_offset was "
                "stored; expected 0. Was the hand held still? Calibrate again; if it stays, replace the servo"
            )
