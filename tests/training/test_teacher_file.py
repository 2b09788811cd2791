from dataclasses import replace
from pathlib import Path

import pytest

from dexndm_gym.errors import ConfigurationError, FileFormatError, ModelMismatchError
from dexndm_gym.training import distill as distillation
from dexndm_gym.training.distill import DistillConfig, distill
from dexndm_gym.training.policy import StudentPolicy, load_policy
from dexndm_gym.training.ppo import TrainConfig, train_teacher
from dexndm_gym.training.teacher_file import check_teacher, load_teacher


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = TrainConfig(out=tmp_path_factory.mktemp("teacher"), steps=64, num_envs=4, horizon=16, minibatches=2)
    return train_teacher(config, progress=False)


@pytest.fixture
def config(teacher: Path, tmp_path: Path) -> DistillConfig:
    out = tmp_path / "student.safetensors"
    return DistillConfig(teacher=teacher, out=out, num_envs=4, rounds=2, steps=2, updates=1, batch_size=4, memory=64)


@pytest.fixture
def wrong(teacher: Path, tmp_path: Path) -> dict[str, Path]:
    """What else the path of a teacher may lead to."""
    whole = teacher.read_bytes()
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 0xFF
    contents = {"cut": whole[:3000], "cut at the end": whole[:-100], "changed": bytes(changed), "empty": b""}
    contents |= {"text": b"no zip"}
    for name, content in contents.items():
        (tmp_path / f"{name}.zip").write_bytes(content)
    StudentPolicy().save(tmp_path / "student.zip")
    names = {name: tmp_path / f"{name}.zip" for name in (*contents, "student", "missing")}
    return names | {"folder": tmp_path, "npz": Path(__file__).parents[2] / "dexndm_gym/assets/starts_basic.npz"}


@pytest.mark.parametrize(
    "name", ["cut", "cut at the end", "changed", "empty", "text", "student", "missing", "folder", "npz"]
)
def test_what_is_no_teacher_is_refused(name: str, wrong: dict[str, Path], config: DistillConfig) -> None:
    with pytest.raises(FileFormatError, match="teacher"):
        distill(replace(config, teacher=wrong[name]), progress=False)
    assert not config.out.exists()


def test_teachers_of_other_observations_are_refused(teacher: Path) -> None:
    with pytest.raises(ModelMismatchError, match="is shown 7"):
        check_teacher(load_teacher(teacher), 7, teacher)


@pytest.mark.parametrize("changes", [{"rounds": 0}, {"steps": 0}, {"batch_size": -1}, {"memory": 3}])
def test_a_distillation_of_nothing_is_refused(changes: dict[str, int], config: DistillConfig) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(changes))):
        replace(config, **changes)


def test_students_that_cannot_be_written_are_found_first(config: DistillConfig) -> None:
    with pytest.raises(ConfigurationError, match="--out"):
        distill(replace(config, out=config.out.with_suffix(".zip")), progress=False)


@pytest.mark.parametrize(("rounds", "said"), [(0, "nothing written"), (1, "--resume")])
def test_an_interrupted_distillation_says_what_is_left(
    rounds: int, said: str, config: DistillConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect, calls = distillation._collect, []

    def interrupted(*arguments):  # type: ignore[no-untyped-def]
        calls.append(arguments)
        if len(calls) > rounds:
            raise KeyboardInterrupt
        return collect(*arguments)

    monkeypatch.setattr(distillation, "_collect", interrupted)
    with pytest.raises(KeyboardInterrupt, match=said):
        distill(config, progress=False)
    assert config.out.exists() == bool(rounds)
    if rounds:
        load_policy(config.out)
