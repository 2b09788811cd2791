"""Plays many different episodes at once: any wrist, axis and object, each in a hand of its own."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dexndm_gym.arrays import BoolArray, FloatArray
from dexndm_gym.backends.mujoco_hand import MujocoHand
from dexndm_gym.backends.randomization import Randomization
from dexndm_gym.distributed.job import Tell
from dexndm_gym.envs.rollout import Policy, Step, roll_out
from dexndm_gym.envs.rotation_task import RotationTask
from dexndm_gym.evaluation.scores import Scores, scores_of
from dexndm_gym.grasps.start_states import StartStates
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.options import EpisodeOptions, EpisodeSetup
from dexndm_gym.task.orientations import rotation_to

_MOST_HANDS = 512
"""Hands that are simulated at once."""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What episodes are played under."""

    starts: StartStates
    randomize: bool = True
    seed: int = 0
    config: TaskConfig = field(default_factory=TaskConfig)


def play(policy: Policy, setups: Sequence[EpisodeSetup], conditions: Conditions, tell: Tell) -> Scores:
    """Play each of the episodes once, with the policy's mean action; ``tell`` hears how many have just ended."""
    parts = []
    for first in range(0, len(setups), _MOST_HANDS):
        with closing(_GivenEpisodes(setups[first : first + _MOST_HANDS], conditions, first)) as env:
            parts.append(scores_of(_counted(roll_out(policy, env), tell)))
    return Scores(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])})


def reach_goals(
    policy: Policy,
    setups: Sequence[EpisodeSetup],
    goals: FloatArray,
    conditions: Conditions,
    tell: Tell,
    tolerance: float = 0.1 * np.pi,
) -> BoolArray:
    """Turn objects to goal orientations: the axis is, at each step, that of the rotation that is left.

    Args:
        policy: what turns them.
        setups: the episodes; their axes do not matter.
        goals: quaternions w x y z in the world frame, (n, 4).
        conditions: what they are played under.
        tell: hears how many episodes have just ended.
        tolerance: angle within which a goal counts as reached, rad (paper: 0.1 pi).

    Returns:
        Which goals were reached before the end of the episode, (n,).
    """
    parts = []
    for first in range(0, len(setups), _MOST_HANDS):
        part = slice(first, first + _MOST_HANDS)
        with closing(_EpisodesWithGoals(setups[part], conditions, first, goals[part])) as env:
            reached = np.zeros(env.num_envs, dtype=np.bool_)
            for step in _counted(roll_out(policy, env), tell):
                reached |= step.goes_on & (env.left < tolerance)
            parts.append(reached)
    return np.concatenate(parts)


def _counted(steps: Generator[Step, None, None], tell: Tell) -> Generator[Step, None, None]:
    for step in steps:
        tell(int((step.counts & ~step.goes_on).sum()))
        yield step


class _GivenEpisodes:
    """Plays given episodes once, each in a hand of its own; hands whose episode has ended are not begun anew."""

    def __init__(self, setups: Sequence[EpisodeSetup], conditions: Conditions, first: int) -> None:
        self.num_envs, config = len(setups), conditions.config
        self._setups, self._seed = setups, (conditions.seed, first)
        objects = tuple(dict.fromkeys(setup.scene.item or setup.scene.object for setup in setups))
        randomization = Randomization() if conditions.randomize else None
        self._hand = MujocoHand(self.num_envs, randomization=randomization, starts=conditions.starts, objects=objects)
        noise = config.joint_pos_noise if conditions.randomize else 0.0
        self._task = RotationTask(self._hand, EpisodeOptions(objects=objects), config, joint_pos_noise=noise)

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[FloatArray, dict[str, Any]]:
        """Begin the episodes."""
        self._task.begin(np.arange(self.num_envs), self._setups, np.random.default_rng(self._seed))
        return self._observation(), self._task.first().info()

    def step(self, action: Any, /) -> tuple[FloatArray, FloatArray, BoolArray, BoolArray, dict[str, Any]]:
        """Play one control step with actions (n, 16)."""
        result = self._task.step(action)
        return self._observation(), result.reward, result.terminated, result.truncated, result.info()

    def _observation(self) -> Any:
        return self._task.observation()

    def close(self) -> None:
        """Release the simulations."""
        self._hand.close()


class _EpisodesWithGoals(_GivenEpisodes):
    """Episodes in which the axis leads to a goal orientation.

    Attributes:
        left: angle between object and goal, (n,), rad.
    """

    def __init__(self, setups: Sequence[EpisodeSetup], conditions: Conditions, first: int, goals: FloatArray) -> None:
        super().__init__(setups, conditions, first)
        self._goals = goals

    def _observation(self) -> Any:
        frames = self._task.frames
        left = rotation_to(self._goals, frames[:, :4], self._task.privileged()["object_pose"][:, 3:])
        self.left = np.linalg.norm(left, axis=1)
        frames[:, 4:] = left / np.maximum(self.left, 1e-6)[:, None]
        return super()._observation()
