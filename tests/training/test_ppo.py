"""Runs of seconds: they learn to be stored, resumed and distilled, not to turn anything."""

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from stable_baselines3 import PPO

from dexndm_gym.cli import main
from dexndm_gym.errors import ConfigurationError, FileFormatError, ModelMismatchError
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.extra_rewards import StepBatch
from dexndm_gym.task.gravity_curriculum import GravityConfig
from dexndm_gym.task.orientations import WRISTS
from dexndm_gym.task.reward_weights import RewardWeights
from dexndm_gym.training.distill import distill
from dexndm_gym.training.distill_config import DistillConfig
from dexndm_gym.training.lesson import Lesson
from dexndm_gym.training.policy import load_policy
from dexndm_gym.training.ppo import FirstSlowly, train_teacher
from dexndm_gym.training.run_folder import require_goes_on
from dexndm_gym.training.sample_memory import SampleMemory
from dexndm_gym.training.teacher_env import TeacherVecEnv, make_teacher_env
from dexndm_gym.training.teacher_policy import load_teacher
from dexndm_gym.training.train_config import TrainConfig
from dexndm_gym.virtual_hand.parameters import HandParameters

SMALL: dict[str, Any] = {
    "num_envs": 16,
    "checkpoint_every": 256,
    "object": ("cylinder", "cube"),
    "wrist": ("six",),
    "axis": ("principal",),
    "gravity": GravityConfig(start=0.1, episodes=2),
}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    return TrainConfig(out=tmp_path_factory.mktemp("teacher"), steps=512, **SMALL)


@pytest.fixture(scope="module")
def teacher(config: TrainConfig) -> Path:
    return train_teacher(config, progress=False)


@pytest.fixture(scope="module")
def checkpoint(config: TrainConfig, teacher: Path) -> Path:
    return config.out / "teacher.zip"


def test_training_leaves_teacher_checkpoint_and_logs(config: TrainConfig, teacher: Path, checkpoint: Path) -> None:
    assert load_teacher(teacher).about["starts"] == "null"
    assert checkpoint.is_file()
    assert list(config.out.glob("**/events.out.tfevents.*"))


def test_teachers_learn_on_what_they_are_told(config: TrainConfig) -> None:
    env = make_teacher_env(replace(config, object=("duck", "cube"), wrist=("base_up",), axis=("-x", "+y")))
    assert set(env.task.objects) == {"duck", "cube"}
    assert {tuple(env.task.wrist(i)) for i in range(16)} == {WRISTS["base_up"]}


def test_resumed_run_ends_bit_for_bit_alike(config: TrainConfig, checkpoint: Path, tmp_path: Path) -> None:
    through = train_teacher(replace(config, out=tmp_path / "through", steps=1024), progress=False)
    resumed = replace(config, out=tmp_path / "resumed", steps=1024, resume=checkpoint)
    again = load_file(train_teacher(resumed, progress=False))
    for name, value in load_file(through).items():
        np.testing.assert_array_equal(value, again[name], err_msg=name)


def test_exported_teacher_acts_as_the_model(config: TrainConfig, teacher: Path, checkpoint: Path) -> None:
    content = torch.load(checkpoint, weights_only=False)
    env = make_teacher_env(config)
    model = PPO("MlpPolicy", env, policy_kwargs={"net_arch": list(config.width), "activation_fn": torch.nn.ELU})
    model.set_parameters(content["networks"])
    seen, loaded = env.reset(), load_teacher(teacher)
    normalized = (seen - loaded.mean.numpy()) / loaded.std.numpy()
    expected, _ = model.predict(np.clip(normalized, -8.0, 8.0), deterministic=True)
    np.testing.assert_allclose(loaded.predict(seen)[0], expected, atol=1e-5)


def test_ctrl_c_writes_a_checkpoint(config: TrainConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    through = train_teacher(replace(config, out=tmp_path / "through", steps=768), progress=False)
    played, step_wait = [0], TeacherVecEnv.step_wait

    def interrupted(env: TeacherVecEnv) -> Any:
        played[0] += 1
        if played[0] == 20:  # in the second of three rollouts
            signal.raise_signal(signal.SIGINT)
        return step_wait(env)

    monkeypatch.setattr(TeacherVecEnv, "step_wait", interrupted)
    stopped = replace(config, out=tmp_path / "stopped", steps=768, checkpoint_every=10_000)
    with pytest.raises(KeyboardInterrupt, match="--resume"):
        train_teacher(stopped, progress=False)
    again = train_teacher(
        replace(config, out=tmp_path / "again", steps=768, resume=tmp_path / "stopped/teacher.zip"), progress=False
    )
    for name, value in load_file(through).items():
        np.testing.assert_array_equal(value, load_file(again)[name], err_msg=name)


@pytest.mark.parametrize("file", ["teacher.zip", "teacher.safetensors"])
def test_starting_from_a_teacher_takes_its_networks(
    config: TrainConfig, checkpoint: Path, tmp_path: Path, file: str
) -> None:
    source = checkpoint.with_name(file)
    started = replace(config, out=tmp_path, steps=256, start_from=source, learning_rate=1e-9, object=("duck",))
    before, after = load_file(config.out / "teacher.safetensors"), load_file(train_teacher(started, progress=False))
    for name in before:
        if name.startswith(("network", "critic", "log_std")):
            np.testing.assert_allclose(after[name], before[name], atol=1e-5, err_msg=name)


@pytest.mark.parametrize("file", ["teacher.zip", "teacher.safetensors"])
def test_constants_stay_silent_where_others_begin(config: TrainConfig, tmp_path: Path, file: str) -> None:
    nominal = train_teacher(replace(config, out=tmp_path / "nominal", steps=256, randomize=False), progress=False)
    silent = load_teacher(nominal).std > 100.0
    assert 0 < silent.sum() < len(silent)
    begun = replace(config, out=tmp_path / "varied", steps=256, start_from=nominal.with_name(file), randomize=True)
    assert (load_teacher(train_teacher(begun, progress=False)).std[silent] > 100.0).all()


def test_speed_earns_little_at_first(config: TrainConfig) -> None:
    env, clips = make_teacher_env(config), []

    class Spy(FirstSlowly):
        def _on_rollout_end(self) -> None:
            clips.append(env.get_attr("config")[0].reward.rotation_clip)

    model = PPO("MlpPolicy", env, n_steps=16, batch_size=64, device="cpu")
    model.learn(512, callback=Spy(config.task, slow_clip=0.125, slow_steps=256))
    assert clips == [0.125, config.task.reward.rotation_clip]


def test_lower_gravity_pulls_less(config: TrainConfig) -> None:
    env = make_teacher_env(config)
    pulls = env.task.backend.privileged()["gravity"]
    np.testing.assert_allclose(np.linalg.norm(pulls, axis=1), 0.1)


def test_teacher_sees_the_same_in_turned_wrists(config: TrainConfig) -> None:
    """A wrist and an axis that are turned together about gravity are the same task in the hand frame."""
    seen = []
    for wrist, axis in (((1.0, 0.0, 0.0, 0.0), (1.0, 0.0, 0.0)), ((0.5**0.5, 0.0, 0.0, 0.5**0.5), (0.0, 1.0, 0.0))):
        env = make_teacher_env(replace(config, randomize=False))
        env.task.reset(np.arange(16), np.random.default_rng(3), {"wrist": wrist, "axis": axis})
        seen.append(env.observation())
    np.testing.assert_allclose(seen[0], seen[1], atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps": 512}, "512 steps already"),
        ({"steps": 1024, "task": TaskConfig(reward=RewardWeights(goal=1.0))}, "task.reward.goal"),
        ({"steps": 1024, "num_envs": 8}, "num_envs 16 -> 8"),
    ],
)
def test_resume_refuses_other_options(config: TrainConfig, checkpoint: Path, changes: dict, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        train_teacher(replace(config, resume=checkpoint, **changes), progress=False)


@pytest.mark.parametrize("kind", ["cut", "foreign", "folder", "missing"])
def test_bad_checkpoints_are_named(config: TrainConfig, checkpoint: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "bad.zip"
    if kind == "cut":
        path.write_bytes(checkpoint.read_bytes()[:3000])
    elif kind == "foreign":
        torch.save({"kind": "something else"}, path)
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(FileFormatError, match=r"bad\.zip"):
        train_teacher(replace(config, steps=1024, resume=path), progress=False)


@pytest.mark.parametrize("file", ["teacher.zip", "teacher.safetensors"])
def test_other_networks_cannot_be_started_from(
    config: TrainConfig, checkpoint: Path, tmp_path: Path, file: str
) -> None:
    with pytest.raises(ModelMismatchError, match="--width"):
        train_teacher(
            replace(config, out=tmp_path, start_from=checkpoint.with_name(file), width=(8, 8)), progress=False
        )


def test_command_says_in_one_line_what_is_wrong(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for arguments in (
        ["--out", str(tmp_path / "file/x")],
        ["--minibatches", "0"],
        ["--num-envs", "1", "--horizon", "4"],
    ):
        assert main(["train", "--steps", "100", *arguments]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_same_seed_same_teacher(config: TrainConfig, teacher: Path, tmp_path: Path) -> None:
    again = load_file(train_teacher(replace(config, out=tmp_path), progress=False))
    for name, value in load_file(teacher).items():
        np.testing.assert_array_equal(value, again[name], err_msg=name)


def test_distillation_writes_a_policy_that_loads(teacher: Path, tmp_path: Path) -> None:
    practice: dict[str, Any] = {"rounds": 2, "steps": 5, "num_envs": 8, "updates": 2}
    out = distill(DistillConfig(teacher=(teacher,), out=tmp_path / "s.safetensors", **practice), progress=False)
    action, _ = load_policy(out).predict(np.zeros(327, dtype=np.float32))
    assert action.shape == (16,)


def test_student_learns_from_two_teachers(teacher: Path, tmp_path: Path) -> None:
    practice: dict[str, Any] = {"rounds": 1, "steps": 2, "num_envs": 5, "updates": 1}
    out = distill(DistillConfig(teacher=(teacher, teacher), out=tmp_path / "s.safetensors", **practice), progress=False)
    assert out.is_file()
    lesson = Lesson(DistillConfig(teacher=(teacher,)), teacher, 32)
    assert set(lesson.env.task.objects) == {"cylinder", "cube"}
    assert len({tuple(lesson.env.task.wrist(i)) for i in range(32)}) > 3


def test_distillation_refuses_a_teacher_of_other_numbers(teacher: Path, tmp_path: Path) -> None:
    guided = TaskConfig(reward=RewardWeights(goal=1.0))
    with pytest.raises(ModelMismatchError, match=r"task\.reward\.goal"):
        distill(DistillConfig(teacher=(teacher,), out=tmp_path / "s.safetensors", num_envs=4, task=guided))


def test_terminal_observation_is_the_old_episodes(config: TrainConfig) -> None:
    env = make_teacher_env(config)
    env.seed(0)
    env.reset()
    actions = np.ones((16, 16), dtype=np.float32)
    for _ in range(400):
        env.step_async(actions)
        observation, _, done, infos = env.step_wait()
        if done.any():
            break
    (i, *_) = np.flatnonzero(done)
    assert not np.allclose(infos[i]["terminal_observation"], observation[i])
    assert infos[i]["time"] > 0


def test_a_run_begins_as_its_seed_says(config: TrainConfig) -> None:
    first, same, other = (make_teacher_env(replace(config, seed=seed)).observation() for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert not np.allclose(first, other)


def test_memory_keeps_the_newest() -> None:
    memory = SampleMemory(4)
    for value in range(6):
        memory.add(torch.full((1, 327), float(value)), torch.full((1, 16), float(value)))
    observations, actions = memory.draw(200, torch.Generator().manual_seed(0))
    assert set(observations[:, 0].tolist()) == {2.0, 3.0, 4.0, 5.0}
    torch.testing.assert_close(observations[:, :16], actions)


def test_virtual_hands_own_physics_can_be_trained_on(config: TrainConfig, teacher: Path, tmp_path: Path) -> None:
    env = make_teacher_env(replace(config, num_envs=2, hand_seed=3))
    delays = [np.asarray(hand.servos.delay) for hand in (*env.task.backend.physics.parameters, HandParameters.draw(3))]
    assert delays[0] == delays[1] == delays[2]
    up = replace(config, num_envs=2, hand_seed=3, wrist=("palm_up",))
    begun = [make_teacher_env(replace(up, starts=starts)).task.observation() for starts in (None, Path("grasps"))]
    assert np.abs(begun[0] - begun[1]).max() > 0.3, "lying in the open hand, or grasped"
    lesson = Lesson(DistillConfig(teacher=(teacher,), num_envs=2, hand_seed=3), teacher, 2)
    np.testing.assert_array_equal(
        lesson.env.task.observation()[:, 288:304], lesson.env.task.state().position.astype(np.float32), "no noise"
    )
    out = tmp_path / "student.safetensors"
    practice: dict[str, Any] = {"rounds": 1, "steps": 2, "num_envs": 2, "updates": 1, "hand_seed": 3}
    distill(DistillConfig(teacher=(teacher,), out=out, **practice), progress=False)
    action, _ = load_policy(out).predict(np.zeros(327, dtype=np.float32))
    assert action.shape == (16,)


def per_step(step: StepBatch) -> np.ndarray:
    return np.full(len(step.action), 7.0)


def test_training_adds_reward_terms_of_a_users_own(config: TrainConfig) -> None:
    rewards = []
    for extra in ({}, {"bonus": per_step}):
        env = make_teacher_env(replace(config, extra_rewards=extra))
        env.step_async(np.zeros((env.num_envs, 16), dtype=np.float32))
        rewards.append(env.step_wait()[1])
        env.close()
    np.testing.assert_allclose(rewards[1], rewards[0] + 0.7, atol=1e-5)
    with pytest.raises(ConfigurationError, match="top of a module"):
        replace(config, extra_rewards={"bonus": lambda step: step.action[:, 0]})


def test_a_run_goes_on_with_the_reward_terms_it_had(checkpoint: Path, config: TrainConfig) -> None:
    more = replace(config, resume=checkpoint, steps=768, extra_rewards={"bonus": per_step})
    with pytest.raises(ConfigurationError, match=r"extra_rewards\.bonus None -> .*per_step"):
        train_teacher(more, progress=False)
    with pytest.raises(ConfigurationError, match=r"bonus 'm:f' -> None"):
        require_goes_on(checkpoint, {"extra_rewards": {"bonus": "m:f"}}, {}, steps=1, wanted=2)


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        (["bonus", "no_such_module:f"], "no_such_module"),
        (["bonus", "math:no_such_function"], "no_such_function"),
        (["bonus", "math"], "module:function"),
        (["bonus"], "extra-rewards"),
    ],
)
def test_reward_terms_that_do_not_exist_are_refused_in_one_line(
    pair: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--out", str(tmp_path / "out"), "--extra-rewards", *pair]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (tmp_path / "out").exists()
