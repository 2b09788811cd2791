"""``dexndm hand`` on a virtual hand."""

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from dexndm_gym.cli import main
from dexndm_gym.virtual_hand.client import VirtualHandProcess


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["scan"], "All 16 servos answer."),
        (["check"], "The hand is fit to move."),
        (["watch", "--seconds", "0.2"], "th_ipl"),
        (["relax"], "Torque is off."),
        (["calibrate", "--yes", "--joints", "3", "7"], "Stored in the servos"),
        (["gains", "--joints", "2"], "90 % after s"),
    ],
)
def test_subcommands(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hand", *arguments]) == 0
    assert text in capsys.readouterr().out


def test_mirror_asks_and_believes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["y", "n"])
    monkeypatch.setattr("builtins.input", lambda _prompt: next(answers))
    assert main(["hand", "mirror", "--joints", "1", "2", "--out", str(tmp_path)]) == 2
    output = capsys.readouterr()
    assert "the index finger bends at its base" in output.out
    assert "Wrong: 2 (if_pip)" in output.err
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["01_if_mcp.png", "02_if_pip.png"]


def test_any_key_stops_the_hand() -> None:
    ours, theirs = pty.openpty()
    program = (
        "import fcntl, sys, termios\nfcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "from dexndm_gym.cli import main\nsys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, "hand", "gains"]
    output = b""
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as run:
        while run.poll() is None:
            os.write(ours, b" ")  # what comes before the command listens is dropped
            if select.select([ours], [], [], 0.05)[0]:
                output += os.read(ours, 65536)
    while select.select([ours], [], [], 0.0)[0]:
        output += os.read(ours, 65536)
    os.close(theirs)
    os.close(ours)
    assert run.returncode == 2
    assert b"The hand was stopped: a key was pressed" in output


@pytest.mark.parametrize("command", ["calibrate", "mirror"])
@pytest.mark.parametrize("standard_input", ["/dev/null", "empty pipe", "closed"])
def test_without_answers_yes_is_named(command: str, standard_input: str) -> None:
    program = f"import sys; from dexndm_gym.cli import main; sys.exit(main(['hand', {command!r}]))"
    shell = {"/dev/null": "{} </dev/null", "empty pipe": "true | {}", "closed": "{} <&-"}[standard_input]
    line = shell.format(f'"{sys.executable}" -c "{program}"')
    ended = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert "--yes" in ended.stderr.splitlines()[-1]


def test_answers_may_come_through_a_pipe(tmp_path: Path) -> None:
    program = "import sys; from dexndm_gym.cli import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["hand", "mirror", "--joints", "1", "--out", str(tmp_path)]
    command = [sys.executable, "-c", program, *arguments]
    ended = subprocess.run(command, input="y\n", capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "Order, sign and zero are right." in ended.stdout


@pytest.mark.parametrize("command", [["check"], ["scan"], ["watch"], ["relax"], ["gains"], ["calibrate", "--yes"]])
def test_the_variable_names_the_hand(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEXNDM_PORT", "/dev/ttyNoSuchPort")
    assert main(["hand", *command]) == 2
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first == "Hand: the hand on /dev/ttyNoSuchPort (from DEXNDM_PORT)"
    assert "Cannot open the serial port /dev/ttyNoSuchPort" in last


def test_the_option_wins_over_the_variable(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEXNDM_PORT", "/dev/ttyNoSuchPort")
    assert main(["hand", "relax", "--port", "virtual", "--hand-seed", "3"]) == 0
    output = capsys.readouterr()
    assert output.err.splitlines()[0] == "Hand: virtual hand 3"
    assert output.out == "Torque is off.\n"


@pytest.mark.parametrize(("fault", "said"), [("power_loss", "No servo"), ("drop:servo=3", "3 (if_dip)")])
def test_what_is_missing_is_the_last_word(
    fault: str, said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    commands = ("check", "watch", "relax", "gains", "calibrate --yes", f"mirror --yes --out {tmp_path}")
    with VirtualHandProcess(faults=[fault]) as hand:
        for command in commands:
            assert main(["hand", *command.split(), "--port", hand.port]) == 2
            assert said in capsys.readouterr().err.splitlines()[-1], command


def test_mistakes_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hand", "gains", "--joints", "16"]) == 2
    assert "joints must be a whole number from 0 to 15, got 16" in capsys.readouterr().err
    assert main(["hand", "check", "--port", "/dev/nothing"]) == 2
    assert "no such device" in capsys.readouterr().err
