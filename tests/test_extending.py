"""The programs of docs/extending.md run as they stand."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

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


def test_object_and_set_are_held(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("platformdirs", reason='needs pip install "dexndm_gym[meshes]"')
    exec(compile(dict(PROGRAMS)["An object and an object set"], PAGE.name, "exec"), {})
    assert capsys.readouterr().out == "hammer\n"
