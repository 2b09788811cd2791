"""Collection through an environment: replays of simulated episodes, or the policy itself, on any hand."""

import logging
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import gymnasium
import numpy as np
from gymnasium.vector import VectorEnv

from dexndm_gym.arrays import FloatArray
from dexndm_gym.backends.backend import Backend
from dexndm_gym.checks import Bound, Checked
from dexndm_gym.data.collection import CollectOptions, Plan, Tick
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.envs.make import make_sim_vector_env
from dexndm_gym.envs.rollout import Policy, roll_out
from dexndm_gym.envs.vector_env import LeapRotateVectorEnv
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.filters.target_noise import TargetNoise
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.objects.catalog import NO_OBJECT
from dexndm_gym.progress import Progress, Tally
from dexndm_gym.task.config import OBSERVATION_SIZE, TaskConfig
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.wrappers.target_filter import TargetFilterWrapper
from dexndm_gym.wrappers.vector import TargetFilterVectorWrapper

_LOG = logging.getLogger(__name__)

_LAST_TARGET = slice(OBSERVATION_SIZE - 7 - NUM_JOINTS, OBSERVATION_SIZE - 7)
"""Where an observation holds the target of the last step."""

_LOOK_AT_HEAT = 20
"""Control steps between two looks at the servos' temperatures."""


@dataclass(frozen=True, kw_only=True)
class HeatLimits(Checked):
    """When a collection pauses, degrees Celsius of the hottest servo."""

    pause: Annotated[float, Bound(above=0.0, most=100.0)] = 60.0
    """From here on the trajectory ends and torque goes off; the driver gives up at 65, the servos at 70."""

    resume: Annotated[float, Bound(above=0.0, most=100.0)] = 50.0
    """Down here it goes on."""

    def __post_init__(self) -> None:
        """Check the values."""
        super().__post_init__()
        if not self.resume < self.pause:
            raise ConfigurationError(
                f"a pause for heat must end below the {self.pause:g} degrees Celsius at which it begins; "
                f"got {self.resume:g}"
            )


class ReplayPolicy:
    """Asks for the targets of a recorded trajectory, whatever it observes."""

    def __init__(self, targets: FloatArray, action_scale: float) -> None:
        """Replay targets (T, 16) or (T, n, 16), rad, through actions that move one by ``action_scale`` rad at most.

        Where a hand begins elsewhere than the trajectory, its targets go there first, as fast as actions can.
        """
        self._targets, self._scale = targets, action_scale
        self._next = 0

    def __len__(self) -> int:
        """Number of control steps."""
        return len(self._targets)

    def predict(self, observation: Any, *, deterministic: bool = True) -> tuple[FloatArray, None]:
        """The next action, (16,) or (n, 16); the last target is held when the trajectory is over."""
        wanted = self._targets[min(self._next, len(self) - 1)]
        self._next += 1
        return np.clip((wanted - np.asarray(observation)[..., _LAST_TARGET]) / self._scale, -1.0, 1.0), None


class EnvPlayer:
    """Plays the plans of a collection on a single env, with noise on the targets of its own steps."""

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        policy: Policy,
        *,
        wrist: str | None = None,
        heat: HeatLimits | None = None,
    ) -> None:
        """Play on an env.

        Args:
            env: one hand.
            policy: acts where a plan replays nothing.
            wrist: orientation of the wrist; None for that of the env.
            heat: when to pause, for hands with a ``temperature`` and a ``cool_down``; None for never.
        """
        self._noise = TargetNoise()
        self._env, self._policy, self._heat = TargetFilterWrapper(env, self._noise), policy, heat
        self._options = {} if wrist is None else {"wrist": wrist}
        self._hand = env.unwrapped.backend  # type: ignore[attr-defined]
        self._scale = float(env.unwrapped.task.config.action_scale)  # type: ignore[attr-defined]

    def __call__(self, plan: Plan) -> Generator[Tick, None, None]:
        """Play one plan until it is over, the object is lost or the servos are hot, once they are cool."""
        if self._heat is not None and self._too_hot():
            _LOG.info("Torque is off until no servo is hotter than %g degrees Celsius", self._heat.resume)
            self._hand.cool_down(self._heat.resume)
        self._noise.set(plan.noise, plan.seed, plan.offset)
        policy, options, length = self._policy, self._options, None
        if plan.replay is not None:
            policy = ReplayPolicy(plan.replay.command, self._scale)
            options, length = {"object": NO_OBJECT} | options, len(policy)
        try:
            read = None
            for index, step in enumerate(roll_out(policy, self._env, seed=plan.seed, options=options)):
                if read is not None:
                    yield read._replace(command=step.info["command"])
                seen = step.info["object_pose"], str(step.info["object"])
                read = Tick(step.info["position"], None, self._current(), *seen)
                if index == length or ((index + 1) % _LOOK_AT_HEAT == 0 and self._too_hot()):
                    break
            if read is not None:
                yield read
        finally:
            self._noise.set(0.0, 0)

    def _current(self) -> FloatArray | None:
        measured = self._env.unwrapped.task.state().current  # type: ignore[attr-defined]
        return None if measured is None else measured[0]

    def _too_hot(self) -> bool:
        return self._heat is not None and self._hand.temperature().max() >= self._heat.pause


def simulate(
    policy: Policy,
    episodes: int,
    *,
    seed: int,
    options: Mapping[str, Any] | None = None,
    starts: str | Path | None = None,
    config: TaskConfig | None = None,
    progress: Progress | None = None,
) -> list[Trajectory]:
    """Episodes of a policy on nominal simulated hands, all at once.

    Args:
        policy: acts.
        episodes: how many, and so many hands.
        seed: of everything that is drawn.
        options: ``object``, ``wrist`` and ``axis`` of the episodes; None for the basic objects, palm up, about +z.
        starts: as in ``make_sim_env``.
        config: parameters of the task; None for the usual ones.
        progress: told after each control step how many have been played, of how many at most.

    Returns:
        Positions and commands of each episode until its end, with the object's name as metadata.
    """
    with closing(make_sim_vector_env(num_envs=episodes, starts=starts, config=config, **(options or {}))) as env:
        return _roll_out(policy, env, seed, progress, TargetNoise())


def longest(trajectories: Sequence[Trajectory]) -> list[Trajectory]:
    """Those trajectories that last as long as any does, which are whole episodes where there are any."""
    most = max(len(one) for one in trajectories)
    return [one for one in trajectories if len(one) == most]


def replay_at_once(
    hand: Backend,
    replays: Sequence[Trajectory],
    options: CollectOptions,
    *,
    wrist: str | None = None,
    progress: Progress | None = None,
) -> list[Trajectory]:
    """What ``collect`` records, with all replays at the same time: each once, on an empty hand of its own.

    Args:
        hand: as many hands as there are replays, simulated or virtual; it stays open.
        replays: whose targets to replay, as far as the shortest goes.
        options: noise and offsets on the targets.
        wrist: orientation of the wrists, or a set to draw them from; None for palm up.
        progress: told after each control step how many have been played, of how many at most.
    """
    env = LeapRotateVectorEnv(hand, options=EpisodeOptions().updated({"object": NO_OBJECT, "wrist": wrist}))
    noise = _noise(hand.num_hands, options, options.offset)
    length = min(len(replay) for replay in replays)
    targets = np.stack([replay.command[:length] for replay in replays], axis=1)
    policy = ReplayPolicy(targets, env.task.config.action_scale)
    return [trajectory.cut(0, length) for trajectory in _roll_out(policy, env, options.seed, progress, noise)]


def play_at_once(
    hand: Backend,
    policy: Policy,
    options: CollectOptions,
    *,
    episodes: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> list[Trajectory]:
    """What ``collect`` records with ``closed_loop=1``: the policy plays each hand until its object is lost.

    Args:
        hand: simulated or virtual hands; they stay open.
        policy: acts.
        options: noise on the targets.
        episodes: ``object``, ``wrist`` and ``axis``; None for the basic objects, palm up, about +z.
        progress: told after each control step how many have been played, of how many at most.
    """
    env = LeapRotateVectorEnv(hand, options=EpisodeOptions().updated(episodes))
    return _roll_out(policy, env, options.seed, progress, _noise(hand.num_hands, options, 0.0))


def _noise(num_hands: int, options: CollectOptions, offset: float) -> TargetNoise:
    noise = TargetNoise()
    shaken = np.random.default_rng(options.seed).random(num_hands) < options.noise_probability
    noise.set(np.where(shaken, options.noise, 0.0), options.seed, offset)
    return noise


def _roll_out(
    policy: Policy, base: VectorEnv, seed: int, progress: Progress | None, noise: TargetNoise
) -> list[Trajectory]:
    env, most = TargetFilterVectorWrapper(base, noise), base.unwrapped.task.config.episode_steps  # type: ignore[attr-defined]
    tally = Tally(progress, env.num_envs * most)
    items, positions, commands = [], [], []
    lengths = np.zeros(env.num_envs, dtype=np.int64)
    for step in roll_out(policy, env, seed=seed):
        positions.append(step.info["position"])
        if step.is_reset:
            items = [str(item) for item in step.info["object"]]
            continue
        commands.append(step.info["command"])
        lengths += step.counts
        tally(env.num_envs)
    position, command = np.array(positions), np.array(commands)
    return [
        Trajectory(position[: length + 1, hand], command[:length, hand], {"object": items[hand], "episode": hand})
        for hand, length in enumerate(lengths)
    ]
