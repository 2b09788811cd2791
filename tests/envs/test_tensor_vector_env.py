"""Vector envs on tensors do what those on NumPy do; on hands that need no simulator, so that both play the same."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from torch import Tensor

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.backends.registry import BackendRequest
from dexndm_gym.envs import LeapRotateTensorEnv, LeapRotateVectorEnv
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.palm_rest import FINGERTIP_CENTER
from dexndm_gym.hand.state import HandState
from dexndm_gym.objects.scene import Scene
from dexndm_gym.task.config import TaskConfig

N = 4
FALLS = (0.0, 0.03, 0.004, 0.0)
"""How far the object of each hand sinks per control step, m."""


class LagHand:
    """Joints that go half of the way to their command, objects that turn about z and sink."""

    def __init__(self, objects: Sequence[str] = ("cube",)) -> None:
        self.num_hands, self.objects, self.device = N, tuple(objects), torch.device("cpu")
        self.object_index, self.broken = torch.zeros(N, dtype=torch.long), torch.zeros(N, dtype=torch.bool)
        self.breaks = torch.zeros(N, dtype=torch.bool)
        self.position, self.velocity, self.torque, self.start_target = (torch.zeros(N, 16) for _ in range(4))
        self.object_pose, self.seeds = torch.zeros(N, 7), []

    def seed(self, seed: int) -> None:
        self.seeds.append(seed)

    def reset(self, mask: Tensor, object_index: Tensor, gravity: Tensor) -> None:
        self.object_index = torch.where(mask, object_index, self.object_index)
        start = torch.tensor([*FINGERTIP_CENTER, 1.0, 0.0, 0.0, 0.0], dtype=torch.float32)
        self.object_pose = torch.where(mask[:, None], start, self.object_pose)
        self.start_target = torch.where(mask[:, None], torch.full((N, 16), 0.3), self.start_target)
        self.position = torch.where(mask[:, None], torch.full((N, 16), 0.2), self.position)
        self.velocity, self.torque = (x.masked_fill(mask[:, None], 0.0) for x in (self.velocity, self.torque))

    def step(self, command: Tensor) -> None:
        way = 0.5 * (command.float() - self.position)
        self.position, self.velocity, self.torque = self.position + way, 20.0 * way, 0.1 * way
        pose, angle = self.object_pose.clone(), self.position.mean(dim=1)
        pose[:, 2] -= torch.tensor(FALLS)
        pose[:, 3], pose[:, 6] = torch.cos(0.5 * angle), torch.sin(0.5 * angle)
        self.object_pose, self.broken = pose, self.breaks

    def privileged(self) -> dict[str, Tensor]:
        return {"joint_velocity": self.velocity}


class LagArrays:
    """The same as any other backend, NumPy in and out."""

    def __init__(self, request: BackendRequest) -> None:
        self.num_hands, self.tensors = N, LagHand([str(item) for item in request.objects])

    def reset(self, ids: np.ndarray, scenes: Sequence[Scene], rng: np.random.Generator) -> np.ndarray:
        mask = torch.zeros(N, dtype=torch.bool)
        mask[ids] = True
        index = torch.zeros(N, dtype=torch.long)
        index[ids] = torch.tensor([self.tensors.objects.index(scene.object) for scene in scenes])
        self.tensors.reset(mask, index, torch.zeros(N, 3))
        return self.tensors.start_target.double().numpy()[ids]

    def step(self, command: np.ndarray) -> None:
        self.tensors.step(torch.tensor(command))

    def state(self) -> HandState:
        hand = self.tensors
        position, pose, velocity, torque = (
            x.double().numpy() for x in (hand.position, hand.object_pose, hand.velocity, hand.torque)
        )
        return HandState(position=position, object_pose=pose, velocity=velocity, torque=torque)

    def close(self) -> None:
        pass


def make(**options: Any) -> Any:
    options = {"object": "cube", "backend": LagArrays, "config": TaskConfig(episode_steps=7)} | options
    return gymnasium.make_vec("LeapRotate-Sim-v0", N, vectorization_mode="vector_entry_point", **options)


def make_tensors(**options: Any) -> LeapRotateTensorEnv:
    env = make(tensors="torch", **options)
    assert isinstance(env, LeapRotateTensorEnv)
    return env


def assert_same_info(found: dict[str, Any], expected: dict[str, Any], rows: Any) -> None:
    names = expected.keys() - {"object", "final_obs", "final_info", "_final_obs", "_final_info"}
    for name in names:
        np.testing.assert_allclose(found[name][rows], expected[name][rows], atol=2e-4, rtol=1e-4, err_msg=name)
    assert found.keys() >= expected.keys()


@pytest.mark.parametrize("mode", ["NEXT_STEP", "SAME_STEP", "DISABLED"])
def test_episodes_are_those_of_numpy(mode: str) -> None:
    arrays, tensors = make(autoreset_mode=mode), make_tensors(autoreset_mode=mode)
    assert isinstance(arrays, LeapRotateVectorEnv)
    assert (arrays.metadata, arrays.observation_space) == (tensors.metadata, tensors.observation_space)
    (expected, info), (found, same) = arrays.reset(seed=0), tensors.reset(seed=0)
    every, ends, rng = np.ones(N, dtype=np.bool_), np.zeros((2, N)), np.random.default_rng(0)
    for _ in range(25):
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert_same_info(same, info, every)
        action = rng.uniform(-1.5, 1.5, (N, 16)).astype(np.float32)
        expected, *outcome, info = arrays.step(action)
        found, *outcome_found, same = tensors.step(torch.tensor(action))
        for mine, theirs in zip(outcome_found, outcome, strict=True):
            np.testing.assert_allclose(mine, theirs, atol=2e-4)
        done = np.logical_or(*outcome[1:])
        ends += outcome[1:]
        np.testing.assert_array_equal(same["_final_obs"], done)
        np.testing.assert_array_equal(same["_final_info"], done)
        if done.any():
            np.testing.assert_allclose(same["final_obs"][done], info["final_obs"][done], atol=1e-5)
            assert_same_info(same["final_info"], info["final_info"], done)
        if mode == "DISABLED" and done.any():
            with pytest.raises(ConfigurationError, match=r"reset_mask"):
                tensors.step(torch.tensor(action))
            expected, info = arrays.reset(options={"reset_mask": done})
            found, same = tensors.reset(options={"reset_mask": torch.tensor(done)})
    assert (ends > 0).tolist() == [[False, True, False, False], [True, False, True, True]]


def test_same_seed_draws_the_same_episodes() -> None:
    env = make_tensors(axis="random", wrist="random", randomize=True)
    first, second, third, fourth = (env.reset(seed=seed)[0] for seed in (3, 3, 4, None))
    assert torch.equal(first, second)
    assert not torch.equal(second, third)
    assert not torch.equal(third, fourth)
    seeds = env.task.hand.seeds  # type: ignore[attr-defined]
    assert seeds[0] == seeds[1] != seeds[2]
    assert len(seeds) == 3


def test_objects_are_drawn_from_the_options_of_the_reset() -> None:
    env = make_tensors(object=["cube", "ball_40"])
    _, info = env.reset(seed=0, options={"object": "ball_40"})
    assert [env.objects[i] for i in info["object"].tolist()] == ["ball_40"] * N
    with pytest.raises(ConfigurationError, match="box_50x50x50"):
        env.reset(options={"object": "box_50x50x50"})


@pytest.mark.parametrize("cause", ["state", "action"])
def test_what_is_not_finite_ends_its_episode(cause: str) -> None:
    env = make_tensors(config=TaskConfig(), autoreset_mode="SAME_STEP")
    env.reset(seed=0)
    action = torch.full((N, 16), 0.5)
    if cause == "action":
        action[3, 2] = torch.nan
    else:
        env.task.hand.breaks[3] = True  # type: ignore[attr-defined]
    observation, reward, terminated, truncated, info = env.step(action)
    assert terminated.tolist() == info["diverged"].tolist() == [False, False, False, True]
    assert not truncated.any()
    assert (reward != 0.0).tolist() == [True, True, True, False]
    assert int(env.diverged) == 1
    assert observation.isfinite().all()
    assert info["final_obs"].isfinite().all()


def test_what_breaks_in_the_last_step_is_not_truncated() -> None:
    env = make_tensors(config=TaskConfig(episode_steps=1))
    env.reset(seed=0)
    env.task.hand.breaks[3] = True  # type: ignore[attr-defined]
    step = env.task.step(torch.zeros(N, 16))
    assert step.terminated.tolist() == [False, False, False, True]
    assert step.truncated.tolist() == [True, True, True, False]


def test_actions_with_gradients_are_cut_off() -> None:
    env = make_tensors()
    env.reset(seed=0)
    observation, reward, *_ = env.step(torch.zeros(N, 16, requires_grad=True))
    assert not observation.requires_grad
    assert not reward.requires_grad


@pytest.mark.parametrize("action", [torch.zeros(N, 15), torch.zeros(16), "up"])
def test_actions_of_another_shape_are_refused(action: Any) -> None:
    env = make_tensors()
    env.reset()
    with pytest.raises(ConfigurationError, match=r"action.*\(4, 16\)"):
        env.step(action)


def test_hands_without_an_episode_are_not_stepped() -> None:
    env = make_tensors()
    with pytest.raises(ConfigurationError, match="reset"):
        env.step(torch.zeros(N, 16))
    env.reset(options={"reset_mask": [True, True, False, True]})
    with pytest.raises(ConfigurationError, match="reset"):
        env.step(torch.zeros(N, 16))
    env.reset(options={"reset_mask": [False, False, True, False]})
    env.step(torch.zeros(N, 16))


@pytest.mark.parametrize("mask", [[True] * 3, [1] * N, [False] * N])
def test_masks_that_do_not_fit_are_refused(mask: Any) -> None:
    with pytest.raises(ConfigurationError, match="4 booleans"):
        make_tensors().reset(options={"reset_mask": mask})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tensors": "jax"}, "'numpy' or 'torch'"),
        ({"tensors": "torch", "backend": "weak_servos"}, "WeakServos has no tensors"),
        ({"tensors": "torch", "extra_rewards": {"bonus": np.sum}}, "extra_rewards"),
        ({"tensors": "torch", "autoreset_mode": "NEVER"}, "autoreset_mode"),
        ({"tensors": "torch", "render_mode": "human"}, "render_mode"),
    ],
)
def test_what_tensors_cannot_do_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        make(**options)


def test_a_seed_per_hand_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="one seed"):
        make_tensors().reset(seed=[1, 2, 3, 4])


def test_privileged_state_is_that_of_the_hand() -> None:
    env = make_tensors()
    env.reset(seed=0)
    env.step(torch.ones(N, 16))
    known = env.task.privileged()
    assert known["joint_velocity"].abs().min() > 0.0
    torch.testing.assert_close(known["object_pose"], env.task.hand.object_pose)


def test_a_picture_of_every_hand() -> None:
    env = make_tensors(render_mode="rgb_array")
    env.reset(seed=0)
    env.step(torch.ones(N, 16))
    pictures = env.render()
    assert pictures is not None
    assert [picture.shape for picture in pictures] == [(480, 640, 3)] * N
    assert not np.array_equal(pictures[0], pictures[1])  # whose object has sunk
    assert make_tensors().render() is None
