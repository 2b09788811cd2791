"""Another axis or wrist within an episode."""

from typing import Any

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.backends.backend import TurnableHand
from dexndm_gym.envs.rotation_task import RotationTask
from dexndm_gym.task.options import EpisodeOptions


def steer(task: RotationTask, i: int, rng: np.random.Generator, *, axis: Any, wrist: Any) -> None:
    """Let hand ``i`` of a task have another axis or wrist from now on; see ``LeapRotateEnv.steer``."""
    frame: FloatArray = task.frames[i]
    held = EpisodeOptions(wrists=(tuple(frame[:4].tolist()),), axes=(tuple(frame[4:].tolist()),))
    wanted = held.updated({"axis": axis, "wrist": wrist}).draw(rng)
    frame[:4], frame[4:] = wanted.wrist, wanted.axis
    if wrist is not None and isinstance(task.backend, TurnableHand):
        task.backend.turn(np.array([i]), np.array([wanted.scene.gravity]))
