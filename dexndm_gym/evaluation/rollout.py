"""Play episodes and measure them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from gymnasium.vector import VectorEnv

from dexndm_gym.errors import DexndmError
from dexndm_gym.leap.joints import FloatArray
from dexndm_gym.task.config import CONTROL_PERIOD

Progress = Callable[[int], Any]
"""Called with the number of control steps just played."""


class Policy(Protocol):
    """Anything with stable-baselines3's ``predict``."""

    def predict(self, observation: Any, *, deterministic: bool = True) -> tuple[Any, Any]:
        """Return (action, state)."""
        ...


class EpisodeFaultError(DexndmError, RuntimeError):
    """An episode ended because the hand failed."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What episodes measured, one entry per episode; metrics as in the paper's section on them."""

    rotation: FloatArray
    """Rotation about the wanted axis until the end of the episode, rad (RotR)."""

    time_to_fall: FloatArray
    """Time until the object is lost, or the episode's length where it is not, s (TTF)."""

    dropped: FloatArray
    """1 where the object was lost."""

    off_axis: FloatArray
    """Mean speed across the wanted axis, rad/s (RotP)."""

    def summary(self) -> dict[str, float]:
        """Means and deviations by name, for tables and JSON."""
        return {
            "rotation_rad_mean": float(self.rotation.mean()),
            "rotation_rad_std": float(self.rotation.std()),
            "rotation_rad_sem": float(self.rotation.std() / np.sqrt(len(self.rotation))),
            "speed_rad_s_mean": float(self.rotation.sum() / self.time_to_fall.sum()),
            "off_axis_rad_s_mean": float(self.off_axis.mean()),
            "time_to_fall_s_mean": float(self.time_to_fall.mean()),
            "dropped_share": float(self.dropped.mean()),
            "episodes": len(self.rotation),
        }


def evaluate_vector(
    policy: Policy, env: VectorEnv, *, seed: int, steps: int = 400, progress: Progress | None = None
) -> Scores:
    """Play one episode on every hand of a vector env and score it."""
    observation, _ = env.reset(seed=seed)
    n = env.num_envs
    alive = np.ones(n, dtype=np.bool_)
    rotation, time, across = np.zeros(n), np.full(n, steps * CONTROL_PERIOD), np.zeros(n)
    for step in range(steps):
        action, _ = policy.predict(observation, deterministic=True)
        observation, _, terminated, truncated, info = env.step(action)
        rotation[alive] = info["rotation"][alive]
        across[alive] += info["off_axis_speed"][alive]
        ended = alive & (terminated | truncated)
        time[ended] = (step + 1) * CONTROL_PERIOD
        alive &= ~ended
        if progress is not None:
            progress(n)
        if not alive.any():
            break
    dropped = time < steps * CONTROL_PERIOD
    return Scores(
        rotation=rotation,
        time_to_fall=time,
        dropped=dropped.astype(np.float64),
        off_axis=across * CONTROL_PERIOD / time,
    )
