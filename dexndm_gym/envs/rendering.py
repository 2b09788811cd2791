"""Pictures of any hand from its joint positions and the object's pose: simulated, virtual or real."""

import mujoco
import numpy as np
import numpy.typing as npt

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.leap.joints import FloatArray
from dexndm_gym.leap.model import build_spec, joint_indices, object_indices
from dexndm_gym.leap.objects import get_object

CAMERAS = ("front", "top")


class HandRenderer:
    """Draws one hand; keeps one compiled model per object."""

    def __init__(self, *, width: int = 640, height: int = 480, camera: str = "front") -> None:
        """Choose picture size in pixels and camera."""
        if camera not in CAMERAS:
            raise ConfigurationError(f"Unknown camera {camera!r}; expected one of {', '.join(CAMERAS)}")
        self._size, self._camera = (height, width), camera
        self._scenes: dict[str, tuple[mujoco.MjModel, mujoco.MjData, mujoco.Renderer]] = {}

    def draw(self, position: FloatArray, object_pose: FloatArray | None, item: str) -> npt.NDArray[np.uint8]:
        """Draw one hand.

        Args:
            position: joint angles, (16,), rad.
            object_pose: (7,), hand frame; None leaves the object out of the picture.
            item: name of the object.

        Returns:
            (height, width, 3), RGB.
        """
        if item not in self._scenes:
            model = build_spec(None, timestep=0.01, visual=True, first_object=get_object(item)).compile()
            self._scenes[item] = (model, mujoco.MjData(model), mujoco.Renderer(model, *self._size))
        model, data, renderer = self._scenes[item]
        joints, _ = joint_indices(model)
        data.qpos[joints] = position
        data.qpos[object_indices(model)[0]] = (0, 0, -5, 1, 0, 0, 0) if object_pose is None else object_pose
        mujoco.mj_kinematics(model, data)
        mujoco.mj_camlight(model, data)
        renderer.update_scene(data, self._camera)
        return renderer.render()

    def close(self) -> None:
        """Free the graphics contexts."""
        for _, _, renderer in self._scenes.values():
            renderer.close()
        self._scenes.clear()
