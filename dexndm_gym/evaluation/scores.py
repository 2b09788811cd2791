"""What episodes are measured by: rotation, speed, time to fall, drops."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from gymnasium.vector import VectorEnv

from dexndm_gym.arrays import FloatArray
from dexndm_gym.envs.rollout import Policy, Step, roll_out
from dexndm_gym.progress import Progress, Tally


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


def scores_of(steps: Iterable[Step]) -> Scores:
    """Score the episodes of a roll-out on a vector env, one per hand."""
    last: dict[str, FloatArray] = {}
    for step in steps:
        if step.is_reset:
            last = {name: np.zeros(len(step.counts)) for name in ("rotation", "time", "dropped", "RotR", "RotP", "TTF")}
            continue
        measured = step.info | {"dropped": step.terminated}
        for name, values in last.items():
            values[step.counts] = measured[name][step.counts]
    return Scores(
        rotation=last["rotation"],
        time_to_fall=last["time"],
        dropped=last["dropped"],
        rotr=last["RotR"],
        rotp=last["RotP"],
        ttf=last["TTF"],
    )


def evaluate_vector(policy: Policy, env: VectorEnv, *, seed: int, progress: Progress | None = None) -> Scores:
    """Play one episode on every hand of a vector env and score it.

    Args:
        policy: acts.
        env: the hands.
        seed: of the episodes.
        progress: told after each control step how many have been played, of how many at most.
    """
    tally = Tally(progress, env.num_envs * env.unwrapped.task.config.episode_steps)  # type: ignore[attr-defined]

    def played() -> Iterable[Step]:
        for step in roll_out(policy, env, seed=seed):
            if not step.is_reset:
                tally(env.num_envs)
            yield step

    return scores_of(played())
