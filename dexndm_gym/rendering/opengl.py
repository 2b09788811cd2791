"""Pictures of the hand by MuJoCo's renderer, where there is OpenGL."""

import os

import mujoco
import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import FloatArray, Vector
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.hand.model import joint_indices
from dexndm_gym.objects.object_choice import Choice
from dexndm_gym.objects.scene_model import object_indices
from dexndm_gym.rendering.camera import Camera, View, find_camera
from dexndm_gym.rendering.drawn_model import CAMERA, drawn_model

OUT_OF_SIGHT = (0.0, 0.0, -5.0, 1.0, 0.0, 0.0, 0.0)
"""Pose of an object that is not there, m and quaternion w x y z."""


def opengl_is_wanted() -> bool:
    """Whether the environment variable ``MUJOCO_GL`` names one of the ways to OpenGL that MuJoCo knows."""
    return os.environ.get("MUJOCO_GL", "").strip().lower() in ("egl", "osmesa", "glfw")


class OpenGLRenderer:
    """Draws one hand with the object in it, as ``HandRenderer`` does; keeps one compiled model for the last object."""

    def __init__(
        self, *, width: int, height: int, camera: str | Camera = "front", up: Vector = (0.0, 0.0, 1.0)
    ) -> None:
        """Choose what pictures look like; see ``HandRenderer``.

        Raises:
            ConfigurationError: there is no such camera, or no OpenGL.
        """
        self._view, self._size = View(find_camera(camera), up), (width, height)
        self._item: Choice = ""
        self._renderer: mujoco.Renderer | None = None
        self._take("cylinder")

    def draw(self, position: FloatArray, object_pose: FloatArray | None, item: Choice) -> npt.NDArray[np.uint8]:
        """Draw one hand; see ``HandRenderer.draw``."""
        if item != self._item:
            self._take(item)
        model, data, renderer = self._model, self._data, self._renderer
        if renderer is None:
            raise ConfigurationError("this renderer is closed; make a new one")
        data.qpos[joint_indices(model)[0]] = position
        data.qpos[object_indices(model)[0]] = OUT_OF_SIGHT if object_pose is None else object_pose
        mujoco.mj_kinematics(model, data)
        mujoco.mj_camlight(model, data)
        renderer.update_scene(data, CAMERA)
        return renderer.render()

    def close(self) -> None:
        """Give OpenGL back. Safe to call twice."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _take(self, item: Choice) -> None:
        self.close()
        self._item, self._model = item, drawn_model(item, self._view)
        width, height = self._size
        self._model.vis.global_.offwidth, self._model.vis.global_.offheight = width, height
        self._data = mujoco.MjData(self._model)
        try:
            self._renderer = mujoco.Renderer(self._model, height, width)
        except (AttributeError, ImportError, OSError, RuntimeError, mujoco.FatalError) as error:
            raise ConfigurationError(
                f"MUJOCO_GL={os.environ.get('MUJOCO_GL', '')} asks for OpenGL, which does not work here: {error}"
            ) from error
