"""One action sequence on the simulated hand and, over the wire, on the virtual one: same meaning of every number."""

from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
import pytest

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.backends.dynamixel_config import DynamixelHandConfig
from dexndm_gym.hand.joints import LOWER_LIMITS, NUM_JOINTS, UPPER_LIMITS
from dexndm_gym.task.config import TaskConfig

ACTION_SCALE = TaskConfig().action_scale
OPENING_STEPS, NUDGE_STEPS, SATURATING_STEPS = 24, 8, 100
SIDEWAYS_AND_THUMB_BASE = [0, 4, 8, 12, 13]
NUDGE = np.where(np.isin(np.arange(NUM_JOINTS), [12, 13]), -1.0, 1.0)


def action_sequence() -> npt.NDArray[np.float32]:
    """Open the hand so that the object blocks no finger, nudge joint after joint, then run into all upper limits."""
    opening = -np.ones((OPENING_STEPS, NUM_JOINTS))
    opening[:, SIDEWAYS_AND_THUMB_BASE] = 0.0
    nudges = np.repeat(np.diag(NUDGE), NUDGE_STEPS, axis=0)
    return np.concatenate([opening, nudges, np.ones((SATURATING_STEPS, NUM_JOINTS))]).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Run:
    observation: npt.NDArray[np.float32]
    """(steps + 1, 327)."""

    info: list[dict[str, Any]]


def play(name: str, **options: Any) -> Run:
    config = TaskConfig(drop_distance=10.0, episode_steps=1000)
    env = gymnasium.make(name, object="cube", config=config, **options)
    try:
        first, info = env.reset(seed=0)
        observations, infos = [first], [info]
        for action in action_sequence():
            observation, reward, *_, info = env.step(action)
            assert isinstance(reward, float)
            observations.append(observation)
            infos.append(info)
    finally:
        env.close()
    return Run(observation=np.stack(observations), info=infos)


@pytest.fixture(scope="module")
def runs() -> tuple[Run, Run]:
    """The same actions in simulation and over the wire."""
    # What protects a hand from running into all limits at once would get in the way here.
    reckless = DynamixelHandConfig(overlap=1.0, stall_time=60.0, lasting_current=10.0)
    return play("LeapRotate-Sim-v0"), play("LeapRotate-Real-v0", port="virtual", hand_config=reckless)


def history(run: Run) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Positions and targets of the newest row of each observation, (steps + 1, 16) each."""
    newest = run.observation[:, :320].reshape(-1, 10, 2, NUM_JOINTS)[:, -1]
    return newest[:, 0], newest[:, 1]


def test_info_has_the_same_structure(runs: tuple[Run, Run]) -> None:
    sim, real = ([{key: np.shape(value) for key, value in info.items()} for info in run.info] for run in runs)
    assert all(on_hand.items() >= simulated.items() for simulated, on_hand in zip(sim, real, strict=True))
    clockless = set(real[-1]) - set(sim[-1])
    assert clockless == {"held_fingers", "self_collisions", "eased_joints"}, "in lock-step there is no clock to keep"


def test_targets_wrist_and_axis_are_equal(runs: tuple[Run, Run]) -> None:
    sim, real = runs
    np.testing.assert_array_equal(history(sim)[1], history(real)[1])
    np.testing.assert_array_equal(sim.observation[:, 320:], real.observation[:, 320:])


def test_limits_are_equal(runs: tuple[Run, Run]) -> None:
    for run in runs:
        targets = np.stack([info["command"] for info in run.info[1:]])
        np.testing.assert_array_equal(targets[-1], UPPER_LIMITS)
        assert (targets >= LOWER_LIMITS).all()


def test_observed_position_is_that_of_info_in_rad(runs: tuple[Run, Run]) -> None:
    for run in runs:
        measured = np.stack([info["position"] for info in run.info[1:]])
        np.testing.assert_allclose(history(run)[0][1:], measured, atol=1e-6)


def test_each_joint_moves_where_its_action_says(runs: tuple[Run, Run]) -> None:
    for run in runs:
        ends = history(run)[0][OPENING_STEPS : OPENING_STEPS + NUM_JOINTS * NUDGE_STEPS + 1 : NUDGE_STEPS]
        moved = np.diff(ends, axis=0)
        np.testing.assert_array_equal(np.abs(moved).argmax(axis=1), np.arange(NUM_JOINTS))
        own = np.diag(moved) * NUDGE
        assert (own > 0.0).all()
        # most joints arrive; one that lifts a finger or meets the object may lag
        assert np.median(own) == pytest.approx(NUDGE_STEPS * ACTION_SCALE, abs=0.06)
