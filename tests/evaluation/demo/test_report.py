import base64
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dexndm_gym.evaluation import report_page
from dexndm_gym.evaluation.demo import report
from dexndm_gym.evaluation.demo.demo_result import DemoResult
from dexndm_gym.evaluation.demo.report import write_report
from dexndm_gym.evaluation.videos import draw_episode
from dexndm_gym.rendering.renderer import HandRenderer


def test_numbers_are_those_that_were_promised(compare: Callable[..., DemoResult]) -> None:
    numbers = json.loads(json.dumps(compare(sim=1.0, direct=0.5, corrected=0.9).as_dict()))
    assert numbers["gap_closed"] == pytest.approx(0.8)
    for run, rotation in (("sim", 2.0), ("direct", 1.0), ("corrected", 1.8)):
        summary = numbers[run]
        assert set(summary) == {"rotation_rad_mean", "rotation_rad_std", "time_to_fall_s_mean", "episodes"}
        assert summary["rotation_rad_mean"] == pytest.approx(rotation)
        assert (summary["time_to_fall_s_mean"], summary["episodes"]) == (2.0, 2)
    assert {"data_minutes", "wall_s", "hand_seed"} <= set(numbers)


def test_gap_closed_is_negative_or_none(compare: Callable[..., DemoResult]) -> None:
    assert compare(sim=1.0, direct=0.5, corrected=0.4).gap_closed == pytest.approx(-0.2)
    assert compare(sim=1.0, direct=1.0, corrected=0.4).gap_closed is None


def test_report_holds_everything_itself(compare: Callable[..., DemoResult], tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    write_report(compare(), tmp_path / "report.html", progress=lambda *state: told.append(state))
    text = (tmp_path / "report.html").read_text()
    assert text.startswith("<!doctype html>")
    assert "80&nbsp;%" in text
    assert not re.search(r"(src|href)='(?!data:)", text), "nothing is loaded from elsewhere"
    pictures = re.findall(r"data:image/png;base64,([^']+)", text)
    assert len(pictures) == 5
    assert all(base64.b64decode(picture).startswith(b"\x89PNG") for picture in pictures)
    (video,) = re.findall(r"data:video/mp4;base64,([^']+)", text)
    assert b"ftyp" in base64.b64decode(video)[:16]
    assert told[-1][0] == told[-1][1] == 3 * 21


def test_without_a_video_the_report_says_why(
    compare: Callable[..., DemoResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> bytes:
        raise OSError("no <ffmpeg>")

    monkeypatch.setattr(report_page, "encode", fail)
    monkeypatch.setattr(report, "HandRenderer", lambda **_: HandRenderer(width=16, height=16))
    write_report(compare(direct=2.0), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "No video could be made: no &lt;ffmpeg&gt;" in text
    assert "no gap to close" in text


def test_a_short_episode_holds_its_last_picture(compare: Callable[..., DemoResult]) -> None:
    episode = compare().runs["sim"][0]
    frames = draw_episode(episode, HandRenderer(width=64, height=32), length=25)
    assert len(frames) == 25
    np.testing.assert_array_equal(frames[20], frames[24])
    assert (frames[0] != frames[20]).any()
