"""When an object counts as lost, compiled: a drop ends the episode."""

from typing import Any

import numpy as np

from dexndm_gym.arrays import BoolArray, FloatArray, Vector
from dexndm_gym.compiling import compiled
from dexndm_gym.task.episode_state import StructArray
from dexndm_gym.task.quaternions import clip, dot, norm, vector


@compiled
def is_dropped(center: Vector, config: Any) -> bool:
    """Whether an object with its center here, m, hand frame, is lost: ``drop_distance`` from where a hand can hold it.

    Args:
        center: of the object.
        config: a row of ``TaskConfig.record``.
    """
    first, last = vector(config.holding_line[0], 0), vector(config.holding_line[1], 0)
    along = (last[0] - first[0], last[1] - first[1], last[2] - first[2])
    way = (center[0] - first[0], center[1] - first[1], center[2] - first[2])
    share = clip(dot(way, along) / dot(along, along), 0.0, 1.0)
    nearest = (way[0] - share * along[0], way[1] - share * along[1], way[2] - share * along[2])
    return norm(nearest) > config.drop_distance


@compiled
def are_dropped(config: StructArray, pose: FloatArray) -> BoolArray:
    """``is_dropped`` of every object, (n,); poses are (n, 7), hand frame."""
    lost = np.zeros(len(pose), dtype=np.bool_)
    for i in range(len(pose)):
        lost[i] = is_dropped(vector(pose[i], 0), config[0])
    return lost
