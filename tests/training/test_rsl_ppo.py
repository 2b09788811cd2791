"""Runs of two updates on Warp's CPU device: what they leave behind, and how others go on from it."""

import pickle
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from dexndm_gym.cli import main
from dexndm_gym.errors import ConfigurationError, FileFormatError, ModelMismatchError
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.gravity_curriculum import GravityConfig
from dexndm_gym.task.reward_weights import RewardWeights
from dexndm_gym.training.policy import load_policy
from dexndm_gym.training.ppo import train_teacher
from dexndm_gym.training.teacher_policy import load_teacher
from dexndm_gym.training.train import train
from dexndm_gym.training.train_config import TrainConfig

pytest.importorskip("mujoco_warp", reason="needs the extra gpu")
pytest.importorskip("rsl_rl", reason="needs the extra gpu")

SMALL: dict[str, Any] = {
    "backend": "warp",
    "device": "cpu",
    "num_envs": 8,
    "horizon": 4,
    "object": ("cube",),
    "starts": Path("grasps"),
    "wrist": ("six",),
    "axis": ("hand-z",),
    "randomize": False,
    "gravity": GravityConfig(start=0.1),
    "width": (16, 8),
}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    return TrainConfig(out=tmp_path_factory.mktemp("warp"), steps=64, **SMALL)


@pytest.fixture(scope="module")
def teacher(config: TrainConfig) -> Path:
    return train(config, progress=False)


def test_run_leaves_teacher_checkpoint_and_logs(config: TrainConfig, teacher: Path) -> None:
    about = load_teacher(teacher).about
    assert (about["steps"], about["starts"]) == ("64", '"grasps"')
    assert (config.out / "teacher.zip").is_file()
    assert list(config.out.glob("**/events.out.tfevents.*"))


def test_teacher_acts_as_the_learner_does(config: TrainConfig, teacher: Path) -> None:
    from dexndm_gym.training.rsl_networks import observed
    from dexndm_gym.training.rsl_ppo import RslTraining

    resumed = RslTraining(replace(config, steps=128, resume=config.out / "teacher.zip"))
    learned, networks = load_teacher(teacher), (resumed.algorithm.actor, resumed.algorithm.critic)
    draw = torch.randn(32, learned.size, generator=torch.Generator().manual_seed(0))
    draw[:, learned.std > 100.0] = 0.0  # what did not vary in training is silent in the teacher
    seen = learned.mean + 5.0 * learned.std * draw  # a tenth of it is clipped
    with torch.no_grad():
        action, value = (network(observed(seen)) for network in networks)
        torch.testing.assert_close(learned(seen), action)
        normalized = ((seen - learned.mean) / learned.std).clamp(-8.0, 8.0)
        torch.testing.assert_close(learned.critic(normalized), value)


def test_resumed_run_has_all_that_was_learned(config: TrainConfig, teacher: Path, tmp_path: Path) -> None:
    from dexndm_gym.training.rsl_ppo import RslTraining

    resumed = RslTraining(replace(config, steps=96, resume=config.out / "teacher.zip", out=tmp_path))
    saved = torch.load(config.out / "teacher.zip", weights_only=False)
    assert resumed.steps == 64
    again = resumed.algorithm.save()
    torch.testing.assert_close(again["actor_state_dict"], saved["networks"]["actor_state_dict"])
    moments = saved["networks"]["optimizer_state_dict"]["state"]
    torch.testing.assert_close(again["optimizer_state_dict"]["state"], moments)
    assert any(moment["exp_avg"].abs().sum() > 0 for moment in moments.values())
    assert torch.equal(pickle.loads(resumed.env.state())[1], pickle.loads(saved["env"])[1])
    assert torch.equal(resumed.env.task.resets, pickle.loads(saved["env"])[2]), "the curriculum off the axis goes on"
    fresh = RslTraining(replace(config, out=tmp_path))
    assert not torch.equal(resumed.env.task.axis, fresh.env.task.axis), "with other episodes than the first ones"
    values = resumed.update()
    assert resumed.steps == 96
    assert values["time/steps_per_second"] > 0


@pytest.mark.parametrize("file", ["teacher.zip", "teacher.safetensors"])
def test_runs_start_from_each_others_teachers(config: TrainConfig, teacher: Path, tmp_path: Path, file: str) -> None:
    on_warp = replace(config, out=tmp_path / "warp", steps=32, start_from=config.out / file, learning_rate=1e-9)
    on_cpu = replace(on_warp, backend="mujoco", out=tmp_path / "cpu", start_from=teacher)
    before = load_file(teacher)
    for after in (load_file(train(on_warp, progress=False)), load_file(train_teacher(on_cpu, progress=False))):
        for name in before:
            if name.startswith(("network", "critic", "log_std")):
                np.testing.assert_allclose(after[name], before[name], atol=1e-5, err_msg=name)


def test_a_checkpoint_that_was_kept_is_not_taken_for_the_newest(
    config: TrainConfig, teacher: Path, tmp_path: Path
) -> None:
    for name in ("teacher.zip", "teacher.safetensors"):
        shutil.copy(config.out / name, tmp_path / name)
    later = load_teacher(teacher)
    later.about["steps"] = "1000000"
    later.save(tmp_path / "teacher.safetensors")
    with pytest.raises(ConfigurationError, match="another step"):
        train(replace(config, out=tmp_path / "new", steps=32, start_from=tmp_path / "teacher.zip"), progress=False)


def test_ctrl_c_leaves_a_checkpoint(config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dexndm_gym.training.rsl_ppo import RslTraining

    update = RslTraining.update

    def interrupted(training: RslTraining) -> dict[str, float]:
        signal.raise_signal(signal.SIGINT)
        return update(training)

    monkeypatch.setattr(RslTraining, "update", interrupted)
    with pytest.raises(KeyboardInterrupt, match="--resume"):
        train(replace(config, out=tmp_path, steps=6400), progress=False)
    assert torch.load(tmp_path / "teacher.zip", weights_only=False)["steps"] == 32


def test_resume_refuses_what_does_not_fit(config: TrainConfig, teacher: Path, tmp_path: Path) -> None:
    checkpoint = config.out / "teacher.zip"
    for changes, said in (({"num_envs": 16}, "num_envs 8 -> 16"), ({"steps": 64}, "64 steps already")):
        with pytest.raises(ConfigurationError, match=said):
            train(replace(config, **({"steps": 128} | changes), resume=checkpoint), progress=False)
    with pytest.raises(FileFormatError, match="--backend"):
        train(replace(config, backend="mujoco", steps=128, resume=checkpoint, out=tmp_path), progress=False)


def test_other_networks_cannot_be_started_from(config: TrainConfig, teacher: Path, tmp_path: Path) -> None:
    for changes in ({"width": (8, 8)}, {"task": TaskConfig(reward=RewardWeights(goal=1.0))}):
        with pytest.raises(ModelMismatchError, match="--width"):
            train(replace(config, start_from=teacher, out=tmp_path, **changes), progress=False)


def test_command_says_in_one_line_what_is_wrong(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for arguments in (
        ["--device", "gpu"],
        ["--device", "cpu", "--hand-seed", "3"],
        ["--device", "cpu", "--object", "none"],
    ):
        assert main(["train", "--backend", "warp", "--out", str(tmp_path), *arguments]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_many_hands_are_judged_by_many_episodes(config: TrainConfig) -> None:
    from dexndm_gym.training.make_learning_env import make_tensor_env

    env = make_tensor_env(replace(config, wrist=("palm_up",), gravity=GravityConfig(episodes=3)))
    assert env.curriculum.config.episodes == 4


def test_more_hands_get_more_gradient_steps() -> None:
    assert [TrainConfig(num_envs=n).parts for n in (16, 256, 4096, 8192)] == [4, 4, 8, 16]
    assert TrainConfig(num_envs=8192, minibatches=2).parts == 2


REFINED: dict[str, Any] = SMALL | {
    "axis": ("principal",),
    "starts": None,
    "initial_std": 0.3,
    "student": Path("six_wrists"),
}


@pytest.fixture(scope="module", params=["warp", "mujoco"])
def refined(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    options = REFINED | {"backend": request.param}
    config = TrainConfig(out=tmp_path_factory.mktemp("refined"), steps=96, critic_steps=64, **options)
    assert train(config, progress=False) == config.out / "student.safetensors"
    return config


def test_student_waits_for_its_critic(refined: TrainConfig, tmp_path: Path) -> None:
    from dexndm_gym.training.rsl_ppo import RslTraining

    training = RslTraining(replace(refined, out=tmp_path))
    changed = []
    for _ in range(3):
        networks = (training.algorithm.actor, training.algorithm.critic)
        before = [torch.nn.utils.parameters_to_vector(x.parameters()).clone() for x in networks]
        training.update()
        after = [torch.nn.utils.parameters_to_vector(x.parameters()) for x in networks]
        changed.append(tuple(not torch.equal(x, y) for x, y in zip(before, after, strict=True)))
    assert changed == [(False, True), (False, True), (True, True)]


def test_student_keeps_its_gaits_when_it_begins_to_learn(refined: TrainConfig, tmp_path: Path) -> None:
    from dexndm_gym.training.rsl_ppo import RslTraining

    training = RslTraining(replace(refined, out=tmp_path, steps=96, learning_rate=1e-3))
    for _ in range(3):
        seen = training.env.student_observation()
        training.update()
    with torch.no_grad():
        change = training.algorithm.actor.student(seen) - load_policy("six_wrists")(seen)
    assert 0.0 < change.square().mean().sqrt() < 0.1


def test_refined_student_acts_as_the_learner_does(refined: TrainConfig, tmp_path: Path) -> None:
    from dexndm_gym.training.rsl_ppo import RslTraining

    saved = load_policy(refined.out / "student.safetensors")
    assert saved.width == load_policy("six_wrists").width
    resumed = RslTraining(replace(refined, out=tmp_path, steps=128, resume=refined.out / "teacher.zip"))
    with torch.no_grad():
        seen = resumed.env.student_observation()
        action = resumed.algorithm.actor(resumed._look(resumed.env.observation()))
        torch.testing.assert_close(saved(seen), action)
        assert not torch.allclose(load_policy("six_wrists")(seen), action)
    assert not list(refined.out.glob("teacher.safetensors"))


def test_resumed_student_goes_on_where_it_was(refined: TrainConfig, tmp_path: Path) -> None:
    if refined.backend == "warp":
        pytest.skip("there, episodes begin anew")
    whole = replace(refined, steps=160, out=tmp_path / "whole")
    train(whole, progress=False)
    train(replace(whole, out=tmp_path / "rest", resume=refined.out / "teacher.zip"), progress=False)
    before, after = (load_file(tmp_path / name / "student.safetensors") for name in ("whole", "rest"))
    for name in before:
        torch.testing.assert_close(before[name], after[name], rtol=0.0, atol=0.0)


def test_student_has_nothing_else_to_start_from() -> None:
    with pytest.raises(ConfigurationError, match="got both"):
        TrainConfig(student=Path("six_wrists"), start_from=Path("x.zip"))
