"""The programs of docs/extending.md run as they stand."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dexndm_gym.cli import main
from dexndm_gym.evaluation.gap import suite
from dexndm_gym.grasps import mesh_grasp_cache
from dexndm_gym.objects.catalog import OBJECT_SETS, REGISTERED

PAGE = Path(__file__).parent.parent / "docs" / "extending.md"
PROGRAMS = re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?```python\n(.*?)```", PAGE.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(mesh_grasp_cache, "_TRIES", 12)
    sets = dict(OBJECT_SETS)
    yield
    REGISTERED.clear()
    OBJECT_SETS.clear()
    OBJECT_SETS.update(sets)


def test_programs_are_short() -> None:
    assert [title for title, program in PROGRAMS if len(program.splitlines()) > 30] == []


def run(title: str) -> None:
    exec(compile(dict(PROGRAMS)[title], PAGE.name, "exec"), {})


def test_object_and_set_are_held(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("platformdirs", reason='needs pip install "dexndm_gym[meshes]"')
    run("An object and an object set")
    assert capsys.readouterr().out == "hammer\n"


@pytest.mark.parametrize(
    ("title", "printed"),
    [
        ("A backend", "0.0"),
        ("A randomization", "True"),
        ("A reward term", "-0.16"),
        ("A target filter", "True True"),
        ("A tracker", "True [0.09 0.   0.05]"),
    ],
)
def test_program_does_what_it_says(title: str, printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    if title == "A tracker":
        pytest.importorskip("dynamixel_sdk", reason='needs pip install "dexndm_gym[real]"')
    run(title)
    assert capsys.readouterr().out.strip() == printed


def test_gap_suite_scores_a_correction_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my_package.py").write_text(dict(PROGRAMS)["A correction"])
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(suite, "_SIM_EPISODES", 3)
    name, out = "my_package:MyCorrection", tmp_path / "gap.json"
    arguments = ["evaluate", "--suite", "gap", "--hands", "5", "--episodes", "2", "--data-minutes", "1"]
    assert main([*arguments, "--baselines", name, "--json", str(out)]) == 0
    assert name in capsys.readouterr().out
    assert name in json.dumps(json.loads(out.read_text()))
