"""The hand and its object in three dimensions, with gravity and the axis to turn about."""

from collections.abc import Mapping

import numpy as np
import viser

from dexndm_gym.objects.object_choice import Choice
from dexndm_gym.rendering.hand_parts import Part, hand_parts
from dexndm_gym.rendering.scene import HandPose, object_parts, rotations
from dexndm_gym.rendering.surfaces import Surface, arc, cone, prism
from dexndm_gym.viewer.gltf import glb, has_object
from dexndm_gym.viewer.snapshot import Snapshot

Place = tuple[float, float, float]
"""A point in the world frame, m."""

CAMERAS: dict[str, tuple[Place, Place]] = {
    "Front": ((0.27, -0.36, 0.30), (0.0, 0.0, 0.05)),
    "Top": ((-0.02, -0.03, 0.56), (0.0, 0.0, 0.05)),
    "Fingertips": ((0.50, 0.02, 0.14), (0.0, 0.0, 0.05)),
    "Thumb": ((-0.04, 0.48, 0.16), (0.0, 0.0, 0.05)),
    "Below": ((0.16, -0.28, -0.30), (0.0, 0.0, 0.05)),
}
"""Views by name: position and what is in the middle, world frame, m."""

_FIELD_OF_VIEW = 0.70  # rad
_PHONE_SHIFT = 0.5
"""How far above the middle of a phone the hand is, as a share of half its height."""
_GROUND = -0.17
_GRAVITY_COLOR, _AXIS_COLOR = (0.38, 0.44, 0.54), (0.06, 0.60, 0.50)
_GRAVITY_PLACE = (-0.14, -0.10, 0.12)
_HAND, _OBJECT, _AXIS = "/hand", "/hand/object", "/axis"


class SceneView:
    """Keeps the scene of all viewers as the latest snapshot says."""

    def __init__(self, server: viser.ViserServer, items: Mapping[str, Choice]) -> None:
        """Build the scene.

        Args:
            server: the page.
            items: objects by name, where they are none of the built-in ones.
        """
        self._server, self._items, self._pose = server, items, HandPose()
        _set_stage(server)
        self._hand = server.scene.add_frame(_HAND, show_axes=False)
        parts = hand_parts()
        self._bodies = [
            server.scene.add_glb(f"{_HAND}/{body}", glb([part for part in parts if part.body == body]))
            for body in self._pose.bodies
        ]
        self._object: viser.GlbHandle | None = None
        self._shown = ""
        self._axis = server.scene.add_glb(_AXIS, glb(_axis_parts()), visible=False, cast_shadow=False)
        server.scene.add_glb("/gravity", glb(_gravity_parts()), position=_GRAVITY_PLACE, cast_shadow=False)
        server.scene.add_label("/gravity/label", "gravity", position=(0.0, 0.0, 0.012))
        self.look("Front")

    def look(self, camera: str, client: viser.ClientHandle | None = None) -> None:
        """Look from a camera of ``CAMERAS``: one viewer, or all that come later."""
        position, target = CAMERAS[camera]
        if client is None:
            self._server.initial_camera.position, self._server.initial_camera.look_at = position, target
            self._server.initial_camera.fov, self._server.initial_camera.up = _FIELD_OF_VIEW, (0.0, 0.0, 1.0)
            return
        angle = _FIELD_OF_VIEW
        if client.camera.aspect < 1.0:
            angle, target = on_a_phone(client.camera.aspect, position, target)
        with client.atomic():
            client.camera.up_direction = (0.0, 0.0, 1.0)
            client.camera.position, client.camera.look_at = position, target
            client.camera.fov = angle

    def show(self, snapshot: Snapshot) -> None:
        """Move everything to where it is."""
        self._take_object(snapshot.object)
        poses = self._pose.at(snapshot.position)
        with self._server.atomic():
            self._hand.wxyz = snapshot.wrist
            for body, pose in zip(self._bodies, poses, strict=True):
                body.position, body.wxyz = pose[:3], pose[3:]
            seen = has_object(snapshot)
            if self._object is not None:
                self._object.visible = seen
                if seen:
                    self._object.position, self._object.wxyz = snapshot.object_pose[:3], snapshot.object_pose[3:]
            self._show_axis(snapshot, seen)

    def _take_object(self, name: str) -> None:
        if name == self._shown:
            return
        if self._object is not None:
            self._object.remove()
        self._shown, self._object = name, None
        if name not in ("", "none"):
            parts = object_parts(self._items.get(name, name))
            self._object = self._server.scene.add_glb(_OBJECT, glb(parts), visible=False)

    def _show_axis(self, snapshot: Snapshot, seen: bool) -> None:
        self._axis.visible = seen and bool(np.isfinite(snapshot.axis).all())
        if self._axis.visible:
            turn = rotations(snapshot.wrist[None])[0]
            self._axis.position = turn @ snapshot.object_pose[:3]
            self._axis.wxyz = _turn_z_to(snapshot.axis)


def on_a_phone(aspect: float, position: Place, target: Place) -> tuple[float, Place]:
    """Field of view, rad, and what is in the middle, for a window that is higher than wide.

    The hand is in its upper part: controls cover the lower one.
    """
    angle = 2.0 * np.arctan(np.tan(0.5 * _FIELD_OF_VIEW) / aspect)
    distance = np.linalg.norm(np.subtract(position, target))
    return float(angle), (target[0], target[1], target[2] - float(_PHONE_SHIFT * np.tan(0.5 * angle) * distance))


def _set_stage(server: viser.ViserServer) -> None:
    """Background, light and ground."""
    scene = server.scene
    scene.set_up_direction("+z")
    scene.configure_environment_map(None)
    scene.configure_default_lights(enabled=False)
    scene.add_light_hemisphere("/lights/sky", sky_color=(255, 255, 255), ground_color=(170, 178, 190), intensity=1.7)
    scene.add_light_directional(
        "/lights/lamp", color=(255, 250, 242), intensity=2.2, cast_shadow=True, position=(0.35, -0.25, 0.9)
    )
    scene.add_light_directional("/lights/fill", color=(215, 228, 255), intensity=0.6, position=(-0.6, 0.5, 0.4))
    scene.add_grid(
        "/ground",
        infinite_grid=True,
        cell_size=0.05,
        section_size=0.25,
        cell_color=(222, 227, 233),
        section_color=(200, 207, 216),
        cell_thickness=0.6,
        section_thickness=0.9,
        fade_distance=2.2,
        shadow_opacity=0.22,
        plane_color=(246, 248, 250),
        plane_opacity=1.0,
        position=(0.0, 0.0, _GROUND),
    )
    fade = np.linspace(0.0, 1.0, 256)[:, None]
    colors = (1.0 - fade) * [219, 226, 236] + fade * [250, 251, 252]
    scene.set_background_image(np.repeat(colors[:, None], 4, axis=1).astype(np.uint8), format="png")


def _gravity_parts() -> list[Part]:
    shaft = prism([0.0, 0.0], radius=0.0028, half=0.030, edge=0.001).moved([0.0, 0.0, -0.030])
    head = cone(0.0080, 0.020).moved([0.0, 0.0, -0.058], np.diag([1.0, -1.0, -1.0]))
    return [Part("gravity", surface, _GRAVITY_COLOR) for surface in (shaft, head)]


def _axis_parts() -> list[Part]:
    """An arrow along z, and rings around both ends, one of which is in sight, with heads that say which way to turn."""
    shaft = prism([0.0, 0.0], radius=0.0022, half=0.075, edge=0.001)
    head = cone(0.0070, 0.018).moved([0.0, 0.0, 0.073])
    surfaces = [shaft, head, *_ring(0.062), *_ring(-0.062)]
    return [Part("axis", surface, _AXIS_COLOR) for surface in surfaces]


def _ring(height: float) -> tuple[Surface, Surface]:
    """Three quarters of a ring around z at some height, and the head of an arrow at its end."""
    angle, radius = 1.5 * np.pi, 0.024
    out = np.array([np.cos(angle), np.sin(angle), 0.0])
    forward = np.array([-np.sin(angle), np.cos(angle), 0.0])
    point = cone(0.0055, 0.013).moved(
        radius * out + [0.0, 0.0, height] - 0.001 * forward, np.stack([out, np.cross(forward, out), forward], axis=1)
    )
    return arc(radius, 0.0018, angle).moved([0.0, 0.0, height]), point


def _turn_z_to(direction: np.ndarray) -> np.ndarray:
    """Quaternion w x y z of the shortest turn from z to a unit vector."""
    x, y, z = direction
    if z < -1.0 + 1e-9:
        return np.array([0.0, 1.0, 0.0, 0.0])
    quat = np.array([1.0 + z, -y, x, 0.0])
    return quat / np.linalg.norm(quat)
