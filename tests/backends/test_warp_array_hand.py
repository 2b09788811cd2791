"""What ``backend="warp"`` says when it cannot do what is asked of it; the rest is in the contract tests."""

import sys

import gymnasium
import numpy as np
import pytest
import torch

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.backends.backend import SimulatedBackend, TensorBackend, TurnableHand
from dexndm_gym.backends.warp_array_hand import WarpArrayHand
from dexndm_gym.backends.warp_worlds import find_device
from dexndm_gym.constants import GRAVITY
from dexndm_gym.errors import ConfigurationError, MissingExtraError, SimulationDivergedError
from dexndm_gym.grasps.start_states import load_starts


def make_env(**options):
    return gymnasium.make_vec("LeapRotate-Sim-v0", 2, vectorization_mode="vector_entry_point", **options)


@pytest.fixture(scope="module")
def env():
    pytest.importorskip("mujoco_warp", reason="needs the extra gpu")
    return make_env(object=["cube", "ball_40"], backend="warp", device="cpu")


def test_an_unknown_backend_is_refused():
    with pytest.raises(ConfigurationError, match="'wrap'"):
        make_env(backend="wrap")


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "warp", None)
    with pytest.raises(MissingExtraError, match=r"dexndm_gym\[gpu\]"):
        WarpArrayHand(1, objects=("cube",), starts=load_starts(), device="cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_the_error_says_so():
    pytest.importorskip("mujoco_warp", reason="needs the extra gpu")
    with pytest.raises(ConfigurationError, match="cuda:0"):
        make_env(object="cube", backend="warp")


def test_a_gpu_that_does_not_exist_is_refused(monkeypatch):
    warp = pytest.importorskip("warp", reason="needs the extra gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(warp, "is_cuda_available", lambda: True)
    for count, known in ((1, "only cuda:0"), (4, "cuda:0 to cuda:3")):
        monkeypatch.setattr(torch.cuda, "device_count", lambda count=count: count)
        with pytest.raises(ConfigurationError, match=f"no GPU 'cuda:7'.*expected {known}$"):
            find_device("cuda:7")
    assert find_device("cuda") == torch.device("cuda:0")
    with pytest.raises(ConfigurationError, match="'gpu'"):
        find_device("gpu")


def test_it_is_a_simulated_hand_with_tensors(env):
    assert isinstance(env.backend, SimulatedBackend)
    assert isinstance(env.backend, TensorBackend)


def test_sums_are_in_a_fixed_order_when_asked(env):
    fixed = make_env(object="cube", backend="warp", device="cpu", deterministic=True)
    assert [e.backend.tensors.worlds.deterministic for e in (env, fixed)] == [False, True]


def test_each_hand_gets_the_object_of_its_scene(env):
    for name, kinds in (("cube", [1, 0, 0]), ("ball_40", [0, 0, 0])):
        env.reset(seed=0, options={"object": name})
        np.testing.assert_array_equal(env.task.privileged()["shape"], [kinds] * 2)


def test_an_object_that_was_not_named_is_refused(env):
    with pytest.raises(ConfigurationError, match="box_50x50x50"):
        env.reset(options={"object": "box_50x50x50"})


def test_a_simulation_that_diverges_is_reported(env):
    env.reset(seed=0)
    env.backend.tensors.worlds.qvel[1, 3] = float("inf")
    with pytest.raises(SimulationDivergedError, match="1 of 2"):
        env.step(np.zeros((2, 16), dtype=np.float32))


def test_gravity_follows_the_wrist_of_one_hand(env):
    env.reset(seed=0, options={"wrist": "palm_up"})
    hand = env.unwrapped.backend
    assert isinstance(hand, TurnableHand)
    hand.turn(np.array([1]), np.array([[0.0, GRAVITY, 0.0]]))
    np.testing.assert_allclose(hand.privileged()["gravity"], [[0.0, 0.0, -1.0], [0.0, 1.0, 0.0]], atol=1e-6)
