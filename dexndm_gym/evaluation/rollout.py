"""Play episodes and measure them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from gymnasium.vector import VectorEnv

from dexndm_gym.errors import DexndmError
from dexndm_gym.hand.joints import FloatArray

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
    """What episodes measured, one entry per episode, as ``info`` said at its end; see ``task.metrics``."""

    rotation: FloatArray
    """Rotation about the wanted axis until the end of the episode, rad."""

    time_to_fall: FloatArray
    """Time until the object is lost, or the episode's length where it is not, s."""

    dropped: FloatArray
    """1 where the object was lost."""

    rotr: FloatArray
    """Speed about the wanted axis summed over the control steps, rad/s (the paper's RotR)."""

    rotp: FloatArray
    """Mean speed across the wanted axis, rad/s (RotP)."""

    ttf: FloatArray
    """Time to fall as a share of the longest episode (TTF)."""

    def part(self, first: int, last: int) -> "Scores":
        """Those of the episodes from ``first`` to before ``last``."""
        return Scores(**{name: values[first:last] for name, values in vars(self).items()})

    def summary(self) -> dict[str, float]:
        """Means and deviations by name, for tables and JSON."""
        return {
            "rotation_rad_mean": float(self.rotation.mean()),
            "rotation_rad_std": float(self.rotation.std()),
            "rotation_rad_sem": float(self.rotation.std() / np.sqrt(len(self.rotation))),
            "speed_rad_s_mean": float(self.rotation.sum() / self.time_to_fall.sum()),
            "time_to_fall_s_mean": float(self.time_to_fall.mean()),
            "dropped_share": float(self.dropped.mean()),
            "RotR_mean": float(self.rotr.mean()),
            "RotR_std": float(self.rotr.std()),
            "RotP_mean": float(self.rotp.mean()),
            "RotP_std": float(self.rotp.std()),
            "TTF_mean": float(self.ttf.mean()),
            "TTF_std": float(self.ttf.std()),
            "episodes": len(self.rotation),
        }


def evaluate_vector(
    policy: Policy, env: VectorEnv, *, seed: int, steps: int = 400, progress: Progress | None = None
) -> Scores:
    """Play one episode on every hand of a vector env and score it."""
    observation, _ = env.reset(seed=seed)
    n = env.num_envs
    alive, dropped = np.ones(n, dtype=np.bool_), np.zeros(n)
    last = {name: np.zeros(n) for name in ("rotation", "time", "RotR", "RotP", "TTF")}
    for _ in range(steps):
        action, _ = policy.predict(observation, deterministic=True)
        observation, _, terminated, truncated, info = env.step(action)
        for name, values in last.items():
            values[alive] = info[name][alive]
        dropped[alive & terminated] = 1.0
        alive &= ~(terminated | truncated)
        if progress is not None:
            progress(n)
        if not alive.any():
            break
    return Scores(
        rotation=last["rotation"],
        time_to_fall=last["time"],
        dropped=dropped,
        rotr=last["RotR"],
        rotp=last["RotP"],
        ttf=last["TTF"],
    )
