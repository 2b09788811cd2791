"""Power grasps: closes the whole hand around an object held out to it."""

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.grasps.grasp_batch import GraspBatch
from dexndm_gym.grasps.grasp_search_config import GraspSearch
from dexndm_gym.grasps.palm_rest import PALM_HEIGHT, PALM_REST_CENTER, SETTLE_TIME, START_POSE
from dexndm_gym.hand.joints import NUM_JOINTS, clip_to_limits
from dexndm_gym.objects.object_model import RotatableObject

_FLEXION = np.array([0.0, 1.0, 0.8, 0.6] * 3 + [0.0, 0.2, 0.8, 0.8])
"""How fast joints close, relative to the knuckles."""

_OPENING = np.array([0.0, 0.45, 0.45, 0.3] * 3 + [0.0, 0.0, 0.5, 0.5])
"""How far the hand is open before it closes, rad from START_POSE."""


def close_hand(
    batch: GraspBatch, item: RotatableObject, scale: FloatArray, search: GraspSearch, rng: np.random.Generator
) -> FloatArray:
    """Close open hands around objects until their fingers press, then let go of the objects.

    Args:
        batch: hands; gravity should be off.
        item: the object.
        scale: factors on its size, (n,).
        search: figures.
        rng: source of places, orientations and hand poses.

    Returns:
        Joint targets, (n, 16), rad.
    """
    pose = _places(item, scale, search, rng)
    n = len(pose)
    spread = rng.uniform(-search.pose_spread, search.pose_spread, (n, NUM_JOINTS))
    target = clip_to_limits(START_POSE - _OPENING + spread)
    step = _FLEXION * rng.uniform(0.6, 1.4, (n, NUM_JOINTS)) * search.closing_speed * CONTROL_PERIOD
    moving = np.ones((n, 4, 1), dtype=np.bool_)
    batch.begin(target, pose, target)
    batch.damp_object(2.0, 0.002)
    for _ in range(round(search.closing_time / CONTROL_PERIOD)):
        target = clip_to_limits(target + (step.reshape(n, 4, 4) * moving).reshape(n, NUM_JOINTS))
        batch.control[:] = target
        batch.run(CONTROL_PERIOD)
        behind = np.where(_FLEXION > 0.0, target - batch.joints, 0.0).reshape(n, 4, 4)
        moving &= behind.max(axis=2, keepdims=True) < search.press
    batch.damp_object(0.0, 0.0)
    batch.run(SETTLE_TIME)
    return target


def _places(item: RotatableObject, scale: FloatArray, search: GraspSearch, rng: np.random.Generator) -> FloatArray:
    """Poses in which objects are held out to the hand: in any orientation, near the palm rest, above the palm."""
    quat = rng.standard_normal((len(scale), 4))
    quat /= np.linalg.norm(quat, axis=1, keepdims=True)
    position = PALM_REST_CENTER + rng.uniform(-search.position_spread, search.position_spread, (len(scale), 3))
    lowest = np.array([_lowest(item, q) for q in quat])
    position[:, 2] += rng.uniform(0.0, search.height, len(scale))
    position[:, 2] = np.maximum(position[:, 2], PALM_HEIGHT + 0.002 - lowest * scale)
    return np.concatenate([position, quat], axis=1)


def _lowest(item: RotatableObject, quat: FloatArray) -> float:
    """Height of the lowest point of the object in this orientation, m from its center."""
    turned = [geom.moved(offset=np.zeros(3), turn=quat, factor=1.0) for geom in item.geoms]
    return min(geom.bounds[0, 2] for geom in turned)
