"""Targets and histories of n hands, compiled: from actions to targets, from steps to observations.

Numbers from outside are looked at here, too, since NumPy would take longer for a single hand's few.
"""

import numpy as np

from dexndm_gym.arrays import FloatArray, IntArray
from dexndm_gym.compiling import compiled
from dexndm_gym.task.episode_state import StructArray


def begin(episodes: StructArray, ids: IntArray, position: FloatArray, target: FloatArray) -> None:
    """Fill the histories of the hands ``ids``: they have always been at ``position``, (k, 16), sent to ``target``."""
    episodes["history"][ids, :, 0] = position[:, None]
    episodes["history"][ids, :, 1:] = target[:, None, None]


@compiled
def next_targets(
    episodes: StructArray, config: StructArray, action: FloatArray, lower: FloatArray, upper: FloatArray
) -> tuple[FloatArray, bool]:
    """Targets that actions (n, 16) lead to, (n, 16), rad, and whether all actions are finite.

    Args:
        episodes: running episodes, (n,).
        config: ``TaskConfig.record``.
        action: (n, 16), clipped to [-1, 1].
        lower: joint limits, (16,), rad.
        upper: joint limits, (16,), rad.
    """
    target, finite, scale = np.empty_like(action), True, config[0].action_scale
    for i in range(action.shape[0]):
        last = episodes[i].history[-1, 1]
        for joint in range(action.shape[1]):
            finite &= np.isfinite(action[i, joint])
            wanted = last[joint] + scale * min(max(action[i, joint], -1.0), 1.0)
            target[i, joint] = min(max(wanted, lower[joint]), upper[joint])
    return target, finite


@compiled
def push(episodes: StructArray, position: FloatArray, target: FloatArray, command: FloatArray) -> bool:
    """Add a step to every episode, its numbers (n, 16) in rad; returns whether its positions are finite."""
    finite = True
    for i in range(position.shape[0]):
        episodes[i].steps += 1
        history = episodes[i].history
        for step in range(history.shape[0] - 1):
            history[step] = history[step + 1]
        for joint in range(position.shape[1]):
            finite &= np.isfinite(position[i, joint])
            history[-1, 0, joint] = position[i, joint]
            history[-1, 1, joint] = target[i, joint]
            history[-1, 2, joint] = command[i, joint]
    return finite


@compiled
def observe(episodes: StructArray) -> np.ndarray:
    """Ten steps of (position, target) oldest first, wrist quaternion, axis, (n, 327), float32."""
    n, (steps, _, joints) = len(episodes), episodes[0].history.shape
    seen = np.empty((n, 2 * steps * joints + len(episodes[0].wrist_and_axis)), dtype=np.float32)
    for i in range(n):
        for row in range(2 * steps):
            for joint in range(joints):
                seen[i, row * joints + joint] = episodes[i].history[row // 2, row % 2, joint]
        for k in range(len(episodes[i].wrist_and_axis)):
            seen[i, 2 * steps * joints + k] = episodes[i].wrist_and_axis[k]
    return seen


@compiled
def all_finite(numbers: FloatArray) -> bool:
    """Whether every number of an array (n, k) is finite."""
    for i in range(numbers.shape[0]):
        for k in range(numbers.shape[1]):
            if not np.isfinite(numbers[i, k]):
                return False
    return True


@compiled
def mark_unseen(poses: FloatArray, tolerance: float) -> tuple[int, int]:
    """Make NaN of those poses, (n, 7), in which a number is not finite.

    Returns:
        How many others there are, and the first of those whose quaternion is not of length 1; -1 for none.
    """
    seen, wrong = 0, -1
    for i in range(poses.shape[0]):
        finite, square = True, 0.0
        for k in range(poses.shape[1]):
            finite &= np.isfinite(poses[i, k])
            square += poses[i, k] ** 2 if k >= 3 else 0.0
        if not finite:
            poses[i] = np.nan
            continue
        seen += 1
        if wrong < 0 and abs(np.sqrt(square) - 1.0) > tolerance:
            wrong = i
    return seen, wrong
