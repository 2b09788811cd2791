"""Several trainings out of one file: in order, from each other, and on from where they stopped."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from dexndm_gym.errors import ConfigurationError, FileFormatError
from dexndm_gym.training.checkpoint import load_checkpoint
from dexndm_gym.training.specialists import read_spec, train_specialists

SPEC = """
[common]
num_envs = 8
steps = 128
object = ["cube"]
randomize = false
gravity.start = 0.1
task.reward.pose = 0.2

[first]
wrist = ["palm_down"]

[second]
start_from = "first"
wrist = ["six"]
gravity.start = 0.5
learning_rate = 1e-9
"""


def written(folder: Path, text: str = SPEC) -> Path:
    path = folder / "spec.toml"
    path.write_text(text)
    return path


def test_common_options_are_under_each_specialists_own(tmp_path: Path) -> None:
    first, second = read_spec(written(tmp_path), tmp_path / "runs").values()
    assert (first.wrist, second.wrist) == (("palm_down",), ("six",))
    assert (first.gravity.start, second.gravity.start) == (0.1, 0.5)
    assert first.task.reward.pose == second.task.reward.pose == 0.2
    assert second.start_from == first.out / "teacher.zip"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[one]\nstart_from = 'two'\n[two]\n", "not before it"),
        ("[one]\nwrists = ['six']\n", "wrists"),
        ("[one]\nnum_envs = 0\n", "num_envs"),
        ("", "names no specialist"),
    ],
)
def test_what_a_spec_cannot_say_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        read_spec(written(tmp_path, text), tmp_path)


def test_the_example_can_be_read() -> None:
    example = Path(__file__).parents[2] / "examples/six_wrists.toml"
    specialists = read_spec(example, Path("runs"))
    assert [one.axis for one in specialists.values()] == [("hand-x",), ("hand+x",), ("hand+y",)]
    assert all(one.gravity.start == 0.1 and not one.randomize for one in specialists.values())


def test_other_files_are_no_spec(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="TOML"):
        read_spec(written(tmp_path, "[one"), tmp_path)


def test_specialists_start_from_each_other_once(tmp_path: Path) -> None:
    path, out = written(tmp_path), tmp_path / "runs"
    first, second = train_specialists(path, out, progress=False)
    for name, value in load_file(first).items():
        if name.startswith("network"):
            np.testing.assert_allclose(load_file(second)[name], value, atol=1e-5)
    before = first.stat().st_mtime_ns
    train_specialists(path, out, progress=False)
    assert first.stat().st_mtime_ns == before
    longer = SPEC.replace("gravity.start = 0.5", "steps = 256\ngravity.start = 0.5")
    train_specialists(written(tmp_path, longer), out, progress=False)
    assert load_checkpoint(second.parent / "teacher.zip").steps == 256
