"""Plays many different episodes at once: any wrist, axis and object, each in a hand of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dexndm_gym.backends.mujoco_hand import MujocoHand
from dexndm_gym.backends.randomization import Randomization
from dexndm_gym.envs.rotation_task import RotationTask
from dexndm_gym.evaluation.rollout import Policy, Scores
from dexndm_gym.grasps.start_states import StartStates
from dexndm_gym.hand.joints import FloatArray
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.options import EpisodeOptions, EpisodeSetup
from dexndm_gym.task.orientations import rotation_to

_MOST_HANDS = 512
"""Hands that are simulated at once."""

Tell = Callable[[int], object]
"""Called with the number of episodes that have just ended."""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What episodes are played under."""

    starts: StartStates
    randomize: bool = True
    seed: int = 0
    config: TaskConfig = field(default_factory=TaskConfig)


def play(policy: Policy, setups: Sequence[EpisodeSetup], conditions: Conditions, tell: Tell) -> Scores:
    """Play each of the episodes once, with the policy's mean action."""
    parts = [
        _play_at_once(policy, setups[first : first + _MOST_HANDS], conditions, tell)[0]
        for first in range(0, len(setups), _MOST_HANDS)
    ]
    return Scores(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])})


def reach_goals(
    policy: Policy,
    setups: Sequence[EpisodeSetup],
    goals: FloatArray,
    conditions: Conditions,
    tell: Tell,
    tolerance: float = 0.1 * np.pi,
) -> npt.NDArray[np.bool_]:
    """Turn objects to goal orientations: the axis is, at each step, that of the rotation that is left.

    Args:
        policy: what turns them.
        setups: the episodes; their axes do not matter.
        goals: quaternions w x y z in the world frame, (n, 4).
        conditions: what they are played under.
        tell: called as episodes end.
        tolerance: angle within which a goal counts as reached, rad (paper: 0.1 pi).

    Returns:
        Which goals were reached before the end of the episode, (n,).
    """
    reached = [
        _play_at_once(
            policy,
            setups[first : first + _MOST_HANDS],
            conditions,
            tell,
            goals=goals[first : first + _MOST_HANDS],
            tolerance=tolerance,
        )[1]
        for first in range(0, len(setups), _MOST_HANDS)
    ]
    return np.concatenate(reached)


def _play_at_once(
    policy: Policy,
    setups: Sequence[EpisodeSetup],
    conditions: Conditions,
    tell: Tell,
    *,
    goals: FloatArray | None = None,
    tolerance: float = 0.0,
) -> tuple[Scores, npt.NDArray[np.bool_]]:
    n, config = len(setups), conditions.config
    objects = tuple(dict.fromkeys(setup.scene.item or setup.scene.object for setup in setups))
    randomization = Randomization() if conditions.randomize else None
    hand = MujocoHand(n, randomization=randomization, starts=conditions.starts, objects=objects)
    noise = config.joint_pos_noise if conditions.randomize else 0.0
    task = RotationTask(hand, EpisodeOptions(objects=objects), config, joint_pos_noise=noise)
    task.begin(np.arange(n), setups, np.random.default_rng(conditions.seed))
    alive, reached, dropped = np.ones(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_), np.zeros(n)
    last = {name: np.zeros(n) for name in ("rotation", "time", "RotR", "RotP", "TTF")}
    for _ in range(config.episode_steps):
        if goals is not None:
            left = rotation_to(goals, task.frames[:, :4], task.privileged()["object_pose"][:, 3:])
            angle = np.linalg.norm(left, axis=1)
            reached |= alive & (angle < tolerance)
            task.frames[:, 4:] = left / np.maximum(angle, 1e-6)[:, None]
        result = task.step(policy.predict(task.observation(), deterministic=True)[0])
        info = result.info()
        for name, values in last.items():
            values[alive] = info[name][alive]
        dropped[alive & result.terminated] = 1.0
        ended = alive & (result.terminated | result.truncated)
        tell(int(ended.sum()))
        alive &= ~ended
        if not alive.any():
            break
    hand.close()
    scores = Scores(
        rotation=last["rotation"],
        time_to_fall=last["time"],
        dropped=dropped,
        rotr=last["RotR"],
        rotp=last["RotP"],
        ttf=last["TTF"],
    )
    return scores, reached
