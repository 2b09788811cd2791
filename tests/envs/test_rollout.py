"""The loop in which a policy acts: what it yields, and when it ends."""

from itertools import islice
from typing import Any

import gymnasium
import numpy as np
import pytest

from dexndm_gym.backends.weak_servos import WeakServos
from dexndm_gym.envs.rollout import EpisodeFaultError, roll_out
from dexndm_gym.envs.rotate_env import LeapRotateEnv
from dexndm_gym.envs.vector_env import LeapRotateVectorEnv
from dexndm_gym.hand.state import HandState
from dexndm_gym.task.config import TaskConfig

SHORT = TaskConfig(episode_steps=5)


class DroppingHand(WeakServos):
    """Hand 1 loses its object in its third control step."""

    def state(self) -> HandState:
        state = super().state()
        if len(self.commands) == 3 and state.object_pose is not None:
            state.object_pose[1, :3] = 1.0
        return state


class Nudge:
    """Remembers what it saw, and always does the same."""

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def predict(self, observation: Any, *, deterministic: bool = True) -> tuple[np.ndarray, None]:
        self.seen.append(observation)
        return np.full((*observation.shape[:-1], 16), 0.1, dtype=np.float32), None


def test_single_roll_out_is_reset_then_every_step() -> None:
    steps = list(roll_out(Nudge(), LeapRotateEnv(WeakServos(), config=SHORT), seed=0))
    assert [step.is_reset for step in steps] == [True, *[False] * 5]
    assert [bool(step.goes_on) for step in steps] == [*[True] * 5, False]
    assert steps[-1].counts.shape == ()
    assert not any(step.terminated for step in steps)


def test_roll_out_acts_on_the_latest_observation() -> None:
    policy, env = Nudge(), LeapRotateEnv(WeakServos(), config=SHORT)
    first, _ = env.reset(seed=0)
    list(roll_out(policy, env, seed=0))
    assert len(policy.seen) == 5
    np.testing.assert_array_equal(policy.seen[0], first)
    assert (policy.seen[1] != policy.seen[0]).any()


@pytest.mark.parametrize("mode", ["SAME_STEP", "NEXT_STEP"])
def test_only_first_episodes_count(mode: str) -> None:
    env = LeapRotateVectorEnv(DroppingHand(2), config=SHORT, autoreset_mode=mode)
    _, *steps = roll_out(Nudge(), env, seed=0)
    assert np.array([step.counts for step in steps]).T.tolist() == [[True] * 5, [True] * 3 + [False] * 2]
    assert np.flatnonzero([step.terminated[1] for step in steps]).tolist() == [2]
    assert steps[-1].goes_on.tolist() == [False, False]


def test_endless_roll_out_goes_on_into_further_episodes() -> None:
    env = LeapRotateVectorEnv(WeakServos(2), config=SHORT)
    steps = list(islice(roll_out(Nudge(), env, seed=0, endless=True), 1 + 13))
    assert [step.counts.any() for step in steps[1:]] == [True] * 5 + [False] * 8


def test_a_roll_out_that_was_left_goes_on() -> None:
    policy, env = Nudge(), LeapRotateVectorEnv(WeakServos(2), config=SHORT)
    *_, left = islice(roll_out(policy, env, seed=0), 1 + 3)
    steps = list(roll_out(policy, env, observation=left.observation))
    assert [step.is_reset for step in steps] == [False] * 2
    assert steps[-1].truncated.tolist() == [True, True]
    np.testing.assert_array_equal(policy.seen[3], left.observation)


def test_fault_of_the_hand_ends_a_roll_out() -> None:
    class Faulty(gymnasium.Wrapper):
        def step(self, action: Any) -> Any:
            return super().step(action)[0], 0.0, False, True, {"fault": "PortError", "fault_message": "it has gone"}

    with pytest.raises(EpisodeFaultError, match="PortError: it has gone"):
        list(roll_out(Nudge(), Faulty(LeapRotateEnv(WeakServos(), config=SHORT)), seed=0))
