"""What several processes learn is what one learns."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from dexndm_gym.distributed import WorkersConfig
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.training.distill import distill
from dexndm_gym.training.distill_config import DistillConfig
from dexndm_gym.training.learner import Learner
from dexndm_gym.training.policy import StudentPolicy
from dexndm_gym.training.process_group import ProcessGroup
from dexndm_gym.training.specialists import train_specialists
from dexndm_gym.training.teacher_policy import TeacherPolicy

ROOT = Path(__file__).parents[2]
TWO = WorkersConfig(processes=2)
SMALL = {"num_envs": 6, "rounds": 2, "steps": 4, "updates": 3, "batch_size": 16, "randomize": False}
SPEC = """
[common]
num_envs = 8
steps = 256
object = ["cube"]
randomize = false

[first]

[second]
start_from = "first"
steps = 128

[third]
seed = 3
"""
DISTILL = """
import sys
from dexndm_gym.cli import main

if __name__ == "__main__":
    sys.exit(main(["distill", *sys.argv[1:]]))
"""


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Two teachers that have learned nothing."""
    folder = tmp_path_factory.mktemp("teachers")
    torch.manual_seed(0)
    for name in ("a", "b"):
        teacher = TeacherPolicy(123, (8,))
        teacher.about = {"object": '["cube"]', "wrist": '["palm_up"]', "axis": '["+z"]'}
        teacher.save(folder / name)
    return folder / "a", folder / "b"


def assert_same(one: Path, other: Path, tolerance: float = 0.0) -> None:
    first, second = load_file(one), load_file(other)
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, atol=tolerance, rtol=0.0, msg=name)


def test_processes_take_turns_in_the_order_of_the_whole() -> None:
    shares = [ProcessGroup(rank=rank, size=3).mine(range(7)) for rank in range(3)]
    assert shares == [[0, 3, 6], [1, 4], [2, 5]]
    assert ProcessGroup().together(["a", "b"]) == ["a", "b"]


def test_a_batch_is_cut_into_equal_parts() -> None:
    with pytest.raises(ConfigurationError, match="multiple of the 3 processes"):
        Learner(StudentPolicy(), ProcessGroup(size=3), rounds=1, learning_rate=1e-3, batch_size=16, seed=0)


@pytest.mark.slow
def test_roll_outs_elsewhere_give_the_same_student(teachers: tuple[Path, ...], tmp_path: Path) -> None:
    configs = [DistillConfig(teacher=teachers, out=tmp_path / f"{k}.safetensors", parts=2, **SMALL) for k in range(2)]
    here = distill(configs[0], progress=False)
    there = distill(configs[1], workers=TWO, progress=False)
    assert_same(here, there)


@pytest.mark.slow
def test_two_that_learn_together_give_the_same_student(teachers: tuple[Path, ...], tmp_path: Path) -> None:
    alone = distill(DistillConfig(teacher=teachers, out=tmp_path / "alone.safetensors", **SMALL), progress=False)
    script = tmp_path / "script.py"
    script.write_text(DISTILL)
    out = tmp_path / "together.safetensors"
    options = [word for name in ("num_envs", "rounds", "steps", "updates", "batch_size") for word in _option(name)]
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    subprocess.run(
        [*launch, "--teacher", *map(str, teachers), "--out", str(out), "--no-randomize", *options],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        timeout=100,
    )
    assert_same(alone, out, tolerance=1e-6)


def _option(name: str) -> list[str]:
    return [f"--{name.replace('_', '-')}", str(SMALL[name])]


@pytest.mark.slow
def test_specialists_side_by_side_learn_the_same(tmp_path: Path) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text(SPEC)
    here = train_specialists(spec, tmp_path / "here", progress=False)
    there = train_specialists(spec, tmp_path / "there", workers=TWO, progress=False)
    assert [teacher.parent.name for teacher in there] == ["first", "second", "third"]
    for one, other in zip(here, there, strict=True):
        assert_same(one, other)
