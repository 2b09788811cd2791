"""Who teaches a student, on what, and which of it is learned from."""

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dexndm_gym.distributed import WorkersConfig
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.objects.object_model import SHAPES
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.options import object_names
from dexndm_gym.task.orientations import WRISTS
from dexndm_gym.training import specialists
from dexndm_gym.training.distill import _lessons, distill
from dexndm_gym.training.distill_config import DistillConfig
from dexndm_gym.training.lesson import Lesson, LessonStep
from dexndm_gym.training.policy import StudentPolicy, load_policy
from dexndm_gym.training.sample_memory import SampleMemory
from dexndm_gym.training.survivors import Survivors
from dexndm_gym.training.teacher_policy import TeacherPolicy
from dexndm_gym.training.train_config import TrainConfig
from dexndm_gym.training.training_env import TrainingEnvConfig, episodes_as_text, episodes_from_text

SMALL: dict[str, Any] = {"num_envs": 4, "rounds": 2, "steps": 3, "updates": 2, "batch_size": 16, "randomize": False}


def saved_teacher(path: Path, **about: str) -> Path:
    teacher = TeacherPolicy(123, (8,))
    teacher.about = {"object": '["cube"]', "wrist": '["palm_down"]', "axis": '["-z"]', **about}
    teacher.save(path)
    return path


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    return saved_teacher(tmp_path / "teacher.safetensors")


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    StudentPolicy((8,)).save(tmp_path / "policy.safetensors")
    return tmp_path / "policy.safetensors"


def test_a_policy_teaches_by_what_it_observes(policy: Path) -> None:
    lesson = Lesson(DistillConfig(teacher=(policy,), randomize=False), policy, 3)
    assert set(lesson.env.task.objects) <= set(object_names("basic"))
    for step in lesson.play(StudentPolicy((8,)), 1.0, 3):
        expected, _ = load_policy(policy).predict(step.observations.numpy())
        np.testing.assert_array_equal(step.actions, expected)


def test_teacher_and_policy_teach_one_student(teacher: Path, policy: Path, tmp_path: Path) -> None:
    config = DistillConfig(teacher=(teacher, policy), out=tmp_path / "s.safetensors", width=(16, 8), **SMALL)
    assert load_policy(distill(config, progress=False)).width == (16, 8)


def test_resumed_student_keeps_its_layers_alone(policy: Path, tmp_path: Path) -> None:
    refined, path = load_policy(policy), tmp_path / "refined.safetensors"
    refined.about = episodes_as_text(TrainingEnvConfig(wrist=("palm_down",)))
    refined.save(path)
    config = DistillConfig(teacher=(policy,), resume=path, out=tmp_path / "s.safetensors", **SMALL)
    student = load_policy(distill(config, progress=False))
    assert (student.width, student.about) == ((8,), {})
    with pytest.raises(ConfigurationError, match=r"layers of \(8,\), got width \(4,\)"):
        distill(replace(config, width=(4,)), progress=False)


def test_resumed_student_keeps_the_hands_axes(policy: Path, tmp_path: Path) -> None:
    config = DistillConfig(teacher=(policy,), hand_axes=True, out=tmp_path / "new.safetensors", **SMALL)
    new = distill(config, progress=False)
    later = distill(replace(config, resume=new, hand_axes=False, out=tmp_path / "later.safetensors"), progress=False)
    taught = distill(replace(config, resume=policy, out=tmp_path / "taught.safetensors"), progress=False)
    assert [load_policy(path).hand_axes for path in (policy, new, later, taught)] == [False, True, True, True]


def test_lesson_goes_on_alike_after_a_journey(teacher: Path) -> None:
    lesson, student = Lesson(DistillConfig(teacher=(teacher,)), teacher, 3), StudentPolicy((8,))
    lesson.play(student, 0.5, 2)
    there = pickle.loads(pickle.dumps(lesson))
    for one, other in zip(lesson.play(student, 0.5, 3), there.play(student, 0.5, 3), strict=True):
        torch.testing.assert_close(one.observations, other.observations, rtol=0.0, atol=0.0)
        torch.testing.assert_close(one.actions, other.actions, rtol=0.0, atol=0.0)


@pytest.mark.parametrize("starts", [None, Path("grasps"), Path("some/file.npz")])
def test_episodes_of_a_teacher_are_found_again(starts: Path | None) -> None:
    config = TrainingEnvConfig(object=("duck", "cube"), wrist=("six",), axis=("hand-z",), starts=starts)
    found = episodes_from_text(episodes_as_text(config))
    expected = starts if starts in (None, Path("grasps")) else Path.cwd() / "some/file.npz"
    assert found == {"object": config.object, "wrist": config.wrist, "axis": config.axis, "starts": expected}


def test_each_teachers_own_starts_are_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    used: list[TrainingEnvConfig] = []
    make = TrainingEnvConfig.make_hand
    monkeypatch.setattr(TrainingEnvConfig, "make_hand", lambda config: used.append(config) or make(config))
    grasps = saved_teacher(tmp_path / "a", starts='"grasps"')
    open_hand = saved_teacher(tmp_path / "b")
    for path in (grasps, open_hand):
        Lesson(DistillConfig(teacher=(path,)), path, 1)
    Lesson(DistillConfig(teacher=(open_hand,), starts=Path("grasps")), open_hand, 1)
    assert [config.starts for config in used] == [Path("grasps"), None, Path("grasps")]
    gone = saved_teacher(tmp_path / "c", starts=json.dumps(str(tmp_path / "gone.npz")))
    with pytest.raises(FileNotFoundError, match=r"gone\.npz, which is gone; give --starts"):
        Lesson(DistillConfig(teacher=(gone,)), gone, 1)


def test_lessons_of_one_teacher_are_not_the_same_twice(policy: Path) -> None:
    lessons = _lessons(DistillConfig(teacher=(policy, policy), parts=2, num_envs=4))
    begun = {lesson.env.task.observation()[0].tobytes() for _, lesson in lessons}
    assert len(begun) == 4


def labeled(value: float, *, dropped: list[int], whole: list[int]) -> LessonStep:
    """A step of two hands; hand 1 has samples of 100 more."""
    values = torch.tensor([[value], [value + 100.0]])
    return LessonStep(
        observations=values.expand(2, 327),
        actions=values.expand(2, 16),
        dropped=np.isin([0, 1], dropped),
        whole=np.isin([0, 1], whole),
        speed=0.0,
        drops=0,
    )


def test_only_whole_episodes_are_cloned() -> None:
    survivors, memory = Survivors(2, 3), SampleMemory(20)
    survivors.add(labeled(1.0, dropped=[], whole=[]), memory)
    survivors.add(labeled(2.0, dropped=[1], whole=[]), memory)
    assert len(memory) == 0
    survivors.add(labeled(3.0, dropped=[], whole=[0]), memory)
    survivors.add(labeled(4.0, dropped=[], whole=[]), memory)
    survivors.add(labeled(5.0, dropped=[0], whole=[1]), memory)
    observations, actions = memory.draw(200, torch.Generator().manual_seed(0))
    assert set(observations[:, 0].tolist()) == {1.0, 2.0, 3.0, 103.0, 104.0, 105.0}
    torch.testing.assert_close(observations[:, :16], actions)


def test_cloning_lets_the_teacher_act_alone(teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("the student acted")

    monkeypatch.setattr(StudentPolicy, "predict", never)
    task = TaskConfig(episode_steps=4)
    config = DistillConfig(teacher=(teacher,), out=tmp_path / "s.safetensors", method="clone", task=task, **SMALL)
    assert config.learning_rounds == 1
    distill(config, progress=False)
    assert config.out.is_file()


def test_nothing_to_clone_is_said(teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = DistillConfig(
        teacher=(teacher,), out=tmp_path / "s.safetensors", method="clone", task=TaskConfig(episode_steps=4), **SMALL
    )
    monkeypatch.setattr(Survivors, "add", lambda *_: None)
    with pytest.raises(ConfigurationError, match="nothing to clone"):
        distill(config, progress=False)
    assert not config.out.exists()
    with pytest.raises(ConfigurationError, match="episodes of 400 steps"):
        replace(config, task=TaskConfig())


def test_specialists_on_gpus_get_a_process_each() -> None:
    configs = {str(k): TrainConfig(backend="warp", device=f"cuda:{k % 2}") for k in range(3)}
    assert specialists._on_gpus(WorkersConfig(), configs).processes == 2
    assert specialists._on_gpus(WorkersConfig(processes=3), configs).processes == 3
    assert specialists._on_gpus(WorkersConfig(), {"a": TrainConfig()}).processes == 0


def test_policy_teaches_what_its_file_says(tmp_path: Path) -> None:
    path, policy = tmp_path / "policy.safetensors", StudentPolicy((8,))
    policy.about = episodes_as_text(TrainingEnvConfig(object=("cube",), wrist=("palm_down",), axis=("-y",)))
    policy.save(path)
    kinds = []
    for given in ((), ("cylinder",)):
        lesson = Lesson(DistillConfig(teacher=(path,), object=given, **SMALL), path, 2)
        wrist, axis = np.split(lesson.env.task.frames, [4], axis=1)
        np.testing.assert_allclose(wrist, [WRISTS["palm_down"]] * 2, atol=1e-6)
        np.testing.assert_allclose(axis, [[0.0, -1.0, 0.0]] * 2, atol=1e-6)
        kinds.append(SHAPES[lesson.env.task.privileged()["shape"][0].argmax()])
    assert kinds == ["box", "cylinder"]
