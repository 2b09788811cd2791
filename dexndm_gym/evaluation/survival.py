"""Whether episodes begin with the object safely in the hand."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from dexndm_gym.envs.hands.mujoco_hand import MujocoHand
from dexndm_gym.leap.contacts import penetration
from dexndm_gym.leap.found_starts import starts_of
from dexndm_gym.leap.grasps import CUP_CENTRE
from dexndm_gym.leap.scene import GRAVITY, Scene
from dexndm_gym.task.config import CONTROL_PERIOD, TaskConfig
from dexndm_gym.task.orientations import WRISTS, down_in_hand

HOLDING_TIME = 0.5
"""s."""


class Held(NamedTuple):
    """How the episodes of one object in one wrist orientation begin."""

    share: float
    """Of the episodes that still have their object after HOLDING_TIME with the targets held still."""

    penetration: float
    """How far bodies are inside each other then, m, where they are most so in any of the episodes."""


def survival(
    objects: Sequence[str], episodes: int, *, seed: int = 0, tell: Callable[[], object] = lambda: None
) -> dict[tuple[str, str], Held]:
    """Begin episodes, and hold the targets still for HOLDING_TIME.

    Args:
        objects: names.
        episodes: how many to start for each object in each named wrist orientation.
        seed: of the draws of start states.
        tell: called after each of the ``len(WRISTS)`` parts.

    Returns:
        What came of it by object and wrist; where an object has no start state there is none.
    """
    starts, limit = starts_of(objects), TaskConfig().drop_distance
    found: dict[tuple[str, str], Held] = {}
    for wrist, quat in WRISTS.items():
        x, y, z = down_in_hand(np.array(quat))
        names = [name for name in objects if starts.count(name, (x, y, z))]
        scenes = [
            Scene(object=name, gravity=(GRAVITY * x, GRAVITY * y, GRAVITY * z))
            for name in names
            for _ in range(episodes)
        ]
        if scenes:
            hand = MujocoHand(len(scenes), starts=starts, objects=names)
            target = hand.reset(np.arange(len(scenes)), scenes, np.random.default_rng(seed))
            kept = np.ones(len(scenes), dtype=np.bool_)
            for _ in range(round(HOLDING_TIME / CONTROL_PERIOD)):
                hand.step(target)
                pose = hand.state().object_pose
                kept &= pose is not None and np.linalg.norm(pose[:, :3] - CUP_CENTRE, axis=1) < limit
            share = kept.reshape(len(names), episodes).mean(axis=1)
            deepest = penetration(hand.batch).reshape(len(names), episodes).max(axis=1)
            found |= {(name, wrist): Held(float(share[i]), float(deepest[i])) for i, name in enumerate(names)}
        tell()
    return found
