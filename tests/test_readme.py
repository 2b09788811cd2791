"""The README's program runs as it stands."""

import re
from pathlib import Path

import pytest

from dexndm_gym.dynamics.model_file import SHIPPED_SIM_MODEL

README = Path(__file__).parent.parent / "README.md"


@pytest.mark.slow
def test_program_runs_and_turns_the_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    (tmp_path / "model.safetensors").write_bytes(SHIPPED_SIM_MODEL.read_bytes())
    monkeypatch.chdir(tmp_path)
    exec(compile(program, README.name, "exec"), {})
    printed = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert list(printed) == ["simulated", "direct", "corrected"]
    assert float(printed["simulated"]) > 1.0, "rad in 20 s"
