"""The envs as Gymnasium's own tools use them."""

import copy
import multiprocessing
import pickle
import threading
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import RecordEpisodeStatistics, RecordVideo, TimeAwareObservation
from gymnasium.wrappers import vector as vector_wrappers

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.backends.mujoco_hand import MujocoHand
from dexndm_gym.backends.randomization import Randomization
from dexndm_gym.backends.weak_servos import WeakServos
from dexndm_gym.envs import LeapRotateEnv, LeapRotateVectorEnv
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.task.config import TaskConfig

SIM = "LeapRotate-Sim-v0"
SHORT = TaskConfig(episode_steps=3)
EVERYTHING = Randomization(center_of_mass=0.01, armature=(1.0, 1.05), link_mass=(0.9, 1.1), delay=(0.0, 0.12))


def weak_vector(mode: str = "SAME_STEP", n: int = 2, config: TaskConfig = SHORT) -> LeapRotateVectorEnv:
    return LeapRotateVectorEnv(WeakServos(n), config=config, autoreset_mode=mode)


def still(env: Any) -> tuple[Any, ...]:
    return env.step(np.zeros(env.action_space.shape, dtype=np.float32))


def randomized(n: int) -> LeapRotateVectorEnv:
    hand = MujocoHand(n, randomization=EVERYTHING, num_threads=2)
    return LeapRotateVectorEnv(hand, joint_pos_noise=0.005, config=TaskConfig(episode_steps=9))


def single() -> Any:
    env = LeapRotateEnv(
        MujocoHand(1, randomization=EVERYTHING), joint_pos_noise=0.005, config=TaskConfig(episode_steps=50)
    )
    return env


COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda env: pickle.loads(pickle.dumps(env))}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("make", [single, lambda: randomized(4)], ids=["single", "vector"])
def test_copies_continue_bit_for_bit(make: Callable[[], Any], how: str) -> None:
    env = make()
    env.reset(seed=3)
    actions = np.random.default_rng(0).uniform(-1, 1, (30, *env.action_space.shape)).astype(np.float32)
    for action in actions[:5]:
        env.step(action)
    other = COPIES[how](env)
    for name, values in env.task.privileged().items():
        np.testing.assert_array_equal(other.task.privileged()[name], values)
    for action in actions[5:]:  # through the ends of episodes, where there are any
        for got, wanted in zip(other.step(action)[:4], env.step(action)[:4], strict=True):
            np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(other.reset()[0], env.reset()[0])


def test_copy_leaves_the_original_alone() -> None:
    env = single()
    env.reset(seed=0)
    other = copy.deepcopy(env)
    before = env.task.state().position.copy()
    other.step(np.ones(16, dtype=np.float32))
    np.testing.assert_array_equal(env.backend.state().position, before)


def test_env_that_was_never_reset_is_copied() -> None:
    env = copy.deepcopy(gymnasium.make(SIM, object="cube"))
    assert env.reset(seed=0)[1]["object"] == "cube"


def test_a_real_hand_cannot_be_copied() -> None:
    env = gymnasium.make("LeapRotate-Real-v0", port="virtual")
    with pytest.raises(ConfigurationError, match="copied"):
        copy.deepcopy(env)
    with pytest.raises(ConfigurationError, match="copied"):
        pickle.dumps(env)
    env.close()


def _play_in_child(env: Any, pipe: Any) -> None:
    env.reset(seed=1)
    pipe.send(still(env)[0])


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
def test_forked_child_has_own_threads() -> None:
    env = gymnasium.make_vec(SIM, 3, object="cube", num_threads=2)
    env.reset(seed=0)
    still(env)
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=_play_in_child, args=(env, there), daemon=True)
    child.start()
    assert here.poll(60), "it hangs"
    seen = here.recv()
    child.join(60)
    assert child.exitcode == 0
    env.reset(seed=1)
    np.testing.assert_array_equal(seen, still(env)[0])


def test_same_step_starts_next_episode_at_once() -> None:
    env = weak_vector()
    first, _ = env.reset(seed=0)
    *_, (observation, _, _, truncated, info) = [still(env) for _ in range(3)]
    assert truncated.all()
    np.testing.assert_array_equal(observation, first)
    assert env.task.steps.tolist() == [0, 0]
    assert info["final_info"]["time"].tolist() == pytest.approx([0.15, 0.15])


def test_next_step_starts_next_episode_one_later() -> None:
    env = weak_vector("NEXT_STEP")
    first, _ = env.reset(seed=0)
    *_, (last, _, _, truncated, info) = [still(env) for _ in range(3)]
    assert truncated.all()
    np.testing.assert_array_equal(info["final_obs"], last)
    observation, reward, terminated, truncated, info = env.step(np.ones((2, 16), dtype=np.float32))
    np.testing.assert_array_equal(observation, first)
    assert not (terminated | truncated).any()
    assert reward.tolist() == [0.0, 0.0]
    assert info["time"].tolist() == [0.0, 0.0]
    assert "final_obs" not in info
    assert still(env)[-1]["time"].tolist() == pytest.approx([0.05, 0.05])


def test_disabled_autoreset_waits_for_a_masked_reset() -> None:
    env = weak_vector("DISABLED")
    env.reset(seed=0)
    still(env)
    env.reset(options={"reset_mask": np.array([True, False])})
    still(env)
    assert still(env)[3].tolist() == [False, True]
    with pytest.raises(ConfigurationError, match="reset_mask"):
        still(env)
    env.reset(options={"reset_mask": np.array([False, True])})
    assert still(env)[3].tolist() == [True, False]


def test_make_vec_takes_every_autoreset_mode() -> None:
    for mode in AutoresetMode:
        env = gymnasium.make_vec(SIM, 1, autoreset_mode=mode.name)
        assert env.metadata["autoreset_mode"] is mode
    assert gymnasium.make_vec(SIM, 1).metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    with pytest.raises(ConfigurationError, match="NEXT_STEP"):
        gymnasium.make_vec(SIM, 1, autoreset_mode="sometimes")


def test_info_has_the_same_names_everywhere() -> None:
    names = []
    for env in (LeapRotateEnv(WeakServos(), config=SHORT), weak_vector(), weak_vector("NEXT_STEP")):
        names += [set(env.reset(seed=0)[1]), *(set(still(env)[-1]) for _ in range(2))]
    assert all(one == names[0] for one in names)
    assert {"object", "tracked", "object_pose", "rotation", "RotR", "reward_pose", "command"} <= names[0]


@pytest.mark.parametrize("mask", [[2, 3], [True], np.ones(4), [False] * 4, [[True]] * 4, "all"], ids=str)
def test_bad_reset_masks_are_refused(mask: Any) -> None:
    env = weak_vector(n=4)
    env.reset(seed=0)
    still(env)
    with pytest.raises(ConfigurationError, match="reset_mask of 4 booleans"):
        env.reset(options={"reset_mask": mask})
    assert env.task.steps.tolist() == [1] * 4


@pytest.mark.parametrize("env", [LeapRotateEnv(WeakServos()), weak_vector()], ids=["single", "vector"])
def test_step_before_reset_is_an_error(env: Any) -> None:
    with pytest.raises(ConfigurationError, match="reset"):
        still(env)


def test_seed_list_gives_what_single_envs_give() -> None:
    vector = gymnasium.make_vec(SIM, 3, object="basic")
    seen, info = vector.reset(seed=[5, 6, 5])
    for row, seed in enumerate([5, 6, 5]):
        single = gymnasium.make(SIM, object="basic")
        np.testing.assert_array_equal(single.reset(seed=seed)[0], seen[row])
        assert single.unwrapped.task.objects[0] == info["object"][row]  # type: ignore[attr-defined]
    np.testing.assert_array_equal(vector.reset(seed=[5, 6, 5])[0], seen)
    for bad in ([1, 2], [1, 2, 3, 4], "abc", [1, 2, -3], [1, 2.5, 3]):
        with pytest.raises(ConfigurationError, match="3 of them"):
            vector.reset(seed=bad)  # type: ignore[arg-type]


def test_max_episode_steps_truncates_sooner() -> None:
    for limit, expected in ((2, 2), (9, 3)):
        env = gymnasium.make_vec(SIM, 2, max_episode_steps=limit, config=SHORT, object="cube")
        env.reset(seed=0)
        ends = [still(env)[3].all() for _ in range(3)]
        assert ends.index(True) + 1 == expected
    for bad in (0, 2.5, "many"):
        with pytest.raises(ConfigurationError, match="episode_steps"):
            gymnasium.make_vec(SIM, 2, max_episode_steps=bad)


def test_spec_tells_how_long_episodes_are() -> None:
    env = gymnasium.make(SIM, config=SHORT)
    assert env.spec is not None
    assert env.spec.max_episode_steps == 3
    assert TimeAwareObservation(env).observation_space.shape == (328,)


OPTIONS: list[dict[str, Any]] = [
    {},
    {"config": TaskConfig(episode_steps=5)},
    {"object": ["cube", "duck"], "wrist": np.array([1.0, 0.0, 0.0, 0.0]), "axis": (0.0, 0.6, 0.8), "randomize": True},
    {"render_mode": "rgb_array", "camera": "top"},
    {"object": "cube", "randomize": Randomization(delay=(0.0, 0.06), mass=(0.02, 0.03))},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "none")
@pytest.mark.parametrize("make", [gymnasium.make, gymnasium.make_vec])
def test_spec_through_json_makes_the_same_env(make: Any, options: dict[str, Any]) -> None:
    env = make(SIM, **options)
    again = make(EnvSpec.from_json(env.spec.to_json()))
    assert again.spec.to_json() == env.spec.to_json()
    assert again.unwrapped.task.config == env.unwrapped.task.config
    np.testing.assert_array_equal(again.reset(seed=4)[0], env.reset(seed=4)[0])
    np.testing.assert_array_equal(still(again)[0], still(env)[0])


def test_pictures_come_as_a_list() -> None:
    env = gymnasium.make(SIM, render_mode="rgb_array_list", object="cube")
    env.reset(seed=0)
    still(env)
    pictures = env.render()
    assert [picture.shape for picture in pictures] == [(480, 640, 3)] * 2  # type: ignore[union-attr]


def test_vector_env_draws_every_hand() -> None:
    env = gymnasium.make_vec(SIM, 2, render_mode="rgb_array", object=["cube", "cylinder"])
    env.reset(seed=[0, 1])
    first, second = env.render()  # type: ignore[misc]
    assert first.shape == second.shape == (480, 640, 3)
    assert (first != second).any()
    with pytest.raises(ConfigurationError, match="human"):
        gymnasium.make_vec(SIM, 2, render_mode="human")


def test_statistics_count_each_episode_once() -> None:
    env = vector_wrappers.RecordEpisodeStatistics(weak_vector("NEXT_STEP"))
    env.reset(seed=0)
    infos = [still(env)[-1] for _ in range(8)]
    assert [info["episode"]["l"].tolist() for info in infos if "episode" in info] == [[3, 3], [3, 3]]


def test_single_wrappers_go_on_top(tmp_path: Any) -> None:
    pytest.importorskip("moviepy")
    env = gymnasium.make(SIM, render_mode="rgb_array", config=SHORT, object="cube")
    env = RecordEpisodeStatistics(RecordVideo(env, str(tmp_path), disable_logger=True))
    env.reset(seed=0)
    info = [still(env)[-1] for _ in range(3)][-1]
    env.close()
    assert info["episode"]["l"] == 3
    assert list(tmp_path.glob("*.mp4"))


def test_trackers_are_never_copied() -> None:
    class Camera:
        lock = threading.Lock()

        def object_pose(self) -> None:
            return None

        def __deepcopy__(self, memo: Any) -> Any:
            raise AssertionError("it holds a camera")

    camera = Camera()
    env = gymnasium.make("LeapRotate-Real-v0", port="virtual", tracker=camera)
    assert env.unwrapped.backend._tracker is camera  # type: ignore[attr-defined]
    env.close()
