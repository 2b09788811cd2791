"""One report on whatever a folder holds."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dexndm_gym.cli import main
from dexndm_gym.data.recording import RecordingWriter
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.evaluation.demo.demo_result import DemoResult
from dexndm_gym.evaluation.gap.report import GapReport, HandGap
from dexndm_gym.evaluation.report.findings import find_results
from dexndm_gym.evaluation.report.folder_report import write_folder_report
from dexndm_gym.evaluation.scores import Scores
from dexndm_gym.grasps.palm_rest import PALM_REST_CENTER, START_POSE
from dexndm_gym.task.orientations import AXES, WRISTS


def scores(rotation: float) -> Scores:
    values = np.array([rotation - 1.0, rotation + 1.0])
    return Scores(
        rotation=values, time_to_fall=np.full(2, 20.0), dropped=np.zeros(2), rotr=values, rotp=values, ttf=values
    )


def write_recording(path: Path, surroundings: str, ticks: int) -> None:
    with RecordingWriter(path) as writer:
        writer.begin_trajectory({"mode": "policy", "surroundings": surroundings, "object": "cube"})
        for _ in range(ticks):
            writer.append(START_POSE, START_POSE, np.full(16, 0.1), [*PALM_REST_CENTER, 1.0, 0.0, 0.0, 0.0])
        writer.end_trajectory(START_POSE)


@pytest.fixture
def results(tmp_path: Path, compare: Callable[..., DemoResult]) -> Path:
    """A folder with one of everything."""
    hands = [
        HandGap(seed=seed, direct=scores(direct), corrected={"physics": {3.0: scores(9.0)}}, others={})
        for seed, direct in ((4, 5.0), (7, 7.0))
    ]
    cell = {"speed_rad_s_mean": 0.5, "dropped_share": 0.25, "RotR_mean": 9.0, "TTF_mean": 0.9, "RotP_mean": 0.1}
    general = {
        "cells": {"regular": {f"{wrist} {axis}": cell for wrist in WRISTS for axis in AXES}},
        "random": {"+-z": cell},
        "goals": {"success": 0.75},
    }
    numbers = {
        "palm_up.json": scores(12.0).summary() | {"env": "sim", "policy": "x"},
        "gap.json": GapReport(sim=scores(10.0), hands=hands, minutes=(3.0,)).as_dict(),
        "general.json": general,
        "demo/demo.json": compare().as_dict(),
        "notes.json": {"other": 1},
    }
    for name, content in numbers.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content))
    write_recording(tmp_path / "a.h5", "free", 30)
    write_recording(tmp_path / "b.h5", "balls", 60)
    (tmp_path / "c.h5").write_bytes(b"no recording")
    return tmp_path


def test_files_are_known_by_what_is_in_them(results: Path) -> None:
    found = find_results(results)
    assert list(found.evaluations) == ["palm_up.json"]
    assert list(found.gaps) == ["gap.json"]
    assert list(found.generals) == ["general.json"]
    assert list(found.demos) == ["demo/demo.json"]
    assert list(found.recordings) == ["a.h5", "b.h5"]
    assert found.passed_over == ["notes.json", "c.h5"]


def test_the_report_says_what_was_measured(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dexndm_gym.evaluation.report import sections
    from dexndm_gym.rendering.renderer import HandRenderer

    small = HandRenderer(width=32, height=32)
    monkeypatch.setattr(sections, "HandRenderer", lambda **_: small)
    drawn: list[tuple[int, int, str]] = []
    write_folder_report(results, results / "all.html", progress=lambda *told: drawn.append(told))
    text = (results / "all.html").read_text()
    for said in (
        "12.00 &plusmn; 1.00",  # evaluation
        "40&nbsp;% of the rotation is lost",  # gap
        "physics closes 73",
        "0.50 (25%)",  # general
        "80&nbsp;% of the gap closed",  # demo
        "2 trajectories in 2 files, 0.1 minutes",
        "notes.json, c.h5",
    ):
        assert said in text, said
    assert drawn == [(1, 2, "policy, cube, balls"), (2, 2, "policy, cube, free")]
    assert len(re.findall("data:image/png", text)) == 4
    assert len(re.findall("data:video/mp4", text)) == 1


def test_what_is_not_known_of_a_hand_is_a_dash(tmp_path: Path) -> None:
    unknown = {name: None for name in scores(0.0).summary() if not name.startswith("time")}
    known = {"time_to_fall_s_mean": 17.25, "env": "/dev/ttyUSB0", "episodes": 3}
    for name in ("hand.json", "other.json"):
        (tmp_path / name).write_text(json.dumps(unknown | known))
    write_folder_report(tmp_path, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "<td>-</td>" in text
    assert "17.25" in text
    assert "nan" not in re.sub("base64,[^'\"]*", "", text)


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[1, 2")
    with pytest.raises(ConfigurationError, match="nothing to report"):
        write_folder_report(tmp_path, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_the_command_leaves_the_report_of_a_demo_alone(
    tmp_path: Path, compare: Callable[..., DemoResult], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "demo.json").write_text(json.dumps(compare().as_dict()))
    (tmp_path / "report.html").write_text("the demo's")
    assert main(["report", str(tmp_path)]) == 0
    assert "1 demos" in capsys.readouterr().out
    assert (tmp_path / "report.html").read_text() == "the demo's"
    assert "href='report.html'" in (tmp_path / "overview.html").read_text()
