"""Whether episodes begin with the object safely in the hand."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dexndm_gym.backends.mujoco_hand import MujocoHand
from dexndm_gym.constants import CONTROL_PERIOD, GRAVITY
from dexndm_gym.grasps.contacts import penetration
from dexndm_gym.grasps.mesh_grasp_cache import start_states_of
from dexndm_gym.objects.scene import Scene
from dexndm_gym.progress import Progress, Tally
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.orientations import WRISTS, down_in_hand
from dexndm_gym.task.termination import are_dropped

HOLDING_TIME = 0.5
"""An episode that begins must still have its object then, s; from then on bodies are said to be at rest."""

REST_TIME = 2.0
"""Until when they are watched, s."""


class Held(NamedTuple):
    """How the episodes of one object in one wrist orientation begin."""

    share: float
    """Of the episodes that still have their object after HOLDING_TIME with the targets held still."""

    penetration: float
    """How far bodies are inside each other, m, where they are most so in any control step of any of the episodes, from
    HOLDING_TIME to REST_TIME."""


def survival(
    objects: Sequence[str], episodes: int, *, seed: int = 0, progress: Progress | None = None
) -> dict[tuple[str, str], Held]:
    """Begin episodes, and hold the targets still for REST_TIME.

    Args:
        objects: names.
        episodes: how many to start for each object in each named wrist orientation.
        seed: of the draws of start states.
        progress: told after each wrist orientation.

    Returns:
        What came of it by object and wrist; where an object has no start state there is none.
    """
    starts, config = start_states_of(objects), TaskConfig().record
    found: dict[tuple[str, str], Held] = {}
    tally = Tally(progress, len(WRISTS))
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
            command = hand.reset(np.arange(len(scenes)), scenes, np.random.default_rng(seed))
            kept = np.ones(len(scenes), dtype=np.bool_)
            for _ in range(round(HOLDING_TIME / CONTROL_PERIOD)):
                hand.step(command)
                pose = hand.state().object_pose
                kept &= pose is not None and ~are_dropped(config, pose)
            deepest = penetration(hand.batch)
            for _ in range(round((REST_TIME - HOLDING_TIME) / CONTROL_PERIOD)):
                hand.step(command)
                deepest = np.maximum(deepest, penetration(hand.batch))
            shares = kept.reshape(len(names), episodes).mean(axis=1).tolist()
            depths = deepest.reshape(len(names), episodes).max(axis=1).tolist()
            found |= {(name, wrist): Held(*held) for name, *held in zip(names, shares, depths, strict=True)}
        tally(note=wrist)
    return found
