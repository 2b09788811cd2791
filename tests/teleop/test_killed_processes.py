"""Real processes die in any order while a virtual hand is steered: page, camera, gamepad, network."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import gymnasium
import pytest
from browser_pages import wait_for
from silent_network import Network

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.teleop.gamepad import GamepadSource, PadState
from dexndm_gym.teleop.session import TeleopSession
from dexndm_gym.training.policy import load_policy
from dexndm_gym.viewer.controls import PageSettings

pytest.importorskip("viser", reason="the extra viewer is not installed")
pytest.importorskip("cv2", reason="the extra tracking is not installed")
pytest.importorskip("dynamixel_sdk", reason="the extra real is not installed")

from dexndm_gym.teleop.page import PageSource, teleop_page
from dexndm_gym.tracking.camera_tracker import CameraTracker
from dexndm_gym.tracking.config import CameraTrackerConfig
from dexndm_gym.viewer.page_process import PageProcess
from dexndm_gym.virtual_hand.client import VirtualHandProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PARTS = ("page", "camera", "gamepad", "network")


@pytest.fixture(scope="module")
def looked_at() -> Iterator[VirtualHandProcess]:
    """What the camera sees. The hand that is steered is in lock-step: a busy machine may be too slow for real time."""
    with VirtualHandProcess(seed=0) as hand:
        yield hand


def gone(pid: int) -> bool:
    """Whether a process has ended."""
    with suppress(OSError):
        return not Path(f"/proc/{pid}/cmdline").read_bytes()
    return True


@pytest.mark.parametrize("order", [PARTS[n:] + PARTS[:n] for n in range(4)], ids="-".join)
def test_the_hand_outlives_all_around_it(browser: Any, looked_at: VirtualHandProcess, order: tuple[str, ...]) -> None:
    pad: list[PadState | None] = [PadState()]
    camera_config = CameraTrackerConfig(oldest=30.0, start_timeout=100.0)
    with (
        closing(CameraTracker(camera_config, virtual_hand=looked_at.control)) as camera,
        closing(
            gymnasium.make(
                "LeapRotate-Real-v0", port="virtual", object="cube", tracker=camera,
                config=TaskConfig(episode_steps=10**6),
            )
        ) as env,
        PageProcess(PageSettings(title="Steered", port=8441), teleop_page) as page,
        closing(Network(int(page.url.rsplit(":", 1)[1]))) as network,
    ):  # fmt: skip
        deaths: dict[str, Callable[[], object]] = {
            "page": lambda: os.kill(page._process.pid or 0, signal.SIGKILL),
            "camera": camera.process.kill,
            "gamepad": lambda: pad.__setitem__(0, None),
            "network": network.silent.set,
        }
        session = TeleopSession(env, load_policy(), [PageSource(page), GamepadSource(lambda: pad[0])])

        def reaches(mode: str) -> None:
            end = time.monotonic() + 60.0
            while session.steering.mode != mode:
                page.show(session.advance())
                assert time.monotonic() < end, f"the hand goes on to {session.steering.mode}"

        reaches("hold")
        browser.get(network.url)
        label = "//button[.//text()[normalize-space()='Go']]"
        browser.execute_script("arguments[0].click()", wait_for(lambda: browser.find_element("xpath", label), "Go"))
        reaches("go")
        for part in order:
            deaths[part]()
            for _ in range(5):
                page.show(session.advance())
        reaches("stop")
        assert "page is gone, the hand is open; torque off" in session.note
        assert session.info["tracker"] == "ended"
        pids = [camera.process.pid, page._process.pid or 0]
    assert all(gone(pid) for pid in pids)
