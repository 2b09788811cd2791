"""Finds states in which a hand holds an object, many tries at once.

Three kinds: *fingertip grasps*, the object between thumb and fingers in the paper's canonical pose, from which fingers
can turn it; *fists*, the hand closed around it, for what fingertips do not hold; both stay whichever way gravity pulls;
and *cups*, palm up, the object lying in the open hand. All of it runs in the training simulation with nominal servos.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
import numpy.typing as npt

from dexndm_gym.leap.fingertips import close_fingertips
from dexndm_gym.leap.fists import GraspSearch, close_fists
from dexndm_gym.leap.grasps import CUP_CENTRE, SETTLE_TIME, START_POSE, draw_object_pose
from dexndm_gym.leap.joints import FloatArray
from dexndm_gym.leap.rotatable import RotatableObject
from dexndm_gym.leap.scene import GRAVITY
from dexndm_gym.leap.starts import PALM_UP, Direction, cup_rows, rounded
from dexndm_gym.leap.trials import GRASP_KINDS, TIMESTEP, Trials

SIZE_SCALE = (0.95, 1.05)
"""Range of the factor on an object's size."""

SIX_WAYS = np.concatenate([np.eye(3), -np.eye(3)])
"""Directions of gravity of the six named wrist orientations. What resists these six resists every other direction:
forces that contacts can resist form a convex set."""

_DEEPEST = 0.00095
"""The farthest that bodies at rest may be inside each other, m: start states are to stay below 1 mm. It also turns down
fingers that contact let through a thin object."""

_FEWEST_CUPS = 0.1
"""Share of tries below which an object is said not to lie well in the open hand; palm up it then starts grasped."""

_ENOUGH_FINGERTIP_GRASPS = 16
"""Fingertip grasps from which on no more rounds of tries are made, and no fists are looked for."""

_FINGERTIP_ROUNDS = 12
"""How many rounds of fingertip tries there are at most: few tries hold an object of 2.5 cm."""

UPRIGHT_SHARE = 0.5
"""Share of fingertip tries with the object upright, at any heading; the others have it in any orientation."""

FIST_SEARCH = GraspSearch()

FINGERTIP_SEARCH = GraspSearch(slip=0.02, reach=0.03)
"""Fingertips give way more than a fist does before they hold."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """Start states of one object."""

    rows: dict[Direction | None, FloatArray]
    """Rows as ``StartStates`` takes them, by direction of gravity; None stands for any."""

    held: dict[str, tuple[int, int]]
    """How many tries held, of how many, by kind: ``by fingertips``, ``in the fist``, ``in the open hand``."""


def find_starts(
    item: RotatableObject, tries: int, seed: int, *, way: Direction | None = None, upright: float = UPRIGHT_SHARE
) -> Found:
    """Look for start states of an object.

    Args:
        item: the object.
        tries: how often to try each kind; by fingertips more often where few tries hold.
        seed: makes the search repeatable; objects do not depend on each other.
        way: the only direction of gravity that matters, hand frame; None for every direction, and cups for palm up.
        upright: share of fingertip tries with the object upright.
    """
    rng = np.random.default_rng([seed, zlib.crc32(item.name.encode())])
    ways = SIX_WAYS if way is None else np.array([way])
    rounds: list[FloatArray] = []
    while sum(map(len, rounds)) < _ENOUGH_FINGERTIP_GRASPS and len(rounds) < _FINGERTIP_ROUNDS:
        rounds.append(find_fingertip_grasps(item, tries, rng, ways=ways, upright=upright))
    kinds = {"by fingertips": np.concatenate(rounds)}
    if len(kinds["by fingertips"]) < _ENOUGH_FINGERTIP_GRASPS:
        kinds["in the fist"] = find_fists(item, tries, rng, ways=ways)
    rows: dict[Direction | None, FloatArray] = {way: np.concatenate(list(kinds.values()))}
    if way is None:
        kinds["in the open hand"] = find_cups(item, tries, rng)
        if len(kinds["in the open hand"]) >= _FEWEST_CUPS * tries:
            rows[PALM_UP] = kinds["in the open hand"]
    tried = {"by fingertips": len(rounds) * tries}
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
    return _resisting(item, rows, np.array([PALM_UP]), FIST_SEARCH)


def find_fists(
    item: RotatableObject,
    tries: int,
    rng: np.random.Generator,
    *,
    ways: FloatArray = SIX_WAYS,
    search: GraspSearch = FIST_SEARCH,
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
    target = close_fists(trials, item, scale, search, rng)
    rows = _held(trials, item, scale, target, ways, search)
    return rows[np.argsort(-rows[:, 34])]


def find_fingertip_grasps(
    item: RotatableObject,
    tries: int,
    rng: np.random.Generator,
    *,
    ways: FloatArray = SIX_WAYS,
    search: GraspSearch = FINGERTIP_SEARCH,
    upright: float = UPRIGHT_SHARE,
) -> FloatArray:
    """As ``find_fists``, but the object is held out between thumb and fingers, which close on it with their tips.

    Links may touch it, too; ``Trials.held_by`` tells.
    """
    scale = _draw_scale(item, tries, rng)
    trials = Trials(item, scale, friction=search.friction)
    target, place = close_fingertips(trials, _orientations(item, tries, upright, rng), rng)
    trials.run(SETTLE_TIME)
    return _held(trials, item, scale, target, ways, search, near=place)


def grasp_kinds(item: RotatableObject, rows: FloatArray) -> dict[str, int]:
    """How many of an object's start states, (k, 40), are of each of ``GRASP_KINDS``."""
    trials = Trials(item, rows[:, 39])
    trials.begin(rows[:, :16], rows[:, 32:39], rows[:, 16:32])
    kinds = [trials.held_by(i) for i in range(len(rows))]
    return {kind: kinds.count(kind) for kind in GRASP_KINDS}


def _orientations(item: RotatableObject, count: int, upright: float, rng: np.random.Generator) -> FloatArray:
    """Orientations to hold an object out in, (count, 4), w x y z: upright at any heading, or any at all."""
    quat = rng.standard_normal((count, 4))
    quat /= np.linalg.norm(quat, axis=1, keepdims=True)
    heading = rng.uniform(-np.pi, np.pi, count) / 2.0
    for i in np.flatnonzero(rng.random(count) < upright):
        quat[i] = _product((np.cos(heading[i]), 0.0, 0.0, np.sin(heading[i])), np.array(item.upright))
    return quat


def _held(
    trials: Trials,
    item: RotatableObject,
    scale: FloatArray,
    target: FloatArray,
    ways: FloatArray,
    search: GraspSearch,
    *,
    near: FloatArray = CUP_CENTRE,
) -> FloatArray:
    """Rows of the trials that hold their objects near to places, (3,) or (n, 3), m, whichever way gravity pulls."""
    reached = np.linalg.norm(trials.object_pose[:, :3] - near, axis=1) < search.reach
    still = reached & (trials.object_speed[:, 0] < 0.02)
    # What files hold is what has to hold.
    rows = rounded(np.concatenate([trials.joints, target, trials.object_pose, scale[:, None]], axis=1)[still])
    return _resisting(item, rows, ways, search)


def _resisting(item: RotatableObject, rows: FloatArray, ways: FloatArray, search: GraspSearch) -> FloatArray:
    """Those of the states that hold whichever way gravity pulls, with little friction and with that of episodes."""
    for way in ways:
        for friction in (search.friction, None):
            if len(rows):
                rows = rows[_resists(item, rows, way, search, friction)]
    return rows


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


def _product(a: Sequence[float] | FloatArray, b: FloatArray) -> FloatArray:
    result = np.empty(4)
    mujoco.mju_mulQuat(result, np.asarray(a), b)
    return result
