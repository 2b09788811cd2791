"""How objects are held out to hands that try to grasp them."""

from collections.abc import Sequence

import mujoco
import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.objects.object_model import RotatableObject

SIZE_SCALE = (0.95, 1.05)
"""Range of the factor on an object's size."""


def draw_orientations(item: RotatableObject, count: int, upright: float, rng: np.random.Generator) -> FloatArray:
    """Orientations to hold an object out in, (count, 4), w x y z: upright at any heading, or any at all."""
    quat = rng.standard_normal((count, 4))
    quat /= np.linalg.norm(quat, axis=1, keepdims=True)
    heading = rng.uniform(-np.pi, np.pi, count) / 2.0
    for i in np.flatnonzero(rng.random(count) < upright):
        quat[i] = _product((np.cos(heading[i]), 0.0, 0.0, np.sin(heading[i])), np.array(item.upright))
    return quat


def draw_scale(item: RotatableObject, tries: int, rng: np.random.Generator) -> FloatArray:
    """Factors on the object's size, (tries,); hulls cannot be scaled in a simulation."""
    return np.ones(tries) if item.has_hulls else rng.uniform(*SIZE_SCALE, tries)


def _product(a: Sequence[float] | FloatArray, b: FloatArray) -> FloatArray:
    result = np.empty(4)
    mujoco.mju_mulQuat(result, np.asarray(a), b)
    return result
