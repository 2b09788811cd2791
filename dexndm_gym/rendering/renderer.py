"""Pictures of the hand, the same on every machine; they need no graphics library."""

import numpy as np
import numpy.typing as npt

from dexndm_gym.hand.joints import FloatArray
from dexndm_gym.objects.object_choice import Choice
from dexndm_gym.objects.scene_model import OBJECT_BODY
from dexndm_gym.rendering.camera import Camera, Vector, View, find_camera
from dexndm_gym.rendering.hand_parts import Part, hand_parts
from dexndm_gym.rendering.rasterizer import depths, project, shade
from dexndm_gym.rendering.scene import HandPose, object_parts, rotations
from dexndm_gym.rendering.surfaces import Surface

SUPERSAMPLING = 2
"""Samples along each side of a pixel."""

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
        hand = self._hand.at(self._pose.at(position))
        if object_pose is None:
            return self._finish(self._paint(*hand)[0])
        thing = self._object(item).at(np.asarray(object_pose)[None])
        surface, paint = Surface.joined([hand[0], thing[0]]), np.concatenate([hand[1], thing[1]])
        picture, _ = self._paint(surface, paint)
        if self._see_through > 0.0:
            alone, there = self._paint(*thing)
            picture[there] += self._see_through * (alone - picture)[there]
        return self._finish(picture)

    def _object(self, item: Choice) -> "_Pieces":
        key = item if isinstance(item, str) else item.fingerprint
        if key not in self._objects:
            self._objects[key] = _Pieces(object_parts(item), (OBJECT_BODY,))
        return self._objects[key]

    def _paint(self, surface: Surface, paint: FloatArray) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """Colors, 0..1, and where there is anything but sky, at all samples."""
        view, width, height = self._view, SUPERSAMPLING * self._width, SUPERSAMPLING * self._height
        seen = project(surface.vertices, view.eye, view.axes, view.focal(height), width, height)
        _, face, shares = depths(seen, surface.faces, width, height)
        size = _LAMP_PIXELS
        lamp_focal = 0.5 * size * float(np.linalg.norm(view.lamp - view.target)) / _LAMP_REACH
        lit = project(surface.vertices, view.lamp, view.lamp_axes, lamp_focal, size, size)
        lamp_near, _, _ = depths(lit, surface.faces, size, size)
        fade = np.linspace(0.0, 1.0, height)[:, None, None]
        colors = np.broadcast_to(SKY[0] * (1.0 - fade) + SKY[1] * fade, (height, width, 3)).copy()
        shade(
            colors, face, shares, surface.vertices, surface.normals, surface.faces, paint, view.eye, view.up, view.lamp,
            view.lamp_axes, lamp_focal, lamp_near,
        )  # fmt: skip
        return colors, face >= 0

    def _finish(self, colors: FloatArray) -> npt.NDArray[np.uint8]:
        """One pixel of several samples."""
        s = SUPERSAMPLING
        mean = colors.reshape(self._height, s, self._width, s, 3).mean(axis=(1, 3))
        return (mean * 255.0 + 0.5).astype(np.uint8)


class _Pieces:
    """Parts as one surface that can be posed."""

    def __init__(self, parts: list[Part], bodies: tuple[str, ...]) -> None:
        self._rest = Surface.joined([part.surface for part in parts])
        self._body = np.concatenate([np.full(len(p.surface.vertices), bodies.index(p.body)) for p in parts])
        self._paint = np.concatenate([np.tile(p.color, (len(p.surface.faces), 1)) for p in parts])

    def at(self, poses: FloatArray) -> tuple[Surface, FloatArray]:
        """The surface with the bodies at poses (bodies, 7), and the colors of its triangles."""
        turn = rotations(poses[:, 3:])[self._body]
        vertices = np.einsum("vij,vj->vi", turn, self._rest.vertices) + poses[self._body, :3]
        return Surface(vertices, np.einsum("vij,vj->vi", turn, self._rest.normals), self._rest.faces), self._paint
