"""Episodes on one hand, step by step or as a whole: what was asked for, what was sent, and what came of it."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.evaluation.rollout import EpisodeFaultError, Policy, Scores
from dexndm_gym.hand.joints import FloatArray


@dataclass(frozen=True, kw_only=True)
class Step:
    """One control step, seen from its end; the first of an episode is the reset."""

    position: FloatArray
    """Joint positions, (16,), rad."""

    object_pose: FloatArray
    """Object in the hand frame, (7,), m and quaternion w x y z; NaN where it is not seen."""

    info: dict[str, Any]
    """The environment's; of the reset in the first step."""

    current: FloatArray | None = None
    """Servo currents, (16,), A; None where they are not measured."""

    terminated: bool = False
    """The object was lost."""

    is_reset: bool = False
    """This is the reset, before the first control step."""


Watch = Callable[[Step], Any]
"""Told each step as it has passed."""


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


def play_steps(
    policy: Policy, env: gymnasium.Env[Any, Any], *, seed: int | None, options: dict[str, Any] | None = None
) -> Generator[Step, None, None]:
    """Play one episode, yielding the reset and then every control step as it has passed.

    Raises:
        EpisodeFaultError: the hand failed during the episode.
    """
    observation, info = env.reset(seed=seed, options=options)
    state = _task(env).state()
    yield Step(
        position=state.position[0],
        object_pose=info["object_pose"],
        info=info,
        current=_first(state.current),
        is_reset=True,
    )
    ended = False
    while not ended:
        action, _ = policy.predict(observation, deterministic=True)
        observation, _, terminated, truncated, info = env.step(action)
        if "fault" in info:
            raise EpisodeFaultError(f"{info['fault']}: {info['fault_message']}")
        yield Step(
            position=info["position"],
            object_pose=info["object_pose"],
            info=info,
            current=_first(_task(env).state().current),
            terminated=bool(terminated),
        )
        ended = terminated or truncated


def record_episode(
    policy: Policy,
    env: gymnasium.Env[Any, Any],
    *,
    seed: int | None,
    item: str | None = None,
    watch: Watch | None = None,
) -> EpisodeRecord:
    """Play one episode and keep all of it.

    Args:
        policy: acts.
        env: one hand.
        seed: of the episode.
        item: name of the object; None leaves the choice to the env.
        watch: told every step as it has passed, the reset first.
    """
    steps = []
    for step in play_steps(policy, env, seed=seed, options={"object": item} if item else None):
        steps.append(step)
        if watch is not None:
            watch(step)
    poses, infos = np.array([step.object_pose for step in steps]), [step.info for step in steps[1:]]
    seen = not np.isnan(poses).all()
    return EpisodeRecord(
        object=str(steps[0].info["object"]),
        position=np.array([step.position for step in steps]),
        target=np.array([info["target"] for info in infos]),
        command=np.array([info["command"] for info in infos]),
        object_pose=poses if seen else None,
        rotation=np.array([0.0, *(info["rotation"] for info in infos)]),
        metrics={name: float(infos[-1][name]) if seen else np.nan for name in ("RotR", "RotP", "TTF")},
        dropped=steps[-1].terminated,
    )


def record_episodes(
    policy: Policy,
    env: gymnasium.Env[Any, Any],
    episodes: int,
    *,
    seed: int,
    items: Sequence[str],
    watch: Watch | None = None,
) -> list[EpisodeRecord]:
    """Play episodes one after another, with the objects in turn; episode k has the seed ``seed + k``.

    Args:
        policy: acts.
        env: one hand.
        episodes: how many.
        seed: of the first episode.
        items: names of the objects.
        watch: told every step as it has passed, each episode's reset included.
    """
    return [
        record_episode(policy, env, seed=seed + index, item=items[index % len(items)], watch=watch)
        for index in range(episodes)
    ]


def scores(episodes: Sequence[EpisodeRecord]) -> Scores:
    """What episodes measured.

    Raises:
        ConfigurationError: nothing tracked the object, so that there is nothing to measure.
    """
    if any(episode.object_pose is None for episode in episodes):
        raise ConfigurationError(
            "rotation cannot be measured where nothing tracks the object; connect a tracker, or use the virtual hand"
        )
    return Scores(
        rotation=np.array([episode.rotation[-1] for episode in episodes]),
        time_to_fall=np.array([episode.seconds for episode in episodes]),
        dropped=np.array([float(episode.dropped) for episode in episodes]),
        rotr=np.array([episode.metrics["RotR"] for episode in episodes]),
        rotp=np.array([episode.metrics["RotP"] for episode in episodes]),
        ttf=np.array([episode.metrics["TTF"] for episode in episodes]),
    )


def _task(env: gymnasium.Env[Any, Any]) -> Any:
    return env.unwrapped.task  # type: ignore[attr-defined]  # of both LeapRotate ids


def _first(values: FloatArray | None) -> FloatArray | None:
    return None if values is None else values[0]
