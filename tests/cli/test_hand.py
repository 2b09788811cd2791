"""``dexndm hand`` on a virtual hand."""

import os
import pty
import subprocess
import sys
import time
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
    # In lock-step, so that a busy machine cannot make the hand lag behind.
    with VirtualHandProcess(clock="lockstep") as hand:
        arguments = ["--port", hand.port, "--joints", "1", "2", "--out", str(tmp_path)]
        assert main(["hand", "mirror", *arguments]) == 2
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
    with VirtualHandProcess(clock="realtime") as hand:
        command = [sys.executable, "-c", program, "hand", "gains", "--port", hand.port]
        for _attempt in range(3):  # on a starved machine servos behind a plain port do not answer in time
            with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as run:
                while run.poll() is None and not any(hand.command("status")["torque_enable"]):
                    time.sleep(0.05)
                for _press in range(100):
                    if run.poll() is not None:
                        break
                    os.write(ours, b" ")
                    time.sleep(0.2)
                assert run.poll() == 2
            output = os.read(ours, 65536)
            if b"did not answer" not in output:
                break
        assert not any(hand.command("status")["torque_enable"])
    assert b"The hand was stopped: a key was pressed" in output
    os.close(theirs)
    os.close(ours)


def test_mistakes_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hand", "gains", "--joints", "16"]) == 2
    assert "joints must be a whole number from 0 to 15, got 16" in capsys.readouterr().err
    assert main(["hand", "check", "--port", "/dev/nothing"]) == 2
    assert "no such device" in capsys.readouterr().err
