"""What pages show, without a page."""

import multiprocessing
import os
import signal
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.rendering.camera import Camera, View
from dexndm_gym.rendering.rasterizer import project
from dexndm_gym.viewer.bars import joint_bars, servo_bars, status_line
from dexndm_gym.viewer.history import SECONDS, History
from dexndm_gym.viewer.slot import LatestSlot
from dexndm_gym.viewer.snapshot import Snapshot

MOMENT = Snapshot(
    time=1.5, position=START_POSE, target=START_POSE + 0.1, object="cube", rotation=0.7, task="turn", note="hello"
)
SPAWN = multiprocessing.get_context("spawn")


def test_a_snapshot_survives_shared_memory() -> None:
    full = replace(MOMENT, current=np.arange(16.0), paused=True, episode=3, note="x" * 500)
    slot = LatestSlot(SPAWN)
    slot.put(full)
    back = slot.take(0)[1]
    assert back is not None
    for entry in fields(Snapshot):
        if entry.name != "note":
            np.testing.assert_array_equal(getattr(back, entry.name), getattr(full, entry.name), err_msg=entry.name)
    assert back.note == "x" * 200


def test_the_latest_snapshot_takes_the_others_place() -> None:
    slot = LatestSlot(SPAWN)
    assert slot.take(0) == (0, None)
    for time in (1.0, 2.0, 3.0):
        assert slot.put(replace(MOMENT, time=time))
    seen, latest = slot.take(0)
    assert latest is not None
    assert latest.time == 3.0
    assert slot.take(seen) == (seen, None)


def _die_while_reading(slot: Any) -> None:
    slot._lock.acquire()
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_reader_that_died_does_not_hold_up_the_writer() -> None:
    context = multiprocessing.get_context("fork")
    slot = LatestSlot(context)  # type: ignore[arg-type]
    reader = context.Process(target=_die_while_reading, args=(slot,))
    reader.start()
    reader.join()
    assert not slot.put(MOMENT)


def test_history_holds_the_last_seconds_of_one_episode() -> None:
    history = History()
    for tick in range(600):
        history.add(replace(MOMENT, time=0.05 * tick, rotation=0.025 * tick))
    time, rotation, speed = history.rotation()
    assert time[-1] - time[0] == pytest.approx(SECONDS)
    assert rotation[-1] == pytest.approx(0.025 * 599)
    np.testing.assert_allclose(speed[20:], 0.5)
    history.add(replace(MOMENT, time=10.0, rotation=1.0))
    assert history.rotation()[0][-1] == 10.0
    assert (np.diff(history.rotation()[0]) > 0).all(), "a jump back in a recording takes away what came later"
    history.add(replace(MOMENT, time=0.0, rotation=0.0, episode=1))
    assert len(history.rotation()[0]) == 1
    np.testing.assert_allclose(history.joint(2)[2], START_POSE[2] + 0.1)


def test_bars_follow_joints_and_say_what_is_unknown() -> None:
    bars = joint_bars(MOMENT)
    assert bars != joint_bars(replace(MOMENT, position=START_POSE + 0.2))
    assert f"{np.degrees(START_POSE[1]):.0f}&deg;" in bars
    assert "neither current, temperature nor load" in servo_bars(MOMENT)
    measured = {"current": np.full(16, 0.25), "temperature": np.full(16, 41.0), "load": np.full(16, -0.9)}
    known = servo_bars(replace(MOMENT, **measured))
    assert all(text in known for text in ("250 mA", "41 &deg;C", "-90 %"))


def test_what_a_page_says_is_no_html() -> None:
    line = status_line(replace(MOMENT, note="<b>lost</b>"), 0.25)
    assert "&lt;b&gt;lost" in line
    assert "0.25" in line
    assert "&ndash;" in status_line(replace(MOMENT, rotation=float("nan")), float("nan"))


@pytest.mark.parametrize("aspect", [0.4, 0.5, 0.6])
@pytest.mark.parametrize("camera", ["Front", "Fingertips", "Thumb"])
def test_phone_shows_the_hand_above_its_controls(camera: str, aspect: float) -> None:
    scene_view = pytest.importorskip("dexndm_gym.viewer.scene_view", reason="the extra viewer is not installed")
    position, target = scene_view.CAMERAS[camera]
    angle, lowered = scene_view.on_a_phone(aspect, position, target)
    view = View(Camera(eye=position, target=lowered, angle=np.degrees(angle)), (0.0, 0.0, 1.0))
    height = 1000
    palm = np.array([target, (target[0], target[1], target[2] + 0.1)])
    seen = project(palm, view.eye, view.axes, view.focal(height), round(aspect * height), height)
    assert 0.5 * aspect * height == pytest.approx(seen[0, 0], abs=1.0)
    assert 0.0 < seen[1, 1] < seen[0, 1] < 0.35 * height
