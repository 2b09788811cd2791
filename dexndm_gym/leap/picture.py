"""Pictures of the hand without a graphics library: ray casting in numpy, the same on every machine.

MuJoCo's own renderer needs OpenGL, which servers and containers often lack. The hand and its objects are boxes,
spheres, capsules, cylinders and ellipsoids, each of which a ray meets in closed form, so a small picture takes tens
of milliseconds. The object is striped so that its turning can be seen.
"""

from dataclasses import dataclass
from functools import reduce

import mujoco
import numpy as np
import numpy.typing as npt

from dexndm_gym.leap.joints import FloatArray
from dexndm_gym.leap.model import OBJECT_BODY, build_spec, joint_indices, object_indices
from dexndm_gym.leap.objects import get_object
from dexndm_gym.leap.rays import Array, NormalAt, cast, dot

SUPERSAMPLING = 2
"""Rays per pixel along each side; their mean smooths the edges."""

_LIGHT = np.array([0.25, -0.45, 0.86], dtype=np.float32) / np.float32(np.sqrt(0.25**2 + 0.45**2 + 0.86**2))
_AMBIENT, _DIFFUSE, _SPECULAR, _SHININESS = 0.45, 0.60, 0.20, 16
_SKY = np.array([[0.80, 0.84, 0.89], [0.97, 0.975, 0.98]], dtype=np.float32)  # top, bottom
_STRIPE = np.array([[0.99], [0.82], [0.45]], dtype=np.float32)
_SECTORS = 8


@dataclass(frozen=True, kw_only=True)
class Camera:
    """Where from, and what at."""

    eye: tuple[float, float, float] = (0.19, -0.24, 0.40)
    """Position in the hand frame, m."""

    target: tuple[float, float, float] = (-0.012, 0.006, 0.066)
    """Point in the middle of the picture, hand frame, m."""

    angle: float = 26.0
    """Vertical angle of view, deg."""


class HandPainter:
    """Draws one hand with the object in it; keeps one compiled model per object."""

    def __init__(
        self,
        *,
        width: int = 320,
        height: int = 240,
        camera: Camera | None = None,
        up: tuple[float, float, float] = (0.0, 0.0, 1.0),
    ) -> None:
        """Choose picture size in pixels, camera, and the direction that is up in the picture, hand frame."""
        camera = camera or Camera()
        self._width, self._height = width * SUPERSAMPLING, height * SUPERSAMPLING
        self._up = np.array(up, dtype=np.float32)
        self._eye = np.array(camera.eye, dtype=np.float32)
        back = self._eye - np.array(camera.target, dtype=np.float32)
        back /= np.linalg.norm(back)
        right = np.cross(self._up, back)
        right /= np.linalg.norm(right)
        self._axes = np.stack([right, np.cross(back, right), back]).astype(np.float32)
        self._focal = float(0.5 * self._height / np.tan(np.radians(camera.angle) / 2))
        self._rays = self._cast_rays()
        self._scenes: dict[str, tuple[mujoco.MjModel, mujoco.MjData]] = {}
        self._palm: tuple[Array, Array] | None = None

    def draw(self, position: FloatArray, object_pose: FloatArray | None, item: str) -> npt.NDArray[np.uint8]:
        """Draw one hand.

        Args:
            position: joint angles, (16,), rad.
            object_pose: (7,), hand frame, m and quaternion w x y z; None leaves the object out of the picture.
            item: name of the object.

        Returns:
            (height, width, 3), RGB.
        """
        model, data = self._pose(position, object_pose, item)
        palm, thing = model.body("palm").id, model.body(OBJECT_BODY).id
        if self._palm is None:  # it never moves: drawn once, under everything else
            self._palm = self._blank()
            self._add(self._palm, model, data, model.geom_bodyid == palm)
        distance, colour = self._palm[0].copy(), self._palm[1].copy()
        left_out = (palm,) if object_pose is not None else (palm, thing)
        self._add((distance, colour), model, data, ~np.isin(model.geom_bodyid, left_out))
        np.clip(colour, 0.0, 1.0, out=colour)
        parts = [colour[:, i::SUPERSAMPLING, j::SUPERSAMPLING] for i, j in np.ndindex(SUPERSAMPLING, SUPERSAMPLING)]
        return (reduce(np.add, parts) * (255.0 / len(parts)) + 0.5).astype(np.uint8).transpose(1, 2, 0)

    def _cast_rays(self) -> Array:
        """Unit vectors through all pixels, (3, height, width)."""
        x = (np.arange(self._width) + 0.5 - self._width / 2) / self._focal
        y = (self._height / 2 - np.arange(self._height) - 0.5) / self._focal
        rays = np.stack(np.broadcast_arrays(x[None, :], y[:, None], -1.0))
        rays = np.tensordot(self._axes.T, rays / np.linalg.norm(rays, axis=0), axes=1)
        return np.ascontiguousarray(rays, dtype=np.float32)

    def _pose(
        self, position: FloatArray, object_pose: FloatArray | None, item: str
    ) -> tuple[mujoco.MjModel, mujoco.MjData]:
        if item not in self._scenes:
            model = build_spec(None, timestep=0.01, visual=True, first_object=get_object(item)).compile()
            self._scenes[item] = (model, mujoco.MjData(model))
        model, data = self._scenes[item]
        joints, _ = joint_indices(model)
        data.qpos[joints] = position
        if object_pose is not None:
            data.qpos[object_indices(model)[0]] = object_pose
        mujoco.mj_kinematics(model, data)
        return model, data

    def _blank(self) -> tuple[Array, Array]:
        """Distance to what is seen, (height, width), and its colour, (3, height, width): nothing yet but the sky."""
        share = np.linspace(0.0, 1.0, self._height, dtype=np.float32)[:, None]
        sky = _SKY[0, :, None, None] * (1.0 - share) + _SKY[1, :, None, None] * share
        colour = np.broadcast_to(sky, (3, self._height, self._width)).astype(np.float32)
        return np.full((self._height, self._width), np.inf, dtype=np.float32), colour

    def _add(
        self, canvas: tuple[Array, Array], model: mujoco.MjModel, data: mujoco.MjData, which: npt.NDArray[np.bool_]
    ) -> None:
        """Draw those geoms where they are nearer than what is there."""
        distance, colour = canvas
        # First find out which geom is seen where, then shade each pixel once.
        seen = np.full(distance.shape, -1, dtype=np.int64)
        normals: dict[int, NormalAt] = {}
        for geom in np.flatnonzero(which).tolist():
            window = self._window(data.geom_xpos[geom], float(model.geom_rbound[geom]))
            if window is None:
                continue
            frame, origin = self._view(data, geom)
            rays = np.tensordot(frame.T, self._rays[(slice(None), *window)], axes=1)
            kind = mujoco.mjtGeom(model.geom_type[geom]).name
            size = _faces(model, geom) if kind == "mjGEOM_MESH" else model.geom_size[geom]
            reach, normals[geom] = cast(kind, size.astype(np.float32), origin, rays)
            nearer = reach < distance[window]
            np.copyto(distance[window], reach, where=nearer)
            np.copyto(seen[window], geom, where=nearer)
        shaded = np.flatnonzero(seen >= 0)
        shaded = shaded[np.argsort(seen.ravel()[shaded], kind="stable")]
        geoms, first = np.unique(seen.ravel()[shaded], return_index=True)
        thing = model.body(OBJECT_BODY)
        primitive = (model.geom_bodyid[model.geom_group == 0] == thing.id).sum() == 1
        striped = thing.geomadr[0] if primitive else None
        for geom, pixels in zip(geoms.tolist(), np.split(shaded, first)[1:], strict=True):
            frame, origin = self._view(data, geom)
            rays = frame.T @ self._rays.reshape(3, -1)[:, pixels]
            point = origin[:, None] + distance.ravel()[pixels] * rays
            paint = np.broadcast_to(model.geom_rgba[geom, :3, None].astype(np.float32), point.shape)
            if geom == striped:
                paint = _stripes(point, paint)
            lights = np.stack([_LIGHT, self._up]) @ frame
            colour.reshape(3, -1)[:, pixels] = _shade(lights, normals[geom](point), rays, paint)

    def _view(self, data: mujoco.MjData, geom: int) -> tuple[Array, Array]:
        """Orientation of a geom, and the eye in its frame."""
        frame = data.geom_xmat[geom].reshape(3, 3).astype(np.float32)
        return frame, (self._eye - data.geom_xpos[geom].astype(np.float32)) @ frame

    def _window(self, centre: FloatArray, radius: float) -> tuple[slice, slice] | None:
        """The rows and columns that a sphere can be seen in; None where that is nowhere."""
        right, up, back = (self._axes @ (centre - self._eye)).tolist()
        depth = -back
        if depth <= 1.2 * radius:
            return None
        reach = self._focal * radius / (depth - radius)
        x, y = self._width / 2 + self._focal * right / depth, self._height / 2 - self._focal * up / depth
        rows = slice(max(int(y - reach), 0), min(int(y + reach) + 2, self._height))
        columns = slice(max(int(x - reach), 0), min(int(x + reach) + 2, self._width))
        return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


def _faces(model: mujoco.MjModel, geom: int) -> FloatArray:
    """Planes of a convex mesh: outward normals and distances from the origin of its frame, (k, 4)."""
    mesh = model.mesh(model.geom_dataid[geom])
    first, count = int(mesh.faceadr[0]), int(mesh.facenum[0])
    vertices = model.mesh_vert[int(mesh.vertadr[0]) :]
    a, b, c = vertices[model.mesh_face[first : first + count]].transpose(1, 0, 2).astype(np.float64)
    normal = np.cross(b - a, c - a)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return np.column_stack([normal, np.sum(normal * a, axis=1)])


def _shade(lights: Array, normal: Array, rays: Array, paint: Array) -> Array:
    """Colour of a surface, (3, k): a light and its highlight, and some more from above than from below.

    Args:
        lights: directions to the light and upwards, (2, 3), in the frame of the shape, as everything here.
        normal: normals of any length, (3, k).
        rays: directions of view, (3, k).
        paint: its own colour, (3, k).
    """
    normal = normal / (np.sqrt(dot(normal, normal)) + np.float32(1e-9))
    light, up = lights[0][:, None], lights[1][:, None]
    half = light - rays
    glance = np.maximum(dot(normal, half), 0.0) / np.sqrt(dot(half, half))
    brightness = _AMBIENT * (0.75 + 0.25 * dot(normal, up)) + _DIFFUSE * np.maximum(dot(normal, light), 0.0)
    return paint * brightness + _SPECULAR * glance**_SHININESS


def _stripes(point: Array, paint: Array) -> Array:
    """Sectors about the object's z axis in two colours."""
    sector = np.floor(np.arctan2(point[1], point[0]) * (_SECTORS / (2 * np.pi))).astype(np.int64)
    return np.where(sector % 2 == 0, _STRIPE, paint)
