"""MuJoCo's renderer, where it is asked for."""

import logging
import os
import subprocess
import sys
from typing import Any

import mujoco
import numpy as np
import pytest

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.palm_rest import PALM_REST_CENTER, START_POSE
from dexndm_gym.rendering import window
from dexndm_gym.rendering.camera import CAMERAS, View
from dexndm_gym.rendering.drawn_model import drawn_model
from dexndm_gym.rendering.window import HandPictures

POSE = np.array([*PALM_REST_CENTER, 1.0, 0.0, 0.0, 0.0])
UP = (0.0, 0.0, 1.0)


@pytest.mark.parametrize(("variable", "tried"), [("egl", 1), ("OSMesa", 1), ("", 0), ("disable", 0)])
def test_without_opengl_pictures_are_drawn_all_the_same(
    variable: str, tried: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    attempts: list[Any] = []

    def fail(**options: Any) -> None:
        attempts.append(options)
        raise ConfigurationError("no OpenGL here")

    monkeypatch.setenv("MUJOCO_GL", variable)
    monkeypatch.setattr(window, "OpenGLRenderer", fail)
    pictures = HandPictures(CAMERAS["front"])
    with caplog.at_level(logging.WARNING):
        for up in (UP, (0.0, 0.0, -1.0)):
            assert pictures.draw(START_POSE, POSE, "cube", up).std() > 20.0
    assert len(attempts) == tried, "tried once, not for every picture"
    assert len(caplog.records) == tried


def test_what_is_only_seen_never_touches() -> None:
    model = drawn_model("cube", View(CAMERAS["front"], UP))
    assert model.ngeom > 30
    assert not model.geom_contype.any()
    assert not model.geom_conaffinity.any()
    assert (model.geom_type == mujoco.mjtGeom.mjGEOM_MESH).all()


SCRIPT = """
import sys
import numpy as np
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.palm_rest import PALM_REST_CENTER, START_POSE
from dexndm_gym.rendering.opengl import OpenGLRenderer
from dexndm_gym.rendering.renderer import HandRenderer

try:
    ours, theirs = HandRenderer(width=160, height=120), OpenGLRenderer(width=160, height=120)
except ConfigurationError as error:
    sys.exit(f"skip: {error}")
pose = np.array([*PALM_REST_CENTER, 1.0, 0.0, 0.0, 0.0])
for item in ("cube", "duck"):
    a, b = (one.draw(START_POSE, pose, item).astype(float) for one in (ours, theirs))
    print(np.abs(a - b).mean(), np.corrcoef(a.ravel(), b.ravel())[0, 1])
theirs.close()
"""


@pytest.mark.slow
def test_both_renderers_draw_the_same_scene() -> None:
    environment = os.environ | {"MUJOCO_GL": "egl"}
    command = [sys.executable, "-c", SCRIPT]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=100, check=False)
    if result.returncode and "skip:" in result.stderr:
        pytest.skip("no OpenGL through EGL")
    for line in result.stdout.splitlines():
        difference, correlation = map(float, line.split())
        assert difference < 15.0
        assert correlation > 0.95
    assert len(result.stdout.splitlines()) == 2
