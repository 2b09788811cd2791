"""Closes the whole hand around an object held out to it, and the figures of all searches for grasps."""

from dataclasses import dataclass

import numpy as np

from dexndm_gym.checks import Checked, NotNegative, Positive
from dexndm_gym.grasps.grasp_batch import GraspBatch
from dexndm_gym.grasps.palm_rest import PALM_HEIGHT, PALM_REST_CENTER, SETTLE_TIME, START_POSE
from dexndm_gym.hand.joints import NUM_JOINTS, FloatArray, clip_to_limits
from dexndm_gym.objects.object_model import RotatableObject

_PERIOD = 0.05
"""Time between two targets while fingers close, s."""

_FLEXION = np.array([0.0, 1.0, 0.8, 0.6] * 3 + [0.0, 0.2, 0.8, 0.8])
"""How fast joints close, relative to the knuckles."""

_OPENING = np.array([0.0, 0.45, 0.45, 0.3] * 3 + [0.0, 0.0, 0.5, 0.5])
"""How far the hand is open before it closes, rad from START_POSE."""


@dataclass(frozen=True, kw_only=True)
class GraspSearch(Checked):
    """Figures of the search for grasps."""

    position_spread: NotNegative = 0.012
    """Half width of the scatter of the object's place about PALM_REST_CENTER, m."""

    height: NotNegative = 0.04
    """How much farther from the palm it may be held out, m: where fingertips meet, not only where the palm helps."""

    pose_spread: NotNegative = 0.2
    """Half width of the scatter of the open hand's joints, rad (the paper's relatives use 0.25 to 0.3)."""

    closing_speed: Positive = 1.2
    """Speed of the knuckles' targets while they close, rad/s; scatters from 0.6 to 1.4 times that."""

    closing_time: Positive = 2.0
    """s."""

    press: Positive = 0.08
    """A finger stops closing when a joint is this far behind its target, rad: about 0.09 N m."""

    friction: Positive = 0.6
    """Friction of the object while grasps are tried; less than nominal, so that a grasp that is kept is a firm one."""

    hold_time: Positive = 2.0
    """How long gravity pulls in each direction, s. From SETTLE_TIME on bodies must stay out of each other, in
    every physics step: objects slipping over an edge penetrate it for a step or two."""

    slip: Positive = 0.012
    """The farthest that a held object may give way, m."""

    reach: Positive = 0.06
    """The farthest that it may be from where it was held out, m; for a fist from PALM_REST_CENTER."""


def close_fists(
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
    step = _FLEXION * rng.uniform(0.6, 1.4, (n, NUM_JOINTS)) * search.closing_speed * _PERIOD
    moving = np.ones((n, 4, 1), dtype=np.bool_)
    batch.begin(target, pose, target)
    batch.damp_object(2.0, 0.002)
    for _ in range(round(search.closing_time / _PERIOD)):
        target = clip_to_limits(target + (step.reshape(n, 4, 4) * moving).reshape(n, NUM_JOINTS))
        batch.control[:] = target
        batch.run(_PERIOD)
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
