"""Closes fingertips on a small object, where closing the whole hand would make a fist around it."""

import numpy as np

from dexndm_gym.leap.grasps import CUP_CENTRE, START_POSE
from dexndm_gym.leap.joints import NUM_JOINTS, FloatArray, clip_to_limits
from dexndm_gym.leap.trials import Trials

LARGEST = 0.05
"""Longest side of the objects that are small in this sense, m."""

_REGION = np.array([[-0.03, -0.04, 0.005], [0.06, 0.05, 0.06]])
"""Where fingertips can meet: corners of a box about CUP_CENTRE, m."""

_CANDIDATES = 200
"""Points of the box that are looked at in each try."""

_POSE_SPREAD = 0.2
"""Half width of the scatter of the hand's joints about START_POSE, rad."""

_OPENING = np.array([0.0, 0.1, 0.1, 0.06] * 3 + [0.0, 0.0, 0.1, 0.1])
"""How far the hand is opened first, rad."""

_SPEED = 0.06
"""Speed of the fingertips' targets, m/s; scatters from 0.6 to 1.4 times that."""

_CLOSING_TIME, _PERIOD = 2.0, 0.05
_PRESS = 0.08
"""A finger stops when a joint is this far from its target, rad: about 0.09 N m."""

_HOLDING_BACK = (300.0, 0.3)
"""Damping of the object until all fingers are there, N s/m and N m s/rad: it hardly moves."""


def close_tips(trials: Trials, quat: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Hold objects out to where fingertips meet, and drive all fingertips straight at them.

    Args:
        trials: hands; gravity should be off.
        quat: orientations of the objects, (n, 4).
        rng: source of hand poses, places and speeds.

    Returns:
        Joint targets, (n, 16), rad, with the fingers pressing.
    """
    n = len(quat)
    target = clip_to_limits(START_POSE - _OPENING + rng.uniform(-_POSE_SPREAD, _POSE_SPREAD, (n, NUM_JOINTS)))
    away = np.tile([0.0, 0.0, 1.0], (n, 1))
    trials.begin(target, np.concatenate([away, quat], axis=1), target)
    place = _between(trials.tips, rng)
    trials.begin(target, np.concatenate([place, quat], axis=1), target)
    trials.damp_object(*_HOLDING_BACK)
    step = _SPEED * _PERIOD * rng.uniform(0.6, 1.4, (n, 4, 1))
    moving = np.ones((n, 4, 1), dtype=np.bool_)
    for _ in range(round(_CLOSING_TIME / _PERIOD)):
        way = trials.object_pose[:, None, :3] - trials.tips
        distance = np.linalg.norm(way, axis=2, keepdims=True)
        advance = way / np.maximum(distance, 1e-3) * np.minimum(step, distance)
        turn = _joint_steps(trials.tip_jacobians(), advance) * moving
        target = clip_to_limits(target + turn.reshape(n, NUM_JOINTS))
        trials.control[:] = target
        trials.run(_PERIOD)
        behind = np.abs(target - trials.joints).reshape(n, 4, 4)
        moving &= behind.max(axis=2, keepdims=True) < _PRESS
    trials.damp_object(0.0, 0.0)
    return target


def _between(tips: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Points, (n, 3), with the thumb opposite to two fingers that are spread, and all tips about equally far away."""
    low, high = _REGION
    points = CUP_CENTRE + rng.uniform(low, high, (len(tips), _CANDIDATES, 3))
    way = tips[:, None] - points[:, :, None]
    distance = np.linalg.norm(way, axis=3)
    towards = way / distance[..., None]
    thumb = towards[:, :, 3]
    score = np.full(points.shape[:2], -np.inf)
    for first, second in ((0, 1), (1, 2), (0, 2)):
        both = towards[:, :, first] + towards[:, :, second]
        opposition = -np.sum(thumb * both, axis=2) / np.linalg.norm(both, axis=2)
        closeness = np.sum(towards[:, :, first] * towards[:, :, second], axis=2)
        score = np.maximum(score, opposition - 0.3 * np.abs(closeness - 0.2))
    score -= 3.0 * distance.std(axis=2)  # per m: unequal fingers arrive one after the other
    return points[np.arange(len(tips)), score.argmax(axis=1)]


def _joint_steps(jacobian: FloatArray, advance: FloatArray) -> FloatArray:
    """Steps of the joints, (n, 4, 4), rad, that move the tips by ``advance``, (n, 4, 3), m: damped least squares."""
    across = jacobian.swapaxes(-1, -2)
    step = across @ np.linalg.solve(jacobian @ across + 1e-5 * np.eye(3), advance[..., None])
    return np.clip(step[..., 0], -0.12, 0.12)
