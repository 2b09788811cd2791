"""Whole episodes on one hand: what was asked for, what was sent, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.envs.rollout import Policy, roll_out
from dexndm_gym.evaluation.scores import Scores
from dexndm_gym.progress import Progress


@dataclass(frozen=True, kw_only=True)
class EpisodeRecord:
    """A whole episode of T control steps on one hand."""

    object: str
    """Name of the object."""

    position: FloatArray
    """Joint positions, (T+1, 16), rad."""

    target: FloatArray
    """Targets that the policy asked for, (T, 16), rad."""

    command: FloatArray
    """Commands that the hand was sent, (T, 16), rad."""

    object_pose: FloatArray | None
    """Object in the hand frame, (T+1, 7), NaN where it was not seen; None where nothing tracks it."""

    rotation: FloatArray
    """Rotation about the wanted axis so far, (T+1,), rad; zeros where nothing tracks the object."""

    metrics: Mapping[str, float]
    """RotR, RotP and TTF (``task.metrics``); nan where nothing tracks the object."""

    dropped: bool
    """The object was lost."""

    def __len__(self) -> int:
        """Number of control steps."""
        return len(self.target)

    @property
    def seconds(self) -> float:
        """Duration, s."""
        return len(self) * CONTROL_PERIOD

    def trajectory(self, metadata: dict[str, Any] | None = None) -> Trajectory:
        """Positions and commands, for recordings and fits."""
        return Trajectory(self.position, self.command, {"object": self.object} | (metadata or {}))


def record_episode(
    policy: Policy,
    env: gymnasium.Env[Any, Any],
    *,
    seed: int | None,
    item: str | None = None,
    progress: Progress | None = None,
) -> EpisodeRecord:
    """Play one episode and keep all of it.

    Args:
        policy: acts.
        env: one hand.
        seed: of the episode.
        item: name of the object; None leaves the choice to the env.
        progress: told after the reset and after each control step how many have been played, of how many at most.

    Raises:
        EpisodeFaultError: the hand failed during the episode.
    """
    most, steps = _episode_steps(env), []
    for played, step in enumerate(roll_out(policy, env, seed=seed, options={"object": item} if item else None)):
        steps.append(step)
        if progress is not None:
            progress(played, most, f"{steps[0].info['object']}, {step.info['rotation']:.1f} rad")
    infos = [step.info for step in steps]
    poses, acted = np.array([info["object_pose"] for info in infos]), infos[1:]
    seen = not np.isnan(poses).all()
    return EpisodeRecord(
        object=str(infos[0]["object"]),
        position=np.array([info["position"] for info in infos]),
        target=np.array([info["target"] for info in acted]),
        command=np.array([info["command"] for info in acted]),
        object_pose=poses if seen else None,
        rotation=np.array([0.0, *(info["rotation"] for info in acted)]),
        metrics={name: float(infos[-1][name]) if seen else np.nan for name in ("RotR", "RotP", "TTF")},
        dropped=bool(steps[-1].terminated),
    )


def record_episodes(
    policy: Policy,
    env: gymnasium.Env[Any, Any],
    episodes: int,
    *,
    seed: int,
    items: Sequence[str],
    progress: Progress | None = None,
) -> list[EpisodeRecord]:
    """Play episodes one after another, with the objects in turn; episode k has the seed ``seed + k``.

    Args:
        policy: acts.
        env: one hand.
        episodes: how many.
        seed: of the first episode.
        items: names of the objects.
        progress: told of each control step; an episode that ends early counts as a whole one.
    """
    most, played = _episode_steps(env), []
    for index in range(episodes):

        def told(done: int, _: int, note: str, before: int = index * most) -> None:
            if progress is not None:
                progress(before + done, episodes * most, note)

        item = items[index % len(items)]
        played.append(record_episode(policy, env, seed=seed + index, item=item, progress=told))
        told(most, most, "")
    return played


def scores(episodes: Sequence[EpisodeRecord]) -> Scores:
    """What episodes measured; where nothing tracked the object all is nan but how long they took."""
    tracked = [episode.object_pose is not None for episode in episodes]
    return Scores(
        rotation=np.where(tracked, [episode.rotation[-1] for episode in episodes], np.nan),
        time_to_fall=np.array([episode.seconds for episode in episodes]),
        dropped=np.where(tracked, [float(episode.dropped) for episode in episodes], np.nan),
        rotr=np.array([episode.metrics["RotR"] for episode in episodes]),
        rotp=np.array([episode.metrics["RotP"] for episode in episodes]),
        ttf=np.array([episode.metrics["TTF"] for episode in episodes]),
    )


def _episode_steps(env: gymnasium.Env[Any, Any]) -> int:
    return env.unwrapped.task.config.episode_steps  # type: ignore[attr-defined]  # of both LeapRotate ids
