"""Closes fingertips on an object held out between them: the paper's way of holding."""

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.grasps.grasp_batch import GraspBatch
from dexndm_gym.grasps.palm_rest import CANONICAL_POSE
from dexndm_gym.hand.joints import NUM_JOINTS, clip_to_limits

_POSE_SPREAD = 0.2
"""Half width of the noise on the joints of the canonical pose, rad (the paper's relatives use 0.25 to 0.3)."""

_PLACE_SPREAD = 0.005
"""Half width of the noise on the object's place, m."""

_OPENING = np.array([0.0, 0.1, 0.1, 0.06] * 3 + [0.0, 0.0, 0.1, 0.1])
"""How far the hand is opened first, rad."""

_SPEED = 0.06
"""Speed of the fingertips' targets, m/s; scatters from 0.6 to 1.4 times that."""

_CLOSING_TIME = 2.0
_PRESS = 0.08
"""A finger stops when a joint is this far from its target, rad: about 0.09 N m."""

_SETTLING, _SETTLING_TIME = (5.0, 0.005), 0.3
"""Damping of an object that presses fingers apart, N s/m and N m s/rad, and for how long, s."""

_HOLDING_BACK = (300.0, 0.3)
"""Damping of the object until all fingers are there, N s/m and N m s/rad: it hardly moves."""


def hold_between_fingertips(
    batch: GraspBatch, quat: FloatArray, rng: np.random.Generator, *, close: bool
) -> tuple[FloatArray, FloatArray]:
    """Put objects between the thumb and the fingers of hands in the canonical pose, and let the hands hold them.

    Args:
        batch: hands; gravity should be off.
        quat: orientations of the objects, (n, 4), w x y z, hand frame.
        rng: source of hand poses, places and speeds.
        close: drive the fingertips at the object until they press, as a small object needs. Else the pose stays what
            the hand is to take, and what is as wide as the gap presses its fingers apart.

    Returns:
        Joint targets with the fingers pressing, (n, 16), rad, and where the objects were put, (n, 3), m.
    """
    n = len(quat)
    pose = clip_to_limits(CANONICAL_POSE + rng.uniform(-_POSE_SPREAD, _POSE_SPREAD, (n, NUM_JOINTS)))
    away = np.tile([0.0, 0.0, 1.0], (n, 1))
    batch.begin(pose, np.concatenate([away, quat], axis=1), pose)
    tips = batch.tips
    between = 0.5 * (tips[:, :3].mean(axis=1) + tips[:, 3])
    place = between + rng.uniform(-_PLACE_SPREAD, _PLACE_SPREAD, (n, 3))
    target = clip_to_limits(pose - _OPENING) if close else pose
    batch.begin(target, np.concatenate([place, quat], axis=1), target)
    if close:
        target = _close(batch, target, rng)
    else:
        batch.damp_object(*_SETTLING)
        batch.run(_SETTLING_TIME)
    batch.damp_object(0.0, 0.0)
    return target, place


def _close(batch: GraspBatch, target: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Drive all fingertips straight at the objects, which hardly move, until they press; the targets, (n, 16)."""
    n = len(target)
    batch.damp_object(*_HOLDING_BACK)
    step = _SPEED * CONTROL_PERIOD * rng.uniform(0.6, 1.4, (n, 4, 1))
    moving = np.ones((n, 4, 1), dtype=np.bool_)
    for _ in range(round(_CLOSING_TIME / CONTROL_PERIOD)):
        gap = batch.object_pose[:, None, :3] - batch.tips
        distance = np.linalg.norm(gap, axis=2, keepdims=True)
        advance = gap / np.maximum(distance, 1e-3) * np.minimum(step, distance)
        turn = _joint_steps(batch.tip_jacobians(), advance) * moving
        target = clip_to_limits(target + turn.reshape(n, NUM_JOINTS))
        batch.control[:] = target
        batch.run(CONTROL_PERIOD)
        behind = np.abs(target - batch.joints).reshape(n, 4, 4)
        moving &= behind.max(axis=2, keepdims=True) < _PRESS
    return target


def _joint_steps(jacobian: FloatArray, advance: FloatArray) -> FloatArray:
    """Steps of the joints, (n, 4, 4), rad, that move the tips by ``advance``, (n, 4, 3), m: damped least squares."""
    across = jacobian.swapaxes(-1, -2)
    step = across @ np.linalg.solve(jacobian @ across + 1e-5 * np.eye(3), advance[..., None])
    return np.clip(step[..., 0], -0.12, 0.12)
