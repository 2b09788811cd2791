"""The camera's process on a virtual hand, and what becomes of the hand when it hangs or dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.backends.hand_port import connect
from dexndm_gym.errors import CameraError, ConfigurationError
from dexndm_gym.objects.scene import Scene
from dexndm_gym.tracking.camera_tracker import CameraTracker
from dexndm_gym.tracking.config import CameraTrackerConfig
from dexndm_gym.tracking.tag_tracker import TrackerStatus
from dexndm_gym.virtual_hand.client import VirtualHandProcess

from .conftest import off

pytest.importorskip("dynamixel_sdk", reason='needs pip install "dexndm_gym[real]"')

PATIENT = CameraTrackerConfig(oldest=30.0, start_timeout=100.0)
"""On a busy machine pictures may come late."""

CUBE = Scene(object="cube")


@pytest.fixture(scope="module")
def hand() -> Iterator[VirtualHandProcess]:
    with VirtualHandProcess(seed=0) as hand:
        hand.place_object(CUBE, 0)
        yield hand


@pytest.fixture
def tracker(hand: VirtualHandProcess) -> Iterator[CameraTracker]:
    with closing(CameraTracker(PATIENT, virtual_hand=hand.control)) as tracker:
        yield tracker


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60.0
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def test_the_object_is_seen_where_it_is(hand: VirtualHandProcess, tracker: CameraTracker) -> None:
    assert tracker.object_pose() is None, "nobody has said what to look for"
    tracker.begin(CUBE)
    wait_for(lambda: tracker.object_pose() is not None)
    pose = tracker.object_pose()
    assert pose is not None
    millimeters, degrees = off(pose, hand.object_pose())
    assert millimeters < 4.0
    assert degrees < 4.0
    assert set(tracker.info()) == {"tracker", "tracker_age", "tracker_tags", "tracker_estimated"}
    tracker.begin(Scene(object="none"))
    wait_for(lambda: tracker.newest().status is TrackerStatus.EMPTY)


def test_a_process_that_hangs_is_late(hand: VirtualHandProcess) -> None:
    config = CameraTrackerConfig(oldest=0.3, start_timeout=100.0)
    with closing(CameraTracker(config, virtual_hand=hand.control)) as tracker:
        os.kill(tracker.process.pid, signal.SIGSTOP)
        wait_for(lambda: tracker.newest().status is TrackerStatus.LATE)
        assert tracker.object_pose() is None
        tracker.begin(CUBE)  # nobody listens, nothing waits
    assert tracker.process.poll() is not None, "closing ends even a process that hangs"


def test_a_process_that_dies_has_ended(tracker: CameraTracker) -> None:
    tracker.process.kill()
    wait_for(lambda: tracker.newest().status is TrackerStatus.ENDED)
    tracker.begin(CUBE)
    assert tracker.object_pose() is None
    assert tracker.info()["tracker"] == "ended"
    tracker.close()
    tracker.close()


def test_a_virtual_hand_outlives_its_camera(hand: VirtualHandProcess) -> None:
    CameraTracker(PATIENT, virtual_hand=hand.control).close()
    assert hand.command("status")["clock"] == "lockstep"


def test_the_process_ends_with_its_hand() -> None:
    with VirtualHandProcess(seed=0) as hand:
        tracker = CameraTracker(PATIENT, virtual_hand=hand.control)
    with closing(tracker):
        wait_for(lambda: tracker.newest().status is TrackerStatus.ENDED)
        assert "virtual hand" in tracker.last_words()


def test_the_process_ends_with_whoever_started_it(hand: VirtualHandProcess) -> None:
    code = (
        "import os, sys\n"
        "from dexndm_gym.tracking.camera_tracker import CameraTracker\n"
        f"tracker = CameraTracker(virtual_hand={hand.control!r})\n"
        "print(tracker.process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    pid = int(result.stdout)
    wait_for(lambda: not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_text())


def test_a_camera_without_calibration_is_refused(tmp_path: Path) -> None:
    config = CameraTrackerConfig(calibration=tmp_path / "none.json")
    with pytest.raises(CameraError, match="tracker calibrate"):
        CameraTracker(config)


def test_env_goes_on_without_its_camera(tracker: CameraTracker) -> None:
    # In lock-step: a busy machine may be too slow for a hand in real time.
    with closing(gymnasium.make("LeapRotate-Real-v0", port="virtual", object="cube", tracker=tracker)) as env:
        env.reset(seed=0)
        tracker.process.kill()
        tracker.process.wait()
        *_, terminated, truncated, info = env.step(np.zeros(16, dtype=np.float32))
    assert (terminated, truncated) == (False, False)
    assert (info["tracker"], info["tracked"], info["tracker_estimated"]) == ("ended", False, False)
    assert np.isnan(info["object_pose"]).all()


def test_env_takes_an_estimate_for_what_it_is() -> None:
    env = gymnasium.make("LeapRotate-Real-v0", port="virtual", object="cube", tracker="proprioception")
    with closing(env):
        _, first = env.reset(seed=0)
        *_, info = env.step(np.zeros(16, dtype=np.float32))
    assert first.keys() == info.keys()
    assert info["tracked"]
    assert info["tracker_estimated"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tracker": "eyes"}, "tracker"),
        ({"tracker": "camera", "clock": "lockstep"}, "realtime"),
        ({"tracker": {"color": 1}, "clock": "realtime"}, "color"),
        ({"tracker": "dexndm_gym.nowhere:Tracker"}, "cannot be imported"),
    ],
)
def test_other_trackers_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        connect("virtual", **options)  # type: ignore[arg-type]
