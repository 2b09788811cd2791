"""Pictures of the hand, the same on every machine: rays cast by MuJoCo on the processor, shaded in numpy.

MuJoCo's own renderer needs OpenGL, which servers and containers often lack. Its ray caster needs nothing, knows every
kind of geom, and is fast enough for films of small pictures.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import mujoco
import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import BoolArray, FloatArray, Vector
from dexndm_gym.checks import Bound, Checked
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.hand.model import joint_indices
from dexndm_gym.objects.object_choice import Choice, the_object
from dexndm_gym.objects.scene_model import OBJECT_BODY, build_spec, object_indices

SUPERSAMPLING = 2
"""Rays along each side of a pixel on an edge; elsewhere one ray is enough."""

_EDGE = 0.06  # difference of color, of 0..1, that makes an edge
_AMBIENT, _DIFFUSE, _SPECULAR, _SHININESS = 0.50, 0.48, 0.13, 20
_LIGHT_DISTANCE = 1.0
_SKY = np.array([[0.86, 0.89, 0.93], [0.985, 0.985, 0.99]])  # top, bottom
_OBJECT_GROUP = 3


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


class HandRenderer:
    """Draws one hand with the object in it; keeps one compiled model per object."""

    def __init__(
        self,
        *,
        width: int = 320,
        height: int = 240,
        camera: str | Camera = "front",
        up: Vector = (0.0, 0.0, 1.0),
        see_through: float = 0.0,
    ) -> None:
        """Choose what pictures look like.

        Args:
            width: of the picture, pixels.
            height: of the picture, pixels.
            camera: name of a camera, or one of your own.
            up: direction that is up in the picture and that the light comes from, hand frame.
            see_through: how much of the object shows through the fingers before it, 0 to 1.

        Raises:
            ConfigurationError: there is no such camera.
        """
        camera = find_camera(camera)
        self._width, self._height, self._see_through = width, height, see_through
        self._eye, self._up = np.array(camera.eye), np.array(up)
        back = self._eye - camera.target
        back /= np.linalg.norm(back)
        # where up points at the camera, or away from it, the fingers point up in the picture
        right = np.cross(self._up if abs(back @ self._up) < 0.99 else (1.0, 0.0, 0.0), back)
        right /= np.linalg.norm(right)
        self._axes = np.stack([right, np.cross(back, right), back])
        light = 0.75 * self._up + 0.55 * back - 0.45 * right
        self._light = np.array(camera.target) + _LIGHT_DISTANCE * light / np.linalg.norm(light)
        self._focal = 0.5 * height / np.tan(np.radians(camera.angle) / 2)
        y, x = np.mgrid[0:height, 0:width]
        self._pixels = np.stack([x.ravel() + 0.5, y.ravel() + 0.5], axis=1)
        self._scenes: dict[str, tuple[mujoco.MjModel, mujoco.MjData]] = {}

    def draw(self, position: FloatArray, object_pose: FloatArray | None, item: Choice) -> npt.NDArray[np.uint8]:
        """Draw one hand.

        Args:
            position: joint angles, (16,), rad.
            object_pose: (7,), hand frame, m and quaternion w x y z; None leaves the object out of the picture.
            item: the object, by name or itself.

        Returns:
            (height, width, 3), RGB.
        """
        scene = self._pose(position, object_pose, item)
        groups = np.ones(6, dtype=np.uint8)
        groups[_OBJECT_GROUP] = object_pose is not None
        picture = self._smooth(scene, groups)
        if self._see_through > 0.0 and object_pose is not None:
            alone = self._smooth(scene, np.arange(6) == _OBJECT_GROUP)
            there = self._trace(scene, np.arange(6) == _OBJECT_GROUP, self._pixels)[1] >= 0
            picture[there] += self._see_through * (alone - picture)[there]
        return (picture.reshape(self._height, self._width, 3) * 255.0 + 0.5).astype(np.uint8)

    def _pose(
        self, position: FloatArray, object_pose: FloatArray | None, item: Choice
    ) -> tuple[mujoco.MjModel, mujoco.MjData]:
        key = item if isinstance(item, str) else item.fingerprint
        if key not in self._scenes:
            model = build_spec(None, visual=True, first_object=the_object(item)).compile()
            model.geom_group[model.geom_bodyid == model.body(OBJECT_BODY).id] = _OBJECT_GROUP
            self._scenes[key] = (model, mujoco.MjData(model))
        model, data = self._scenes[key]
        data.qpos[joint_indices(model)[0]] = position
        if object_pose is not None:
            data.qpos[object_indices(model)[0]] = object_pose
        mujoco.mj_kinematics(model, data)
        return model, data

    def _smooth(self, scene: tuple[mujoco.MjModel, mujoco.MjData], groups: npt.NDArray[Any]) -> FloatArray:
        """Colors of all pixels, (height * width, 3), 0..1; those on edges are the mean of several rays."""
        colors = self._trace(scene, groups, self._pixels)[0]
        grid = colors.reshape(self._height, self._width, 3)
        edge = np.zeros(grid.shape[:2], dtype=np.bool_)
        down = np.abs(np.diff(grid, axis=0)).max(axis=2) > _EDGE
        across = np.abs(np.diff(grid, axis=1)).max(axis=2) > _EDGE
        edge[1:] |= down
        edge[:-1] |= down
        edge[:, 1:] |= across
        edge[:, :-1] |= across
        on_edge = np.flatnonzero(edge)
        offsets = (np.mgrid[0:SUPERSAMPLING, 0:SUPERSAMPLING].reshape(2, 1, -1) + 0.5) / SUPERSAMPLING - 0.5
        finer = (self._pixels[on_edge].T[:, :, None] + offsets).reshape(2, -1).T
        if len(finer):
            colors[on_edge] = self._trace(scene, groups, finer)[0].reshape(len(on_edge), -1, 3).mean(axis=1)
        return colors

    def _trace(
        self, scene: tuple[mujoco.MjModel, mujoco.MjData], groups: npt.NDArray[Any], pixels: FloatArray
    ) -> tuple[FloatArray, npt.NDArray[np.int32]]:
        """What is seen at points (k, 2) of the picture: colors (k, 3), 0..1, and geoms (k,), -1 for none."""
        x, y = (pixels[:, 0] - self._width / 2) / self._focal, (self._height / 2 - pixels[:, 1]) / self._focal
        rays = np.stack([x, y, np.full_like(x, -1.0)], axis=1) @ self._axes
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        distance, geom, normal = _cast(scene, self._eye, rays, groups)
        share = (pixels[:, 1:] / self._height).clip(0.0, 1.0)
        colors = _SKY[0] * (1.0 - share) + _SKY[1] * share
        hit = np.flatnonzero(geom >= 0)
        if len(hit):
            points = self._eye + distance[hit, None] * rays[hit]
            # A ray from the light that ends at the surface itself meets nothing before its end.
            reach = _cast(scene, self._light, points - self._light, groups)[0]
            lit = reach > 1.0 - 0.002 / _LIGHT_DISTANCE
            paint = scene[0].geom_rgba[geom[hit], :3]
            colors[hit] = self._shade(points, normal[hit], rays[hit], paint, lit)
        return colors, geom

    def _shade(
        self, points: FloatArray, normal: FloatArray, rays: FloatArray, paint: FloatArray, lit: BoolArray
    ) -> FloatArray:
        """Colors of surfaces, (k, 3): a light with its highlight and shadow, more from above than from below."""
        light = self._light - points
        light /= np.linalg.norm(light, axis=1, keepdims=True)
        half = light - rays
        half /= np.linalg.norm(half, axis=1, keepdims=True)
        diffuse = lit * np.maximum(np.sum(normal * light, axis=1), 0.0)
        glance = lit * np.maximum(np.sum(normal * half, axis=1), 0.0) ** _SHININESS
        brightness = _AMBIENT * (0.75 + 0.25 * normal @ self._up) + _DIFFUSE * diffuse
        return np.clip(paint * brightness[:, None] + _SPECULAR * glance[:, None], 0.0, 1.0)


def _cast(
    scene: tuple[mujoco.MjModel, mujoco.MjData], origin: FloatArray, rays: FloatArray, groups: npt.NDArray[Any]
) -> tuple[FloatArray, npt.NDArray[np.int32], FloatArray]:
    """Cast rays (k, 3) from a point at the geoms of the groups.

    Returns:
        Distance (k,) in lengths of the ray, infinite where it meets nothing; geom (k,), -1 for none; normal (k, 3).
    """
    k = len(rays)
    geom, distance, normal = np.empty(k, dtype=np.int32), np.empty(k), np.empty(3 * k)
    far = 1e3
    mujoco.mj_multiRay(
        *scene, origin, np.ascontiguousarray(rays).ravel(), groups.astype(np.uint8), True, -1, geom, distance, normal,
        k, far,
    )  # fmt: skip
    return np.where(geom >= 0, distance, np.inf), geom, normal.reshape(k, 3)
