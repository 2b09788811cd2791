"""The spaces that every env id has."""

import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Box, Space

from dexndm_gym.constants import HISTORY
from dexndm_gym.hand.joints import NUM_JOINTS


def action_space() -> Space[npt.NDArray[np.float32]]:
    """How far each joint's target moves: 16 numbers in [-1, 1] in motor order."""
    return Box(-1.0, 1.0, (NUM_JOINTS,), np.float32)


def observation_space() -> Space[npt.NDArray[np.float32]]:
    """Ten steps of (position, previous target) in rad, wrist quaternion, rotation axis: 327 numbers."""
    angles = np.full(HISTORY * 2 * NUM_JOINTS, np.pi, dtype=np.float32)
    unit = np.ones(4 + 3, dtype=np.float32)
    high = np.concatenate([angles, unit])
    return Box(-high, high, dtype=np.float32)
