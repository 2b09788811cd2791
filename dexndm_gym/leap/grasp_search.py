"""Finds states in which a hand holds an object, many tries at once.

Two kinds: *cups*, palm up, the object lying in the open hand; and *grasps*, the fingers closed so firmly that it stays
whichever way gravity pulls: around it, or with their tips alone where it is small. All of it runs in the training
simulation with nominal servos.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
import numpy.typing as npt

from dexndm_gym.checks import Checked, NotNegative, Positive
from dexndm_gym.leap.fingertips import LARGEST, close_tips
from dexndm_gym.leap.grasps import CUP_CENTRE, PALM_HEIGHT, SETTLE_TIME, START_POSE, draw_object_pose
from dexndm_gym.leap.joints import NUM_JOINTS, FloatArray, clip_to_limits
from dexndm_gym.leap.rotatable import RotatableObject
from dexndm_gym.leap.scene import GRAVITY
from dexndm_gym.leap.starts import PALM_UP, Direction, cup_rows, rounded
from dexndm_gym.leap.trials import TIMESTEP, Trials

SIZE_SCALE = (0.95, 1.05)
"""Range of the factor on an object's size."""

SIX_WAYS = np.concatenate([np.eye(3), -np.eye(3)])
"""Directions of gravity of the six named wrist orientations. What resists these six resists every other direction:
forces that contacts can resist form a convex set."""

_PERIOD = 0.05
"""Time between two targets while fingers close, s."""

_DEEPEST = 0.00095
"""The farthest that bodies at rest may be inside each other, m: start states are to stay below 1 mm. It also turns down
fingers that contact let through a thin object."""

_FEWEST_CUPS = 0.1
"""Share of tries below which an object is said not to lie well in the open hand; palm up it then starts grasped."""

_TIP_TRIES = 8
"""Tries of closing fingertips for every try of another kind: more of them fail."""

_ENOUGH_TIP_GRASPS = 8
"""Grasps by the fingertips alone from which on a small object needs no others."""

_FLEXION = np.array([0.0, 1.0, 0.8, 0.6] * 3 + [0.0, 0.2, 0.8, 0.8])
"""How fast joints close, relative to the knuckles."""

_OPENING = np.array([0.0, 0.45, 0.45, 0.3] * 3 + [0.0, 0.0, 0.5, 0.5])
"""How far the hand is open before it closes, rad from START_POSE."""


@dataclass(frozen=True, kw_only=True)
class GraspSearch(Checked):
    """Figures of the search for grasps."""

    position_spread: NotNegative = 0.012
    """Half width of the scatter of the object's place about CUP_CENTRE, m."""

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
    every physics step: what slips over an edge is inside it for a step or two."""

    slip: Positive = 0.012
    """The farthest that a held object may give way, m."""

    reach: Positive = 0.06
    """The farthest that it may be from CUP_CENTRE, m."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """Start states of one object."""

    rows: dict[Direction | None, FloatArray]
    """Rows as ``StartStates`` takes them, by direction of gravity; None stands for any."""

    held: dict[str, tuple[int, int]]
    """How many tries held, of how many, by kind: ``by fingertips``, ``grasped``, ``in the open hand``."""


def find_starts(item: RotatableObject, tries: int, seed: int, *, way: Direction | None = None) -> Found:
    """Look for start states of an object.

    Args:
        item: the object.
        tries: how often to try each kind, _TIP_TRIES times as often by fingertips.
        seed: makes the search repeatable; objects do not depend on each other.
        way: the only direction of gravity that matters, hand frame; None for every direction, and cups for palm up.
    """
    rng = np.random.default_rng([seed, zlib.crc32(item.name.encode())])
    ways = SIX_WAYS if way is None else np.array([way])
    kinds: dict[str, FloatArray] = {}
    if item.extents.max() <= LARGEST:
        kinds["by fingertips"] = find_tip_grasps(item, _TIP_TRIES * tries, rng, ways=ways)
    if len(kinds.get("by fingertips", ())) < _ENOUGH_TIP_GRASPS:
        kinds["grasped"] = find_grasps(item, tries, rng, ways=ways)
    rows = {way: np.concatenate(list(kinds.values()))}
    if way is None:
        kinds["in the open hand"] = find_cups(item, tries, rng)
        if len(kinds["in the open hand"]) >= _FEWEST_CUPS * tries:
            rows[PALM_UP] = kinds["in the open hand"]
    tried = {"by fingertips": _TIP_TRIES * tries}
    return Found(rows=rows, held={kind: (len(found), tried.get(kind, tries)) for kind, found in kinds.items()})


def find_cups(item: RotatableObject, tries: int, rng: np.random.Generator) -> FloatArray:
    """Put the object into the cupped hand many times, and keep the tries in which it comes to rest upright.

    Returns:
        Rows as ``StartStates`` takes them, (k, 40), for gravity along PALM_UP.
    """
    scale = _draw_scale(item, tries, rng)
    trials = Trials(item, scale)
    trials.gravity[:] = np.multiply(PALM_UP, GRAVITY)
    pose = np.array([draw_object_pose(item, rng, s) for s in scale])
    trials.begin(np.tile(START_POSE, (tries, 1)), pose, np.tile(START_POSE, (tries, 1)))
    trials.run(4 * SETTLE_TIME)
    pose, speed = trials.object_pose, trials.object_speed
    quat = [_product(q, np.multiply(item.upright, (1, -1, -1, -1))) for q in pose[:, 3:]]
    upright = 1.0 - 2.0 * np.square(np.array(quat)[:, 1:3]).sum(axis=1) > 0.95
    near = np.linalg.norm(pose[:, :3] - CUP_CENTRE, axis=1) < 0.03
    keep = (speed[:, 0] < 0.02) & (speed[:, 1] < 0.3) & near & upright
    rows = rounded(cup_rows(trials.joints, pose, scale)[keep])
    return _resisting(item, rows, np.array([PALM_UP]), GraspSearch())


def find_grasps(
    item: RotatableObject,
    tries: int,
    rng: np.random.Generator,
    *,
    ways: FloatArray = SIX_WAYS,
    search: GraspSearch = GraspSearch(),
) -> FloatArray:
    """Close the hand around the object many times, and keep the tries that hold whichever way gravity pulls.

    While the fingers close there is no gravity and the object is held back by damping, as by a person's hand.

    Args:
        item: the object.
        tries: how often.
        rng: source of places, orientations and hand poses.
        ways: directions of gravity that a grasp must resist, (m, 3), unit vectors, hand frame.
        search: figures.

    Returns:
        Rows as ``StartStates`` takes them, (k, 40), those first in which the object is farthest from the palm: fingers
        that hold it can turn it, a fist cannot.
    """
    scale = _draw_scale(item, tries, rng)
    trials = Trials(item, scale, friction=search.friction)
    target = _close(trials, _places(item, scale, search, rng), search, rng)
    return _held(trials, item, scale, target, ways, search)


def find_tip_grasps(
    item: RotatableObject,
    tries: int,
    rng: np.random.Generator,
    *,
    ways: FloatArray = SIX_WAYS,
    search: GraspSearch = GraspSearch(),
) -> FloatArray:
    """As ``find_grasps``, but only fingertips touch the object; for objects up to ``fingertips.LARGEST``."""
    scale = _draw_scale(item, tries, rng)
    trials = Trials(item, scale, friction=search.friction)
    quat = rng.standard_normal((tries, 4))
    target = close_tips(trials, quat / np.linalg.norm(quat, axis=1, keepdims=True), rng)
    trials.run(SETTLE_TIME)
    by_tips = np.array([trials.held_by_tips(i) for i in range(tries)])
    return _held(trials, item, scale, target, ways, search, among=by_tips)


def _held(
    trials: Trials,
    item: RotatableObject,
    scale: FloatArray,
    target: FloatArray,
    ways: FloatArray,
    search: GraspSearch,
    *,
    among: npt.NDArray[np.bool_] | bool = True,
) -> FloatArray:
    """Rows of the trials, those ``among`` them, that hold their objects still whichever way gravity pulls."""
    reached = np.linalg.norm(trials.object_pose[:, :3] - CUP_CENTRE, axis=1) < search.reach
    still = reached & among & (trials.object_speed[:, 0] < 0.02)
    # What files hold is what has to hold.
    rows = rounded(np.concatenate([trials.joints, target, trials.object_pose, scale[:, None]], axis=1)[still])
    return _resisting(item, rows, ways, search)


def _resisting(item: RotatableObject, rows: FloatArray, ways: FloatArray, search: GraspSearch) -> FloatArray:
    """Those of the states that hold whichever way gravity pulls, with little friction and with as much as in episodes.

    Those first in which the object is farthest from the palm.
    """
    for way in ways:
        for friction in (search.friction, None):
            if len(rows):
                rows = rows[_resists(item, rows, way, search, friction)]
    return rows[np.argsort(-rows[:, 34])]


def _resists(
    item: RotatableObject, rows: FloatArray, way: FloatArray, search: GraspSearch, friction: float | None
) -> npt.NDArray[np.bool_]:
    """Which of the states keep their object where it is while gravity pulls one way."""
    pose = rows[:, 32:39]
    trials = Trials(item, rows[:, 39], friction=friction)
    trials.gravity[:] = GRAVITY * way
    trials.begin(rows[:, :16], pose, rows[:, 16:32])
    trials.run(SETTLE_TIME)
    deepest = trials.penetration
    for _ in range(round((search.hold_time - SETTLE_TIME) / TIMESTEP)):
        trials.run(TIMESTEP)
        deepest = np.maximum(deepest, trials.penetration)
    gave_way = np.linalg.norm(trials.object_pose[:, :3] - pose[:, :3], axis=1)
    return (gave_way < search.slip) & (trials.object_speed[:, 0] < 0.03) & (deepest < _DEEPEST)


def _draw_scale(item: RotatableObject, tries: int, rng: np.random.Generator) -> FloatArray:
    """Factors on the object's size, (tries,); hulls cannot be scaled in a simulation."""
    return np.ones(tries) if item.has_hulls else rng.uniform(*SIZE_SCALE, tries)


def _places(item: RotatableObject, scale: FloatArray, search: GraspSearch, rng: np.random.Generator) -> FloatArray:
    """Poses in which the object is held out to the hand: any orientation, near the cup's centre, above the palm."""
    quat = rng.standard_normal((len(scale), 4))
    quat /= np.linalg.norm(quat, axis=1, keepdims=True)
    position = CUP_CENTRE + rng.uniform(-search.position_spread, search.position_spread, (len(scale), 3))
    lowest = np.array([_lowest(item, q) for q in quat])
    position[:, 2] += rng.uniform(0.0, search.height, len(scale))
    position[:, 2] = np.maximum(position[:, 2], PALM_HEIGHT + 0.002 - lowest * scale)
    return np.concatenate([position, quat], axis=1)


def _lowest(item: RotatableObject, quat: FloatArray) -> float:
    """Height of the lowest point of the object in this orientation, m from its centre."""
    turned = [piece.moved(offset=np.zeros(3), turn=quat, factor=1.0) for piece in item.pieces]
    return min(piece.bounds[0, 2] for piece in turned)


def _close(trials: "Trials", pose: FloatArray, search: GraspSearch, rng: np.random.Generator) -> FloatArray:
    """Close the open hands until their fingers press, then let go of the objects; returns the targets, (n, 16)."""
    n = len(pose)
    spread = rng.uniform(-search.pose_spread, search.pose_spread, (n, NUM_JOINTS))
    target = clip_to_limits(START_POSE - _OPENING + spread)
    step = _FLEXION * rng.uniform(0.6, 1.4, (n, NUM_JOINTS)) * search.closing_speed * _PERIOD
    moving = np.ones((n, 4, 1), dtype=np.bool_)
    trials.begin(target, pose, target)
    trials.damp_object(2.0, 0.002)
    for _ in range(round(search.closing_time / _PERIOD)):
        target = clip_to_limits(target + (step.reshape(n, 4, 4) * moving).reshape(n, NUM_JOINTS))
        trials.control[:] = target
        trials.run(_PERIOD)
        behind = np.where(_FLEXION > 0.0, target - trials.joints, 0.0).reshape(n, 4, 4)
        moving &= behind.max(axis=2, keepdims=True) < search.press
    trials.damp_object(0.0, 0.0)
    trials.run(SETTLE_TIME)
    return target


def _product(a: Sequence[float] | FloatArray, b: FloatArray) -> FloatArray:
    result = np.empty(4)
    mujoco.mju_mulQuat(result, np.asarray(a), b)
    return result
