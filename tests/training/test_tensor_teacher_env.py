"""A teacher's environment on tensors, on Warp's CPU device: what teachers see and earn, what the curriculum hears."""

from typing import Any

import numpy as np
import pytest
import torch

from dexndm_gym.backends.warp_array_hand import WarpArrayHand
from dexndm_gym.envs.rotation_task import RotationTask
from dexndm_gym.grasps.start_states import load_starts
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.gravity_curriculum import GravityConfig, GravityCurriculum
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.task.reward_weights import RewardWeights
from dexndm_gym.task.tensor_task import TensorTask
from dexndm_gym.training.teacher_observation import TensorTeacherObservation, teacher_observation
from dexndm_gym.training.tensor_teacher_env import TensorTeacherEnv

pytest.importorskip("mujoco_warp", reason="needs the extra gpu")

N = 8
OPTIONS = EpisodeOptions().updated({"object": ["cube"], "wrist": "six", "axis": ["hand-z", "+x", "random"]})
GUIDED = TaskConfig(reward=RewardWeights(goal=1.0))


@pytest.fixture(scope="module")
def backend() -> WarpArrayHand:
    starts = load_starts().in_any_wrist()
    return WarpArrayHand(N, objects=OPTIONS.objects, starts=starts, device="cpu", deterministic=False)


def make_env(backend: WarpArrayHand, config: TaskConfig | None = None, **gravity: Any) -> TensorTeacherEnv:
    curriculum = GravityCurriculum(GravityConfig(**gravity), [("cube", ("cube",))])
    return TensorTeacherEnv(backend.tensors, OPTIONS, config or TaskConfig(), curriculum)


def test_teachers_see_and_earn_the_same_on_tensors(backend: WarpArrayHand) -> None:
    task, tensors = RotationTask(backend, OPTIONS, GUIDED), TensorTask(GUIDED, N, torch.device("cpu"))
    hand, rng, observe = backend.tensors, np.random.default_rng(0), TensorTeacherObservation(torch.device("cpu"))
    task.reset(np.arange(N), rng)
    wrist, axis = torch.tensor(task.frames, dtype=torch.float32).split((4, 3), dim=1)
    every, start = torch.ones(N, dtype=torch.bool), hand.start_target
    tensors.begin(every, wrist, axis, start, hand.position, hand.object_pose)
    for _ in range(5):
        action, before = rng.uniform(-1.0, 1.0, (N, 16)), hand.object_pose
        target = tensors.next_targets(torch.tensor(action, dtype=torch.float32))
        result = task.step(action)
        tensors.push(hand.position, target)
        score = tensors.score(before, hand.object_pose, hand.position, hand.velocity, hand.torque)
        # speeds are differences of float32 poses over 50 ms
        np.testing.assert_allclose(score.reward, result.reward, atol=1e-4)
        seen = observe(tensors, hand.object_pose, hand.privileged())
        np.testing.assert_allclose(seen, teacher_observation(task), atol=1e-5)
        np.testing.assert_allclose(tensors.observe(), task.observation(), atol=1e-6)


def test_gravity_is_that_of_the_cell(backend: WarpArrayHand) -> None:
    env = make_env(backend, start=0.3)
    down = env.hand.gravity / 9.81
    np.testing.assert_allclose(down.norm(dim=1), 0.3, rtol=1e-4)
    env.curriculum.gravity[:] = np.arange(36).reshape(1, 6, 6) / 100 + 0.01
    env.update_curriculum()
    env._begin(torch.ones(N, dtype=torch.bool))
    levels = env.curriculum.gravity.flat[env._cell.numpy()]
    np.testing.assert_allclose(env.hand.gravity.norm(dim=1) / 9.81, levels, rtol=1e-4)


def test_only_whole_episodes_reach_the_curriculum(backend: WarpArrayHand) -> None:
    env, heard = make_env(backend, TaskConfig(episode_steps=6)), []
    env.curriculum.record = lambda cell, version, **episode: heard.append((cell, version, episode))  # type: ignore
    steps = [env.step(torch.zeros(N, 16)) for _ in range(12)]
    assert steps[-1].observation.shape == (N, 123)
    env.update_curriculum()
    assert len(heard) >= N
    assert {round(episode["time"], 4) for _, _, episode in heard if not episode["dropped"]} == {0.3}
    assert all(0 <= cell < 36 for cell, _, _ in heard)
    heard.clear()
    env.update_curriculum()
    assert not heard


def test_ended_episodes_start_anew_at_once(backend: WarpArrayHand) -> None:
    env = make_env(backend, TaskConfig(episode_steps=4))
    ends = torch.zeros(N)
    for _ in range(8):
        step = env.step(torch.zeros(N, 16))
        assert (env.task.steps[step.done] == 0).all()
        assert (env.task.steps[~step.done] > 0).all()
        assert not (step.truncated & ~step.done).any()
        ends += step.done
    assert (ends >= 1).all()


def test_broken_simulations_end_without_reward(backend: WarpArrayHand) -> None:
    env = make_env(backend)
    env.hand.worlds.qvel[3, 2] = float("inf")
    step = env.step(torch.zeros(N, 16))
    assert step.done[3]
    assert not step.truncated[3]
    assert step.reward[3] == 0.0
    assert step.observation.isfinite().all()
    assert step.reward.isfinite().all()
