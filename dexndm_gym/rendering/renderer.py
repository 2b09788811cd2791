"""Pictures of the hand, the same on every machine; they need no graphics library."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import FloatArray, IntArray, Vector
from dexndm_gym.objects.object_choice import Choice
from dexndm_gym.objects.scene_model import OBJECT_BODY
from dexndm_gym.rendering.camera import Camera, View, find_camera
from dexndm_gym.rendering.hand_parts import Part, hand_parts
from dexndm_gym.rendering.rasterizer import depths, project, shade
from dexndm_gym.rendering.scene import HandPose, object_parts, rotations
from dexndm_gym.rendering.surfaces import Surface

SAMPLES = 2
"""Along each side of a pixel."""

SKY = np.array([[0.86, 0.89, 0.93], [0.985, 0.985, 0.99]])
"""Colors of the background, top and bottom."""

_LAMP_PIXELS, _LAMP_REACH = 640, 0.21
"""Size of the shadows' map, and the radius that it covers, m."""


class HandRenderer:
    """Draws one hand with the object in it; keeps the surfaces of each object that it has drawn."""

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
        self._view = View(find_camera(camera), up)
        self._width, self._height, self._see_through = width, height, see_through
        self._pose = HandPose()
        self._hand = _Pieces(hand_parts(), self._pose.bodies)
        self._objects: dict[str, _Pieces] = {}

    def draw(self, position: FloatArray, object_pose: FloatArray | None, item: Choice) -> npt.NDArray[np.uint8]:
        """Draw one hand.

        Args:
            position: joint angles, (16,), rad.
            object_pose: (7,), hand frame, m and quaternion w x y z; None leaves the object out of the picture.
            item: the object, by name or itself.

        Returns:
            (height, width, 3), RGB.
        """
        parts = self._hand.at(self._pose.at(position))
        if object_pose is None:
            return _as_bytes(self._paint(parts))
        thing = self._object(item).at(np.asarray(object_pose)[None])
        picture = self._paint(parts.with_others(thing))
        if self._see_through > 0.0:
            alone = self._paint(thing)
            picture += self._see_through * alone[..., 3:] * (alone - picture)
        return _as_bytes(picture)

    def _object(self, item: Choice) -> "_Pieces":
        key = item if isinstance(item, str) else item.fingerprint
        if key not in self._objects:
            self._objects[key] = _Pieces(object_parts(item), (OBJECT_BODY,))
        return self._objects[key]

    def _paint(self, posed: "_Posed") -> FloatArray:
        """Red, green, blue, and what is not sky, 0 to 1, (height, width, 4)."""
        view, width, height = self._view, SAMPLES * self._width, SAMPLES * self._height
        surface = posed.surface
        seen = project(surface.vertices, view.eye, view.axes, view.focal(height), width, height)
        _, face, shares = depths(seen, surface.faces, width, height)
        lamp_focal = 0.5 * _LAMP_PIXELS * float(np.linalg.norm(view.lamp - view.target)) / _LAMP_REACH
        lit = project(surface.vertices, view.lamp, view.lamp_axes, lamp_focal, _LAMP_PIXELS, _LAMP_PIXELS)
        lamp_near, _, _ = depths(lit, surface.faces, _LAMP_PIXELS, _LAMP_PIXELS)
        return shade(
            face, shares, surface.vertices, surface.normals, surface.faces, posed.part, posed.paint, view.eye, view.up,
            view.lamp, view.lamp_axes, lamp_focal, lamp_near, SAMPLES, SKY,
        )  # fmt: skip


class _Posed(NamedTuple):
    """A surface, ready to be drawn."""

    surface: Surface
    part: IntArray
    """Which part each triangle belongs to, (f,)."""
    paint: FloatArray
    """Colors of the parts, (parts, 3), 0 to 1."""

    def with_others(self, other: "_Posed") -> "_Posed":
        """Together with another."""
        return _Posed(
            Surface.joined([self.surface, other.surface]),
            np.concatenate([self.part, other.part + len(self.paint)]),
            np.concatenate([self.paint, other.paint]),
        )


class _Pieces:
    """Parts as one surface that can be posed."""

    def __init__(self, parts: list[Part], bodies: tuple[str, ...]) -> None:
        self._rest = Surface.joined([part.surface for part in parts])
        self._body = np.concatenate([np.full(len(p.surface.vertices), bodies.index(p.body)) for p in parts])
        self._part = np.concatenate([np.full(len(part.surface.faces), i) for i, part in enumerate(parts)])
        self._paint = np.array([part.color for part in parts])

    def at(self, poses: FloatArray) -> _Posed:
        """The surface with the bodies at poses (bodies, 7)."""
        turn = rotations(poses[:, 3:])[self._body]
        vertices = np.einsum("vij,vj->vi", turn, self._rest.vertices) + poses[self._body, :3]
        surface = Surface(vertices, np.einsum("vij,vj->vi", turn, self._rest.normals), self._rest.faces)
        return _Posed(surface, self._part, self._paint)


def _as_bytes(picture: FloatArray) -> npt.NDArray[np.uint8]:
    return (picture[..., :3] * 255.0 + 0.5).astype(np.uint8)
