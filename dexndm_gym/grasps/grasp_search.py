"""Finds states in which a hand holds an object, many tries at once.

Three kinds: *fingertip grasps*, the object between thumb and fingers in the paper's canonical pose, from which fingers
can turn it; *power grasps*, the hand closed around it, for what fingertips do not hold; both stay whichever way gravity
pulls; and *palm rests*, palm up, the object lying in the open hand. All of it runs in the training simulation with
nominal servos.
"""

import zlib
from dataclasses import dataclass

import numpy as np

from dexndm_gym.arrays import BoolArray, FloatArray, Vector
from dexndm_gym.constants import GRAVITY, PHYSICS_TIMESTEP
from dexndm_gym.grasps.fingertip_grasps import hold_between_fingertips
from dexndm_gym.grasps.grasp_batch import GRASP_KINDS, GraspBatch
from dexndm_gym.grasps.grasp_search_config import GraspSearch
from dexndm_gym.grasps.palm_rest import PALM_REST_CENTER, SETTLE_TIME, START_POSE, draw_object_pose
from dexndm_gym.grasps.placement import _product, draw_orientations, draw_scale
from dexndm_gym.grasps.power_grasps import close_hand
from dexndm_gym.grasps.start_states import PALM_UP, palm_rest_rows, rounded
from dexndm_gym.objects.object_model import RotatableObject

GRAVITY_DIRECTIONS = np.concatenate([np.eye(3), -np.eye(3)])
"""Directions of gravity of the six named wrist orientations. A grasp stable under gravity along
+-x, +-y and +-z is stable under any: the set of resistible wrenches is convex."""

_DEEPEST = 0.00095
"""The farthest that bodies at rest may be inside each other, m: start states are to stay below 1 mm. It also turns down
fingers that contact let through a thin object."""

_FEWEST_PALM_RESTS = 0.1
"""Share of tries below which an object is said not to lie well in the open hand; palm up it then starts grasped."""

_ENOUGH_FINGERTIP_GRASPS = 16
"""Fingertip grasps from which on no more rounds of tries are made, and no power grasps are looked for."""

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

    rows: dict[Vector | None, FloatArray]
    """Rows as ``StartStates`` takes them, by direction of gravity; None stands for any."""

    held: dict[str, tuple[int, int]]
    """How many tries held, of how many, by kind: ``by fingertips``, ``in the fist``, ``in the open hand``."""


def find_starts(
    item: RotatableObject,
    tries: int,
    seed: int,
    *,
    direction: Vector | None = None,
    upright: float = UPRIGHT_SHARE,
    close: bool = False,
) -> Found:
    """Look for start states of an object.

    Args:
        item: the object.
        tries: how often to try each kind; by fingertips more often where few tries hold.
        seed: makes the search repeatable; objects do not depend on each other.
        direction: the only direction of gravity that matters, hand frame; None for every direction, and palm rests for
            palm up.
        upright: share of fingertip tries with the object upright.
        close: let fingertips close in the first round, too; in further ones they always do, as small objects need.
    """
    rng = np.random.default_rng([seed, zlib.crc32(item.name.encode())])
    directions = GRAVITY_DIRECTIONS if direction is None else np.array([direction])
    rounds: list[FloatArray] = []
    while sum(map(len, rounds)) < _ENOUGH_FINGERTIP_GRASPS and len(rounds) < _FINGERTIP_ROUNDS:
        how = {"close": close or bool(rounds), "upright": upright}
        rounds.append(find_fingertip_grasps(item, tries, rng, directions=directions, **how))
    kinds = {"by fingertips": np.concatenate(rounds)}
    if len(kinds["by fingertips"]) < _ENOUGH_FINGERTIP_GRASPS:
        kinds["in the fist"] = find_power_grasps(item, tries, rng, directions=directions)
    rows: dict[Vector | None, FloatArray] = {direction: np.concatenate(list(kinds.values()))}
    if direction is None:
        kinds["in the open hand"] = find_palm_rests(item, tries, rng)
        if len(kinds["in the open hand"]) >= _FEWEST_PALM_RESTS * tries:
            rows[PALM_UP] = kinds["in the open hand"]
    tried = {"by fingertips": len(rounds) * tries}
    return Found(rows=rows, held={kind: (len(found), tried.get(kind, tries)) for kind, found in kinds.items()})


def find_palm_rests(item: RotatableObject, tries: int, rng: np.random.Generator) -> FloatArray:
    """Put the object into the cupped hand many times, and keep the tries in which it comes to rest upright.

    Returns:
        Rows as ``StartStates`` takes them, (k, 40), for gravity along PALM_UP.
    """
    scale = draw_scale(item, tries, rng)
    batch = GraspBatch(item, scale)
    batch.gravity[:] = np.multiply(PALM_UP, GRAVITY)
    pose = np.array([draw_object_pose(item, rng, s) for s in scale])
    batch.begin(np.tile(START_POSE, (tries, 1)), pose, np.tile(START_POSE, (tries, 1)))
    batch.run(4 * SETTLE_TIME)
    pose, speed = batch.object_pose, batch.object_speed
    quat = [_product(q, np.multiply(item.upright, (1, -1, -1, -1))) for q in pose[:, 3:]]
    upright = 1.0 - 2.0 * np.square(np.array(quat)[:, 1:3]).sum(axis=1) > 0.95
    near = np.linalg.norm(pose[:, :3] - PALM_REST_CENTER, axis=1) < 0.03
    keep = (speed[:, 0] < 0.02) & (speed[:, 1] < 0.3) & near & upright
    rows = rounded(palm_rest_rows(batch.joints, pose, scale)[keep])
    return _resisting(item, rows, np.array([PALM_UP]), FIST_SEARCH)


def find_power_grasps(
    item: RotatableObject,
    tries: int,
    rng: np.random.Generator,
    *,
    directions: FloatArray = GRAVITY_DIRECTIONS,
    search: GraspSearch = FIST_SEARCH,
) -> FloatArray:
    """Close the hand around the object many times, and keep the tries that hold whichever way gravity pulls.

    While the fingers close there is no gravity and the object is held back by damping, as by a person's hand.

    Args:
        item: the object.
        tries: how often.
        rng: source of places, orientations and hand poses.
        directions: directions of gravity that a grasp must resist, (m, 3), unit vectors, hand frame.
        search: figures.

    Returns:
        Rows as ``StartStates`` takes them, (k, 40), those first in which the object is farthest from the palm: fingers
        that hold it can turn it, a fist cannot.
    """
    scale = draw_scale(item, tries, rng)
    batch = GraspBatch(item, scale, friction=search.friction)
    target = close_hand(batch, item, scale, search, rng)
    rows = _held(batch, item, scale, target, directions, search)
    return rows[np.argsort(-rows[:, 34])]


def find_fingertip_grasps(
    item: RotatableObject,
    tries: int,
    rng: np.random.Generator,
    *,
    directions: FloatArray = GRAVITY_DIRECTIONS,
    search: GraspSearch = FINGERTIP_SEARCH,
    upright: float = UPRIGHT_SHARE,
    close: bool = False,
) -> FloatArray:
    """As ``find_power_grasps``, but the object is put between thumb and fingers.

    Links may touch it, too; ``GraspBatch.held_by`` tells. ``close`` is that of ``hold_between_fingertips``.
    """
    scale = draw_scale(item, tries, rng)
    batch = GraspBatch(item, scale, friction=search.friction)
    quat = draw_orientations(item, tries, upright, rng)
    target, place = hold_between_fingertips(batch, quat, rng, close=close)
    batch.run(SETTLE_TIME)
    return _held(batch, item, scale, target, directions, search, near=place)


def grasp_kinds(item: RotatableObject, rows: FloatArray) -> dict[str, int]:
    """How many of an object's start states, (k, 40), are of each of ``GRASP_KINDS``."""
    batch = GraspBatch(item, rows[:, 39])
    batch.begin(rows[:, :16], rows[:, 32:39], rows[:, 16:32])
    kinds = [batch.held_by(i) for i in range(len(rows))]
    return {kind: kinds.count(kind) for kind in GRASP_KINDS}


def _held(
    batch: GraspBatch,
    item: RotatableObject,
    scale: FloatArray,
    target: FloatArray,
    directions: FloatArray,
    search: GraspSearch,
    *,
    near: FloatArray = PALM_REST_CENTER,
) -> FloatArray:
    """Rows of the trials that hold their objects near to places, (3,) or (n, 3), m, whichever way gravity pulls."""
    reached = np.linalg.norm(batch.object_pose[:, :3] - near, axis=1) < search.reach
    still = reached & (batch.object_speed[:, 0] < 0.02)
    # What files hold is what has to hold.
    rows = rounded(np.concatenate([batch.joints, target, batch.object_pose, scale[:, None]], axis=1)[still])
    return _resisting(item, rows, directions, search)


def _resisting(item: RotatableObject, rows: FloatArray, directions: FloatArray, search: GraspSearch) -> FloatArray:
    """Those of the states that hold whichever way gravity pulls, with little friction and with that of episodes."""
    for direction in directions:
        for friction in (search.friction, None):
            if len(rows):
                rows = rows[_resists(item, rows, direction, search, friction)]
    return rows


def _resists(
    item: RotatableObject, rows: FloatArray, direction: FloatArray, search: GraspSearch, friction: float | None
) -> BoolArray:
    """Which of the states keep their object where it is while gravity pulls one way."""
    pose = rows[:, 32:39]
    batch = GraspBatch(item, rows[:, 39], friction=friction)
    batch.gravity[:] = GRAVITY * direction
    batch.begin(rows[:, :16], pose, rows[:, 16:32])
    batch.run(SETTLE_TIME)
    deepest = batch.penetration
    for _ in range(round((search.hold_time - SETTLE_TIME) / PHYSICS_TIMESTEP)):
        batch.run(PHYSICS_TIMESTEP)
        deepest = np.maximum(deepest, batch.penetration)
    gave_way = np.linalg.norm(batch.object_pose[:, :3] - pose[:, :3], axis=1)
    return (gave_way < search.slip) & (batch.object_speed[:, 0] < 0.03) & (deepest < _DEEPEST)
