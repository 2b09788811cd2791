from pathlib import Path
from typing import Any

import pytest

from dexndm_gym.cli import collect, common, evaluate, fit, main
from dexndm_gym.errors import ConfigurationError, OutputError


def interrupt(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("module", "name", "arguments", "said"),
    [
        (collect, "_collect", ["collect", "--out", "rec", "--motion", "waves", "--replays", "1"], "in rec; the same"),
        (evaluate, "_simulated", ["evaluate"], "nothing was written"),
        (fit, "_pretrain", ["fit", "--pretrain", "--out", "m.safetensors"], "nothing was written"),
    ],
)
def test_ctrl_c_says_what_is_left(
    module: Any,
    name: str,
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, name, interrupt)
    assert main(arguments) == 130
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_an_unfinished_fit_goes_on_from_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.checkpoint").touch()
    monkeypatch.setattr(fit, "_pretrain", interrupt)
    assert main(["fit", "--pretrain", "--out", str(tmp_path / "m.safetensors")]) == 130
    assert "m.checkpoint; the same command goes on from there" in capsys.readouterr().err


def test_results_are_printed_before_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OutputError(f"cannot write {path}: No space left on device")

    monkeypatch.setattr(common, "write_bytes", full)
    assert main(["objects", "--set", "complex", "--json", str(tmp_path / "a.json")]) == 2
    said = capsys.readouterr()
    assert "duck" in said.out
    assert said.err.strip() == f"dexndm: cannot write {tmp_path / 'a.json'}: No space left on device"


def test_question_without_terminal_names_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    with pytest.raises(ConfigurationError, match="--yes"):
        common.ask("Ready?", "the hand is ready")
