"""``dexndm teleop``, from the shell."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dexndm_gym.cli import main
from dexndm_gym.data.reading import read_recording


def test_nobody_to_steer_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["teleop", "sim", "--no-page"]) == 2
    assert "nobody can steer" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--axis", "+q"], ["--wrist", "palm"], ["--loss.let-go-after", "0.1"]])
def test_wrong_names_and_times_are_refused(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["teleop", "sim", *option]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("dexndm: ")


@pytest.mark.parametrize("axis", ["random", "principal", "hand+x"])
def test_axes_are_drawn_from_a_set_or_given(axis: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("cryptography", reason="the extra viewer is not installed")
    command = ["teleop", "sim", "--no-page", "--phone", "127.0.0.1", "--seconds", "0.1", "--axis", axis]
    assert main(command) == 0, capsys.readouterr().err


def test_torque_goes_before_pages_close(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cryptography", reason="the extra viewer is not installed")
    from dexndm_gym.envs.rotate_env import LeapRotateEnv
    from dexndm_gym.teleop.phone_server import PhoneServer

    closed: list[str] = []
    for owner in (LeapRotateEnv, PhoneServer):
        inner = owner.close
        monkeypatch.setattr(
            owner, "close", lambda self, inner=inner, name=owner.__name__: (closed.append(name), inner(self))
        )
    assert main(["teleop", "sim", "--no-page", "--phone", "127.0.0.1", "--seconds", "0.1"]) == 0
    assert closed[:2] == ["LeapRotateEnv", "PhoneServer"]


def test_any_key_stops_a_hand_that_plays_a_script(monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[bool] = []

    @contextmanager
    def pressed(stop: Callable[[str], object]) -> Iterator[Any]:
        keys.append(True)
        yield SimpleNamespace(is_listening=False)
        keys.append(False)

    monkeypatch.setattr("dexndm_gym.hardware.emergency_stop.StopKey", pressed)
    monkeypatch.setattr("dexndm_gym.teleop.demos.reach_goals", lambda *_, **__: keys.append(keys == [True]) or [])
    assert main(["teleop", "virtual", "--script", "goals"]) == 0
    assert keys == [True, True, False], "open, played, closed"
    keys.clear()
    assert main(["teleop", "sim", "--script", "goals"]) == 0
    assert keys == [False], "a simulated hand has no torque"


def test_where_the_phone_steers_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("cryptography", reason="the extra viewer is not installed")
    assert main(["teleop", "sim", "--no-page", "--phone", "127.0.0.1", "--seconds", "0.1"]) == 0
    said = r"Phone: https://localhost:\d+/[\w-]{16}/  \(certificate SHA-256 (?:[0-9A-F]{2}:){31}[0-9A-F]{2}\)"
    assert re.search(said, capsys.readouterr().out)
    assert main(["teleop", "sim", "--no-page", "--phone", "203.0.113.1"]) == 2
    assert "cannot serve the phone's page on 203.0.113.1:8443" in capsys.readouterr().err


@pytest.mark.slow
def test_a_script_is_measured_and_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, numbers = tmp_path / "bulb.h5", tmp_path / "bulb.json"
    assert main(["teleop", "sim", "--script", "bulb", "--out", str(out), "--json", str(numbers)]) == 0
    parts = json.loads(numbers.read_text())["parts"]
    assert (parts[0]["what"], parts[0]["success"]) == ("turn about +z", True)
    tasks = [trajectory.metadata["task"] for trajectory in read_recording(out)]
    assert tasks[:2] == ["turn the cylinder about +z", "hold the cylinder"]
    assert "turn about +z" in capsys.readouterr().out
