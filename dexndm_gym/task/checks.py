"""What comes from outside, checked before compiled code sees it: that would read whatever lies behind a short array."""

from typing import Any

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.errors import ConfigurationError, SimulationDivergedError
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.hand.state import HandState
from dexndm_gym.task import observation

POSE_SIZE = 7
"""Numbers of an object's pose: position in m, quaternion w x y z."""

_UNIT_TOLERANCE = 0.02
"""How far the length of a quaternion may be from 1; what is nearer is rounding."""

_FARTHEST = 10.0
"""How far from the hand a tracker may see the object, m: beyond, it says millimeters, or nonsense."""


def as_numbers(value: Any, shape: tuple[int, ...], what: str) -> FloatArray:
    """A value as the array that compiled functions expect: float64, contiguous, writable, of this shape.

    Masked numbers become NaN.

    Args:
        value: anything.
        shape: expected.
        what: its name in the error, such as "an action".

    Raises:
        ConfigurationError: it is no such array; the message names both shapes.
    """
    if type(value) is np.ndarray and value.dtype == np.float64 and value.shape == shape and value.flags.carray:
        return value
    try:
        if np.ma.is_masked(value):
            value = np.ma.filled(np.ma.array(value, dtype=np.float64), np.nan)
        array = np.require(value, np.float64, ["C", "A", "W", "E"])
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"Expected {what}: numbers of shape {shape}, got {type(value).__name__} {value!r:.60}"
        ) from error
    if array.shape != shape:
        raise ConfigurationError(f"Expected {what} of shape {shape}, got shape {array.shape}")
    return array


def checked_action(action: Any, num_hands: int) -> FloatArray:
    """Actions of n hands, (n, 16).

    Raises:
        ConfigurationError: another shape, or a number that is not finite.
    """
    array = as_numbers(action, (num_hands, NUM_JOINTS), "an action per hand")
    if not observation.all_finite(array):
        raise ConfigurationError("An action is not finite; expected 16 numbers in [-1, 1] per hand")
    return array


def checked_target(target: Any, num_hands: int, source: str) -> FloatArray:
    """Joint targets of n hands, (n, 16), rad.

    Raises:
        ConfigurationError: another shape, or a number that is not finite; ``source`` is named as where they come from.
    """
    array = as_numbers(target, (num_hands, NUM_JOINTS), f"targets from {source}")
    if not observation.all_finite(array):
        raise ConfigurationError(f"Targets from {source} are not finite; expected angles in rad")
    return array


def checked_pose(pose: Any) -> FloatArray | None:
    """What a tracker says of one object, (1, 7); None where it does not see it, which it says by None or NaN.

    Raises:
        ConfigurationError: another shape, a quaternion that is not of length 1, or a position far from any hand.
    """
    if pose is None:
        return None
    if isinstance(pose, np.ndarray) and pose.shape == (1, POSE_SIZE):
        pose = pose[0]
    seen = checked_poses(as_numbers(pose, (POSE_SIZE,), "a tracker's object_pose()")[None], 1)
    if seen is not None and np.abs(seen[0, :3]).max() > _FARTHEST:
        raise ConfigurationError(
            f"A tracker's object_pose() is at {seen[0, :3].tolist()}, more than {_FARTHEST:g} m from the hand; "
            "expected meters in the hand frame. An object that is not seen is None or NaN"
        )
    return seen


def checked_poses(poses: Any, num_hands: int) -> FloatArray | None:
    """Object poses of n hands, (n, 7), with NaN in the rows of those that are not seen; None where none is.

    Raises:
        ConfigurationError: another shape, or a quaternion that is not of length 1.
    """
    if poses is None:
        return None
    array = as_numbers(poses, (num_hands, POSE_SIZE), "object poses (m and quaternion w x y z, hand frame)").copy()
    seen, wrong = observation.mark_unseen(array, _UNIT_TOLERANCE)
    if wrong >= 0:
        raise ConfigurationError(
            f"Expected an object pose of position (m) and unit quaternion w x y z; got the quaternion "
            f"{array[wrong, 3:].tolist()} of length {np.linalg.norm(array[wrong, 3:]):.3g}. An object that is not seen "
            "is None or NaN"
        )
    return array if seen else None


def checked_state(state: Any, num_hands: int) -> HandState:
    """What n hands measure, whoever made them.

    Raises:
        ConfigurationError: no HandState, or an array of another shape.
        SimulationDivergedError: a number is not finite, other than in the poses of objects.
    """
    if not isinstance(state, HandState):
        raise ConfigurationError(f"Expected a HandState from state(), got {type(state).__name__}")
    arrays: dict[str, FloatArray | None] = {}
    for name in ("position", "velocity", "torque", "command"):
        value = getattr(state, name)
        if value is None and name != "position":
            continue
        array = as_numbers(value, (num_hands, NUM_JOINTS), f"HandState.{name}")
        if not observation.all_finite(array):
            raise SimulationDivergedError(f"HandState.{name} is not finite; reset the env to go on")
        arrays[name] = array
    return state._replace(object_pose=checked_poses(state.object_pose, num_hands), **arrays)
