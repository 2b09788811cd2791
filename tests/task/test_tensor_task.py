"""The task on tensors equals the compiled one."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from dexndm_gym.hand.joints import LOWER_LIMITS, UPPER_LIMITS
from dexndm_gym.task import observation
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.episode_state import new_episode_states
from dexndm_gym.task.goals import set_first_goals, turns_to_goals
from dexndm_gym.task.metrics import score
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.task.reward_weights import PAPER_REWARD, RewardWeights
from dexndm_gym.task.tensor_draws import EpisodeDraws
from dexndm_gym.task.tensor_task import TensorTask

N, CPU = 512, torch.device("cpu")
REWARDS = {
    "default": RewardWeights(),
    "guided": RewardWeights(goal=1.0, goal_step=0.2, goal_reached=0.19),
    "paper": replace(PAPER_REWARD, off_axis_resets=(1, 9)),
}


def unit(rng: np.random.Generator, size: int) -> np.ndarray:
    draw = rng.standard_normal((N, size))
    return draw / np.linalg.norm(draw, axis=1, keepdims=True)


def poses(rng: np.random.Generator) -> np.ndarray:
    """Objects in and around the hand, some of them lost."""
    center = np.array([-0.015, 0.04, 0.1]) + rng.uniform(-0.07, 0.07, (N, 3))
    return np.hstack([center, unit(rng, 4)])


class Both:
    """The same episodes in both forms."""

    def __init__(self, config: TaskConfig, rng: np.random.Generator) -> None:
        self.config, self.rng = config, rng
        self.compiled, self.tensors = new_episode_states(N), TensorTask(config, N, CPU, torch.float64)
        wrist, axis = unit(rng, 4), unit(rng, 3)
        start, position, self.pose = *rng.uniform(-1.0, 1.0, (2, N, 16)), poses(rng)
        self.tensors.begin(
            torch.ones(N, dtype=torch.bool), *map(torch.tensor, (wrist, axis, start, position, self.pose))
        )
        self.compiled["wrist_and_axis"] = np.hstack([wrist, axis])
        self.compiled["start"], self.compiled["has_object"] = start, True
        self.compiled["history"][:, :, 0], self.compiled["history"][:, :, 1:] = position[:, None], start[:, None, None]
        set_first_goals(self.compiled, config.record, self.pose, np.arange(N))
        resets, steps = rng.integers(1, 12, N), rng.integers(0, config.episode_steps, N)
        self.compiled["resets"], self.compiled["steps"] = resets, steps
        self.tensors.resets, self.tensors.steps = torch.tensor(resets), torch.tensor(steps)

    def step(self) -> tuple[Any, Any]:
        """Play a random step; what it is worth in both forms."""
        rng, config, c, t = self.rng, self.config.record, self.compiled, self.tensors
        action, position = rng.uniform(-1.5, 1.5, (N, 16)), rng.uniform(-1.0, 1.0, (N, 16))
        velocity, torque = rng.standard_normal((2, N, 16))
        near = rng.uniform(size=N) < 0.5  # half of the objects hardly move
        after = np.where(near[:, None], self.pose + 0.01 * rng.standard_normal((N, 7)), poses(rng))
        after[:, 3:] /= np.linalg.norm(after[:, 3:], axis=1, keepdims=True)
        target, _ = observation.next_targets(c, config, action, LOWER_LIMITS, UPPER_LIMITS)
        np.testing.assert_allclose(t.next_targets(torch.tensor(action)), target, atol=1e-12, rtol=0)
        observation.push(c, position, target, target)
        t.push(torch.tensor(position), torch.tensor(target))
        np.testing.assert_array_equal(t.observe(), observation.observe(c))
        expected = score(c, config, self.pose, after, position, velocity, torque)
        found = t.score(*map(torch.tensor, (self.pose, after, position, velocity, torque)))
        self.pose = after
        return expected, found


@pytest.mark.parametrize("reward", REWARDS)
def test_tensor_task_equals_compiled_task(reward: str) -> None:
    both = Both(TaskConfig(reward=REWARDS[reward], episode_steps=20), np.random.default_rng(5))
    ends = np.zeros(2)
    for _ in range(12):
        (worth, values, lost, over), found = both.step()
        np.testing.assert_allclose(found.reward, worth, atol=1e-12, rtol=1e-12)
        np.testing.assert_allclose(both.tensors.metrics(found), values, atol=1e-12, rtol=1e-12)
        np.testing.assert_array_equal(found.lost, lost)
        np.testing.assert_array_equal(found.over, over)
        np.testing.assert_allclose(both.tensors.goal, both.compiled["goal"], atol=1e-12, rtol=0)
        turns = both.tensors.turns_to_goals(torch.tensor(both.pose))
        np.testing.assert_allclose(turns, turns_to_goals(both.compiled, both.pose), atol=1e-12, rtol=0)
        ends += lost.sum(), over.sum()
    assert ends.min() > 0


def test_masked_begin_touches_no_other_episode() -> None:
    both = Both(TaskConfig(), np.random.default_rng(6))
    both.step()
    task, rng = both.tensors, np.random.default_rng(7)
    before = {name: value.clone() for name, value in vars(task).items() if isinstance(value, torch.Tensor)}
    mask = torch.tensor(rng.uniform(size=N) < 0.3)
    start, position = torch.tensor(rng.uniform(-1.0, 1.0, (2, N, 16)))
    wrist, axis, pose = (torch.tensor(x) for x in (unit(rng, 4), unit(rng, 3), poses(rng)))
    task.begin(mask, wrist, axis, start, position, pose)
    rows = {name: value for name, value in before.items() if value.shape[:1] == (N,)}
    assert len(rows) == 9
    for name, value in rows.items():
        torch.testing.assert_close(getattr(task, name)[~mask], value[~mask], rtol=0, atol=0)
        assert not torch.equal(getattr(task, name)[mask], value[mask]), name


@pytest.mark.parametrize(
    "options",
    [
        {"object": ["cube", "duck", "cube"], "wrist": "six", "axis": ["hand+z", "-x", "diagonal"]},
        {"object": "cube", "wrist": ["random", "palm_down"], "axis": ["random", "hand-y"]},
    ],
)
def test_draws_have_the_distribution_of_options(options: dict[str, Any]) -> None:
    allowed, rng, n = EpisodeOptions().updated(options), np.random.default_rng(0), 4000
    drawn = EpisodeDraws(allowed, torch.Generator().manual_seed(1))(40_000)
    expected = [allowed.draw(rng) for _ in range(n)]
    names = [allowed.objects[i] for i in drawn.object_index.tolist()]
    for name in set(allowed.objects):
        share = np.mean([episode.scene.object == name for episode in expected])
        assert abs(names.count(name) / len(names) - share) < 0.03
    # means of all pairs of numbers of an episode tell sets, hand axes and uniform draws apart
    mine = torch.cat([drawn.wrist, drawn.axis, drawn.down], dim=1).double().numpy()
    theirs = np.array([[*e.wrist, *e.axis, *(np.array(e.scene.gravity) / 9.81)] for e in expected])
    for power in (mine.mean(axis=0) - theirs.mean(axis=0), mine.T @ mine / len(mine) - theirs.T @ theirs / n):
        assert np.abs(power).max() < 0.06
    assert (drawn.wrist.gather(1, (drawn.wrist != 0).int().argmax(dim=1, keepdim=True)) > 0).all()
