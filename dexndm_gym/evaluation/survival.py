"""Whether episodes begin with the object safely in the hand."""

from collections.abc import Callable, Sequence

import numpy as np

from dexndm_gym.envs.hands.mujoco_hand import MujocoHand
from dexndm_gym.leap.found_starts import starts_of
from dexndm_gym.leap.grasps import CUP_CENTRE
from dexndm_gym.leap.scene import GRAVITY, Scene
from dexndm_gym.task.config import CONTROL_PERIOD, TaskConfig
from dexndm_gym.task.orientations import WRISTS, down_in_hand

HOLDING_TIME = 0.5
"""s."""


def survival(
    objects: Sequence[str], episodes: int, *, seed: int = 0, tell: Callable[[], object] = lambda: None
) -> dict[tuple[str, str], float]:
    """Share of episodes that still have their object after HOLDING_TIME with the targets held still.

    Args:
        objects: names.
        episodes: how many to start for each object in each named wrist orientation.
        seed: of the draws of start states.
        tell: called after each of the ``len(WRISTS)`` parts.

    Returns:
        Shares by object and wrist; where an object has no start state there is none.
    """
    starts, limit = starts_of(objects), TaskConfig().drop_distance
    shares: dict[tuple[str, str], float] = {}
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
            held = kept.reshape(len(names), episodes).mean(axis=1)
            shares |= {(name, wrist): float(share) for name, share in zip(names, held, strict=True)}
        tell()
    return shares
