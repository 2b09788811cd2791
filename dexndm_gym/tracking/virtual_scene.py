"""What a virtual camera looks at: the hand with its card, and an object with tags on it.

The panels are met by one ray per sample, so that their tags are where they should be to a small part of a pixel. The
hand's parts only hide what is behind them: each is one gray outline, drawn in the order of the parts' distances.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import mujoco
import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import FloatArray
from dexndm_gym.hand.model import build_hand, joint_indices
from dexndm_gym.tracking.camera import Lens, Picture
from dexndm_gym.tracking.panel_picture import panel_picture
from dexndm_gym.tracking.tags import Panel, TagLayout

Vector = tuple[float, float, float]
_Array = npt.NDArray[np.float32]
_Numbers = npt.NDArray[np.floating]
_Met = tuple[_Numbers, _Numbers, _Numbers]

SAMPLES = 2
"""Samples along each side of a pixel."""

_TEXTURE = 3500.0  # pixels per m of panel: as coarse as the samples, so that these leave nothing out
_BACKGROUND, _HAND_GRAY = (95.0, 150.0), (70, 190)
_DARKEST, _LIT = 0.55, 0.45
_EDGE = np.array([(x, y) for x in np.linspace(-0.5, 0.5, 25) for y in (-0.5, 0.5)])


@dataclass(frozen=True, kw_only=True)
class View:
    """Where a camera stands, hand frame."""

    eye: Vector = (-0.150, 0.030, 0.360)
    """m."""
    target: Vector = (-0.065, 0.045, 0.040)
    """Point in the middle of the picture, m."""

    @property
    def rotation(self) -> FloatArray:
        """From the hand frame to the camera's (x right, y down, z forward), (3, 3); fingertips point up in pictures."""
        forward = np.subtract(self.target, self.eye)
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, (1.0, 0.0, 0.0))
        right /= np.linalg.norm(right)
        return np.stack([right, np.cross(forward, right), forward])


class VirtualScene:
    """The hand as one camera sees it."""

    def __init__(self, lens: Lens, view: View, base: TagLayout) -> None:
        """Set up the hand, its card and the rays of the camera."""
        self._lens, self._rotation, self._eye = lens.finer(SAMPLES), view.rotation, np.array(view.eye)
        self._model = build_hand(None, timestep=0.01).compile()
        self._data = mujoco.MjData(self._model)
        self._joints = joint_indices(self._model)[0]
        self._outlines = [_outline(self._model, geom) for geom in range(self._model.ngeom)]
        self._ends = np.cumsum([len(outline) for outline in self._outlines])[:-1]
        bright = self._model.geom_rgba[:, :3].mean(axis=1)
        self._grays = _HAND_GRAY[0] + (_HAND_GRAY[1] - _HAND_GRAY[0]) * bright
        self._is_palm = self._model.geom_bodyid == self._model.body("palm").id
        self._rays = self._make_rays()
        self._still = self._draw_background(base)

    def draw(self, position: FloatArray, item: TagLayout | None, pose: FloatArray | None) -> Picture:
        """The scene with SAMPLES x SAMPLES samples per pixel.

        Args:
            position: joint angles, (16,), rad.
            item: tags on the object; None for the empty hand.
            pose: of the object, (7,), m and quaternion w x y z, hand frame.
        """
        picture = self._still.copy()
        self._data.qpos[self._joints] = position
        mujoco.mj_kinematics(self._model, self._data)
        centers, parts = (self._data.geom_xpos - self._eye) @ self._rotation.T, self._parts()
        there = item is not None and pose is not None and np.isfinite(pose).all()
        distance = float(((pose[:3] - self._eye) @ self._rotation.T)[2]) if there and pose is not None else np.inf
        order = [geom for geom in np.argsort(-centers[:, 2]) if not self._is_palm[geom]]
        for geom in (part for part in order if centers[part, 2] >= distance):
            self._draw_part(picture, int(geom), parts[geom])
        if there and item is not None and pose is not None:
            self._draw_panels(picture, item, pose)
        for geom in (part for part in order if centers[part, 2] < distance):
            self._draw_part(picture, int(geom), parts[geom])
        return picture

    def _make_rays(self) -> _Array:
        """Directions of all samples, (rows, columns, 3), hand frame; one unit forward each."""
        height, width = self._lens.height, self._lens.width
        pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).reshape(-1, 2)
        rays = self._lens.directions(pixels.astype(np.float64)) @ self._rotation
        return rays.reshape(height, width, 3).astype(np.float32)

    def _draw_background(self, base: TagLayout) -> Picture:
        height, width = self._rays.shape[:2]
        rng = np.random.default_rng(0)
        clutter = cv2.resize(rng.uniform(*_BACKGROUND, (9, 12)), (width, height), interpolation=cv2.INTER_CUBIC)
        picture = clutter.clip(0, 255).astype(np.uint8)
        mujoco.mj_kinematics(self._model, self._data)
        parts = self._parts()
        for geom in np.flatnonzero(self._is_palm):
            self._draw_part(picture, int(geom), parts[geom])
        self._draw_panels(picture, base, np.array([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]))
        return picture

    def _project(self, points: FloatArray) -> FloatArray:
        """Samples, (k, 2), of points in the hand frame, (k, 3)."""
        return self._lens.project((points - self._eye) @ self._rotation.T)

    def _parts(self) -> list[_Array]:
        """Points whose convex hulls are the hand's parts in the picture, samples."""
        turns = self._data.geom_xmat.reshape(-1, 3, 3)
        points = [p @ turns[i].T + self._data.geom_xpos[i] for i, p in enumerate(self._outlines)]
        return np.split(self._project(np.concatenate(points)).astype(np.float32), self._ends)

    def _draw_part(self, picture: Picture, geom: int, points: _Array) -> None:
        outline = np.rint(cv2.convexHull(points)).astype(np.int32)
        cv2.fillConvexPoly(picture, outline, float(self._grays[geom]), lineType=cv2.LINE_AA)

    def _draw_panels(self, picture: Picture, layout: TagLayout, pose: FloatArray) -> None:
        for panel in layout.panels:
            self.draw_panel(picture, panel, _texture(panel), pose)

    def draw_panel(self, picture: Picture, panel: Panel, texture: Picture, pose: FloatArray) -> None:
        """Draw a panel with its texture, on a body with a pose (7,), m and quaternion w x y z, hand frame."""
        turn = np.empty(9)
        mujoco.mju_quat2Mat(turn, pose[3:])
        turn = turn.reshape(3, 3)
        eye = (self._eye - pose[:3]) @ turn
        if panel.radius is None and np.cross(panel.right, panel.up) @ (eye - panel.center) <= 0.0:
            return  # seen from behind
        samples = self._project(panel.points(_EDGE * (panel.width, panel.height)) @ turn.T + pose[:3])
        (left, top), (right, bottom) = samples.min(axis=0).astype(int), samples.max(axis=0).astype(int)
        window = np.s_[max(top - 1, 0) : max(bottom + 2, 0), max(left - 1, 0) : max(right + 2, 0)]
        rays = self._rays[window] @ turn.astype(np.float32)
        if rays.size:
            _paint(picture[window], panel, texture, eye, rays)


def _paint(picture: Picture, panel: Panel, texture: Picture, eye: FloatArray, rays: _Array) -> None:
    """Draw a panel where rays from a point, both in the frame of the object, meet its outside."""
    x, y, facing = _meet(panel, eye, rays)
    inside = (facing > 0.0) & (np.abs(y) <= panel.height / 2)
    if panel.radius is None:
        inside &= np.abs(x) <= panel.width / 2
    if panel.round:
        inside &= x * x + y * y <= panel.width**2 / 4
    columns = (x / panel.width + 0.5) * texture.shape[1] - 0.5
    rows = (0.5 - y / panel.height) * texture.shape[0] - 0.5
    color = cv2.remap(
        texture, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    shaded = color * (_DARKEST + _LIT * facing)
    picture[inside] = shaded[inside]


@cache
def _texture(panel: Panel) -> Picture:
    return panel_picture(panel, _TEXTURE)


def _meet(panel: Panel, eye: FloatArray, rays: _Array) -> _Met:
    """Where rays meet a panel from outside: x and y on it, m, and the cosine of the angle; below 0: nowhere."""
    right, up = np.array(panel.right, dtype=np.float32), np.array(panel.up, dtype=np.float32)
    out = np.cross(right, up)
    start = (eye - np.array(panel.center)).astype(np.float32)
    length = np.sqrt(np.einsum("ijk,ijk->ij", rays, rays))
    if panel.radius is None:
        toward = rays @ out
        with np.errstate(divide="ignore", invalid="ignore"):
            far = -(start @ out) / toward
        facing = np.where((far > 0.0) & (toward < 0.0), -toward / length, -1.0)
        return far * (rays @ right) + start @ right, far * (rays @ up) + start @ up, facing
    side = np.cross(up, right)
    a, b = rays @ right, rays @ side
    p, q = start @ right, start @ side
    square, half = a * a + b * b, a * p + b * q
    with np.errstate(divide="ignore", invalid="ignore"):
        root = half * half - square * (p * p + q * q - panel.radius**2)
        far = (-half - np.sqrt(np.maximum(root, 0.0))) / square
    along, across = p + far * a, q + far * b
    facing = np.where((root > 0.0) & (far > 0.0), -(along * a + across * b) / (panel.radius * length), -1.0)
    return np.arctan2(across, along) * panel.radius, far * (rays @ up) + start @ up, facing


def _outline(model: mujoco.MjModel, geom: int) -> FloatArray:
    """Points whose convex hull is a geom, (k, 3), m, in its own frame."""
    size = model.geom_size[geom]
    corners = np.array([(x, y, z) for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)])
    if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_BOX:
        return corners * size
    angles = np.linspace(0.0, 2.0 * np.pi, 12, endpoint=False)
    ball = np.concatenate(
        [
            np.column_stack([np.cos(h) * np.cos(angles), np.cos(h) * np.sin(angles), np.full(12, np.sin(h))])
            for h in np.radians([-90.0, -45.0, 0.0, 45.0, 90.0])
        ]
    )
    half = size[1] if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_CAPSULE else 0.0
    return np.concatenate([ball * size[0] + (0.0, 0.0, half), ball * size[0] - (0.0, 0.0, half)])
