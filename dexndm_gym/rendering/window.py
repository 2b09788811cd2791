"""Pictures and a window of a hand while it plays: simulated, virtual or real."""

import atexit
import logging
import os
import sys
import threading
import time
from typing import Any

import mujoco
import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import FloatArray, Vector
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.hand.model import joint_indices
from dexndm_gym.objects.object_choice import Choice
from dexndm_gym.objects.scene_model import object_indices
from dexndm_gym.rendering.camera import Camera, View
from dexndm_gym.rendering.drawn_model import drawn_model
from dexndm_gym.rendering.opengl import OUT_OF_SIGHT, OpenGLRenderer, opengl_is_wanted
from dexndm_gym.rendering.renderer import HandRenderer

_GOODBYE = 5.0
"""How long a window may take to close, s."""

_MOST_PAINTERS = 16
"""How many directions of gravity are kept ready to be drawn."""

_WIDTH, _HEIGHT = 640, 480

_LOG = logging.getLogger(__name__)


class HandPictures:
    """Pictures of n hands, (480, 640, 3) each; gravity pulls downwards in them.

    They are drawn by MuJoCo's renderer where the environment variable ``MUJOCO_GL`` names a way to OpenGL that works,
    else on the processor.
    """

    def __init__(self, camera: Camera) -> None:
        """Choose where to look from."""
        self._camera = camera
        self._painters: dict[Vector, HandRenderer | OpenGLRenderer] = {}
        self._opengl = opengl_is_wanted()

    def draw(
        self, position: FloatArray, object_pose: FloatArray | None, item: Choice, up: Vector
    ) -> npt.NDArray[np.uint8]:
        """Draw one hand.

        Args:
            position: joint angles, (16,), rad.
            object_pose: (7,), hand frame, m and quaternion w x y z; None leaves the object out.
            item: the object, by name or itself.
            up: direction that is up, hand frame.
        """
        if up not in self._painters:
            if len(self._painters) > _MOST_PAINTERS:
                self.close()
            self._painters[up] = self._painter(up)
        return self._painters[up].draw(position, object_pose, item)

    def close(self) -> None:
        """Give OpenGL back, where it was used. Safe to call twice."""
        for painter in self._painters.values():
            if isinstance(painter, OpenGLRenderer):
                painter.close()
        self._painters.clear()

    def _painter(self, up: Vector) -> HandRenderer | OpenGLRenderer:
        if self._opengl:
            try:
                return OpenGLRenderer(width=_WIDTH, height=_HEIGHT, camera=self._camera, up=up)
            except ConfigurationError as error:
                _LOG.warning("%s; pictures are drawn on the processor", error)
                self._opengl = False
        return HandRenderer(width=_WIDTH, height=_HEIGHT, camera=self._camera, up=up)

    def __getstate__(self) -> dict[str, Any]:
        """Copies draw anew."""
        return vars(self) | {"_painters": {}}


class HandWindow:
    """MuJoCo's interactive viewer on one hand; opens anew where the object changes."""

    def __init__(self, *, camera: Camera, period: float) -> None:
        """Choose where to look from at first, and the least time between two pictures, s.

        Raises:
            ConfigurationError: there is no display to open a window on.
        """
        if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise ConfigurationError(
                "render_mode='human' opens a window, and there is no display (neither DISPLAY nor WAYLAND_DISPLAY is "
                "set); use render_mode='rgb_array', which needs none"
            )
        self._camera, self._period = camera, period
        self._item: Choice = ""
        self._viewer = None
        self._threads: list[threading.Thread] = []
        self._shown_at = 0.0

    def __getstate__(self) -> dict[str, Any]:
        """A copy opens a window of its own when it has something to show."""
        closed = {"_item": "", "_viewer": None, "_threads": [], "_shown_at": 0.0}
        return {"_camera": self._camera, "_period": self._period} | closed

    def show(self, position: FloatArray, object_pose: FloatArray | None, item: Choice) -> None:
        """Show one hand, at the earliest one period after the last one.

        Args:
            position: joint angles, (16,), rad.
            object_pose: (7,), hand frame, m and quaternion w x y z; None leaves the object out.
            item: the object, by name or itself.

        Raises:
            ConfigurationError: the window cannot be opened.
        """
        if self._viewer is None or item != self._item:
            self.close()
            self._open(item)
        if self._viewer is None or not self._viewer.is_running():
            return
        joints, thing = joint_indices(self._model)[0], object_indices(self._model)[0]
        with self._viewer.lock():
            self._data.qpos[joints] = position
            self._data.qpos[thing] = OUT_OF_SIGHT if object_pose is None else object_pose
            mujoco.mj_kinematics(self._model, self._data)
            mujoco.mj_camlight(self._model, self._data)
        self._viewer.sync()
        time.sleep(max(self._shown_at + self._period - time.monotonic(), 0.0))
        self._shown_at = time.monotonic()

    def _open(self, item: Choice) -> None:
        import mujoco.viewer  # loads a window library

        self._model = drawn_model(item, View(self._camera, (0.0, 0.0, 1.0)))
        self._model.vis.global_.fovy = self._camera.angle
        self._data = mujoco.MjData(self._model)
        others = threading.enumerate()
        try:
            self._viewer = mujoco.viewer.launch_passive(
                self._model, self._data, show_left_ui=False, show_right_ui=False
            )
        except RuntimeError as error:  # on macOS, for one, Python must be started as mjpython
            raise ConfigurationError(f"render_mode='human' cannot open its window: {error}") from error
        self._item = item
        # An interpreter that ends while the window still draws crashes.
        self._threads = [thread for thread in threading.enumerate() if thread.daemon and thread not in others]
        atexit.register(self.close)
        back = np.subtract(self._camera.eye, self._camera.target)
        self._viewer.cam.lookat[:] = self._camera.target
        self._viewer.cam.distance = float(np.linalg.norm(back))
        self._viewer.cam.azimuth = float(np.degrees(np.arctan2(-back[1], -back[0])))
        self._viewer.cam.elevation = float(np.degrees(np.arcsin(-back[2] / np.linalg.norm(back))))

    def close(self) -> None:
        """Close the window. Safe to call twice."""
        if self._viewer is not None:
            self._viewer.close()
            self._viewer = None
            for thread in self._threads:
                thread.join(_GOODBYE)
            atexit.unregister(self.close)
