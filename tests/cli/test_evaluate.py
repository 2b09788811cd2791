"""What ``dexndm evaluate`` says of a hand whose object nothing tracks."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dexndm_gym.cli import evaluate
from dexndm_gym.cli.app import main


@pytest.fixture
def untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    record = evaluate.record_episodes

    def blind(*given: Any, **options: Any) -> list[Any]:
        return [replace(episode, object_pose=None) for episode in record(*given, **options)]

    monkeypatch.setattr(evaluate, "record_episodes", blind)


def test_what_nothing_tracks_is_left_open(untracked: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numbers = tmp_path / "numbers.json"
    assert main(["evaluate", "--env", "virtual", "--object", "cube", "--episodes", "1", "--json", str(numbers)]) == 0
    lines = capsys.readouterr().out.splitlines()
    shown = [line.split()[-1] for line in lines if line.startswith(("rotation", "share", "time to fall"))]
    assert shown == ["-", "20", "-"]
    assert "count its turns" in lines[-1]
    known = json.loads(numbers.read_text())
    assert (known["rotation_rad_mean"], known["dropped_share"], known["time_to_fall_s_mean"]) == (None, None, 20.0)


def test_an_estimate_of_the_rotation_counts(capsys: pytest.CaptureFixture[str]) -> None:
    play = ["evaluate", "--env", "virtual", "--object", "cube", "--episodes", "1"]
    assert main([*play, "--tracker", "proprioception"]) == 0
    (turned,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("rotation"))
    assert float(turned.split()[-1]) > 1.0


def test_a_simulation_needs_no_tracker(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--tracker", "camera"]) == 2
    assert "--tracker sees the object on a hand" in capsys.readouterr().err
