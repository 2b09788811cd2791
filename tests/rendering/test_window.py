"""Pictures and windows of environments."""

import math
import shutil
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import gymnasium
import mujoco.viewer
import numpy as np
import pytest

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.rendering.camera import CAMERAS

SIM = "LeapRotate-Sim-v0"


@pytest.mark.parametrize("camera", ["front", "top"])
def test_pictures_need_no_display_and_follow_the_wrist(camera: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    env = gymnasium.make(SIM, object="duck", render_mode="rgb_array", camera=camera)
    pictures = []
    for wrist in ("palm_up", "palm_down"):
        env.reset(seed=0, options={"wrist": wrist})
        pictures.append(env.render())
    env.close()
    for picture in pictures:
        assert isinstance(picture, np.ndarray)
        assert (picture.shape, picture.dtype) == ((480, 640, 3), np.uint8)
        assert picture.std() > 20.0
    assert (pictures[0] != pictures[1]).any()


def test_window_without_display_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match=r"needs? .*rgb_array|display.*rgb_array"):
        gymnasium.make(SIM, render_mode="human")


class FakeViewer:
    """What ``launch_passive`` gives, without a window."""

    def __init__(self, model: Any, data: Any, **_: Any) -> None:
        self.model, self.data, self.synced, self.closed = model, data, 0, False
        self.cam = SimpleNamespace(lookat=np.zeros(3), distance=0.0, azimuth=0.0, elevation=0.0)

    def __enter__(self) -> None: ...

    def __exit__(self, *_: Any) -> None: ...

    def lock(self) -> "FakeViewer":
        return self

    def sync(self) -> None:
        self.synced += 1

    def is_running(self) -> bool:
        return not self.closed

    def close(self) -> None:
        self.closed = True


def test_window_shows_steps_and_reopens_for_another_object(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[FakeViewer] = []

    def launch(*args: Any, **options: Any) -> FakeViewer:
        opened.append(FakeViewer(*args, **options))
        return opened[-1]

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(mujoco.viewer, "launch_passive", launch)
    env = gymnasium.make(SIM, render_mode="human")
    env.reset(seed=0, options={"object": "cube"})
    for _ in range(3):
        *_, info = env.step(np.ones(16, dtype=np.float32))
    np.testing.assert_allclose(opened[0].data.qpos[-7:], info["object_pose"])
    front, view = CAMERAS["front"], opened[0]
    np.testing.assert_allclose(view.cam.lookat, front.target)
    assert view.model.vis.global_.fovy == pytest.approx(front.angle)
    assert view.cam.distance == pytest.approx(math.dist(front.eye, front.target))
    assert env.render() is None
    env.reset(seed=0, options={"object": "duck"})
    env.close()
    assert [(viewer.synced, viewer.closed) for viewer in opened] == [(4, True), (1, True)]


SCRIPT = f"""
import gymnasium, sys
import dexndm_gym

env = gymnasium.make("{SIM}", render_mode="human")
for item in ("cylinder", "teapot"):
    env.reset(seed=0, options={{"object": item}})
    env.step(env.action_space.sample())
if sys.argv[1] == "close":
    env.close()
"""


@pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="needs a display; xvfb-run makes one")
@pytest.mark.parametrize("end", ["close", "exit"])
def test_real_window_opens_and_closes(end: str) -> None:
    subprocess.run(["xvfb-run", "-a", sys.executable, "-c", SCRIPT, end], check=True, timeout=60)
