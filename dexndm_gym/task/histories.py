"""Targets and histories of n hands, compiled: from actions to base targets, from steps to observations."""

import numpy as np

from dexndm_gym.compiling import compiled
from dexndm_gym.leap.joints import FloatArray
from dexndm_gym.task.episodes import Records


@compiled
def next_targets(
    episodes: Records, config: Records, action: FloatArray, lower: FloatArray, upper: FloatArray
) -> FloatArray:
    """Base targets that actions (n, 16) lead to, (n, 16), rad.

    Args:
        episodes: running episodes, (n,).
        config: ``TaskConfig.record``.
        action: (n, 16), clipped to [-1, 1].
        lower: joint limits, (16,), rad.
        upper: joint limits, (16,), rad.
    """
    base, scale = np.empty_like(action), config[0].action_scale
    for i in range(action.shape[0]):
        last = episodes[i].history[-1, 1]
        for joint in range(action.shape[1]):
            wanted = last[joint] + scale * min(max(action[i, joint], -1.0), 1.0)
            base[i, joint] = min(max(wanted, lower[joint]), upper[joint])
    return base


@compiled
def push(episodes: Records, position: FloatArray, base: FloatArray, sent: FloatArray) -> None:
    """Add a step to every episode, its numbers (n, 16) in rad."""
    for i in range(position.shape[0]):
        episodes[i].steps += 1
        history = episodes[i].history
        for step in range(history.shape[0] - 1):
            history[step] = history[step + 1]
        for joint in range(position.shape[1]):
            history[-1, 0, joint] = position[i, joint]
            history[-1, 1, joint] = base[i, joint]
            history[-1, 2, joint] = sent[i, joint]


@compiled
def observe(episodes: Records) -> np.ndarray:
    """Ten steps of (position, base target) oldest first, wrist quaternion, axis, (n, 327), float32."""
    n, (steps, _, joints) = len(episodes), episodes[0].history.shape
    seen = np.empty((n, 2 * steps * joints + len(episodes[0].frame)), dtype=np.float32)
    for i in range(n):
        for row in range(2 * steps):
            for joint in range(joints):
                seen[i, row * joints + joint] = episodes[i].history[row // 2, row % 2, joint]
        for k in range(len(episodes[i].frame)):
            seen[i, 2 * steps * joints + k] = episodes[i].frame[k]
    return seen
