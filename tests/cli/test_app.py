import re
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from dexndm_gym import __version__, errors
from dexndm_gym.cli import app, main


def test_help_lists_commands_without_loading_them() -> None:
    code = (
        "import sys\n"
        "from dexndm_gym.cli import main\n"
        "main(['--help'])\n"
        "heavy = {'torch', 'mujoco', 'h5py', 'matplotlib', 'tyro', 'stable_baselines3'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name, what in app.COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(what)}$", result.stdout, re.MULTILINE)


@pytest.mark.parametrize("name", app.COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main([name, "--help"])
    assert ending.value.code == 0
    text = capsys.readouterr().out
    assert "usage:" in text
    assert len(text.splitlines()) > 8


@pytest.mark.parametrize("name", ["demo", "collect", "fit", "evaluate"])
def test_commands_that_report_numbers_write_json(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([name, "--help"])
    assert "--json FILE" in capsys.readouterr().out


def test_no_command_shows_help_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert capsys.readouterr().out.startswith("usage: dexndm COMMAND")


def test_closed_pipe_gives_no_traceback() -> None:
    command = f"{sys.executable} -c 'from dexndm_gym.cli import main; main()' train --help | head -1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert result.stderr == ""
    assert result.stdout.startswith("usage: dexndm train")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"dexndm {__version__}\n"


def test_a_misspelled_command_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evalute"]) == 2
    assert "Did you mean 'evaluate'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (errors.PortError("the port\n  has gone"), 2, "dexndm: the port has gone\n"),
        (errors.ConfigurationError("wrong"), 2, "dexndm: wrong\n"),
        (FileNotFoundError("no file at x"), 2, "dexndm: no file at x\n"),
        (KeyboardInterrupt(), 130, "\ndexndm: interrupted\n"),
        (
            ModuleNotFoundError("No module named 'serial'", name="serial"),
            2,
            'dexndm: serial is not installed; run: pip install "dexndm_gym[real]"\n',
        ),
    ],
)
def test_errors_are_one_line(
    error: BaseException,
    code: int,
    text: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(arguments: list[str]) -> None:
        raise error

    fake: Any = ModuleType("dexndm_gym.cli.demo")
    fake.run = run
    monkeypatch.setitem(sys.modules, "dexndm_gym.cli.demo", fake)
    assert main(["demo"]) == code
    assert capsys.readouterr().err == text


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    fake: Any = ModuleType("dexndm_gym.cli.demo")
    monkeypatch.setitem(sys.modules, "dexndm_gym.cli.demo", fake)
    with pytest.raises(AttributeError):
        main(["demo"])
