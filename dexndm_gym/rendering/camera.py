"""Where pictures are taken from, and where their light comes from."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from dexndm_gym.arrays import FloatArray, Vector
from dexndm_gym.checks import Bound, Checked
from dexndm_gym.errors import ConfigurationError

_LAMP_DISTANCE = 1.0


@dataclass(frozen=True, kw_only=True)
class Camera(Checked):
    """Where from, and what at."""

    eye: Vector
    """Position in the hand frame, m."""

    target: Vector
    """Point in the middle of the picture, hand frame, m."""

    angle: Annotated[float, Bound(above=0.0, below=180.0)]
    """Vertical angle of view, deg."""


CAMERAS = {
    "front": Camera(eye=(0.19, -0.24, 0.40), target=(-0.012, 0.006, 0.066), angle=26.0),
    "top": Camera(eye=(0.02, 0.02, 0.58), target=(-0.025, 0.02, 0.03), angle=28.0),
}
"""Views by name: over the thumb's shoulder, and straight into the palm."""


def find_camera(camera: str | Camera) -> Camera:
    """A camera by its name.

    Raises:
        ConfigurationError: there is none of that name.
    """
    if isinstance(camera, Camera):
        return camera
    if camera not in CAMERAS:
        raise ConfigurationError(f"Unknown camera {camera!r}; expected one of {', '.join(CAMERAS)}, or a Camera")
    return CAMERAS[camera]


class View:
    """A camera with a direction that is up, and the lamp that goes with it.

    Attributes:
        eye: position of the camera, (3,), m.
        axes: its right, its up and the direction behind it, (3, 3).
        up: what is up, (3,).
        target: what is in the middle, (3,), m.
        angle: vertical angle of view, rad.
        lamp: position of the lamp, over the camera's left shoulder, (3,), m.
        lamp_axes: as ``axes``, of a camera at the lamp that looks at the target.
    """

    def __init__(self, camera: Camera, up: Vector) -> None:
        """Look through a camera.

        Args:
            camera: where from.
            up: direction that is up in the picture, hand frame.
        """
        self.eye, self.target, self.up = np.array(camera.eye), np.array(camera.target), np.array(up, dtype=np.float64)
        self.angle = float(np.radians(camera.angle))
        self.axes = _axes(self.eye - self.target, self.up)
        right, _, back = self.axes
        light = 0.75 * self.up + 0.55 * back - 0.45 * right
        self.lamp = self.target + _LAMP_DISTANCE * light / np.linalg.norm(light)
        self.lamp_axes = _axes(light, back)

    def focal(self, height: int) -> float:
        """Distance of a picture of that height, pixels."""
        return 0.5 * height / float(np.tan(self.angle / 2))


def _axes(back: FloatArray, up: FloatArray) -> FloatArray:
    back = back / np.linalg.norm(back)
    # where up points at the camera, or away from it, the fingers point up in the picture
    right = np.cross(up if abs(back @ up) < 0.99 * np.linalg.norm(up) else (1.0, 0.0, 0.0), back)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(back, right), back])
