"""Corners of tags to a small part of a pixel: where the lines through their edges meet.

OpenCV's own ways look at the surroundings of a corner, which blur pulls towards the inside of the tag, the more the
smaller it is: a pose comes out millimeters too far away. An edge stays where it is, however blurred.
"""

import cv2
import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.tracking.camera import Lens, Picture

_ALONG = np.linspace(0.12, 0.88, 12)
"""Where along an edge it is looked for; not at its ends, which blur rounds."""

_REACH, _STEP = 0.6, 0.4
"""How far to both sides, in modules; and how far apart the samples are, pixels."""

_SAMPLES = 13


def refined_corners(picture: Picture, corners: FloatArray, lens: Lens, modules: int) -> FloatArray:
    """Corners of tags, sharpened, and with the lens's distortion taken out.

    Args:
        picture: in which they were found.
        corners: roughly, (n, 4, 2), pixels: clockwise.
        lens: of the camera.
        modules: along the side of a tag.

    Returns:
        (n, 4, 2), pixels.
    """
    corners = _crossings(*_edge_points(picture, corners, modules), corners)
    points, weights = _edge_points(picture, corners, modules)
    corners = _crossings(points, weights, corners)
    return _crossings(lens.straightened(points), weights, lens.straightened(corners))


def _edge_points(picture: Picture, corners: FloatArray, modules: int) -> tuple[FloatArray, FloatArray]:
    """Points on the edges, (n, 4, k, 2) pixels, and how much each is worth, (n, 4, k)."""
    ends = np.roll(corners, -1, axis=1)
    along = ends - corners
    length = np.linalg.norm(along, axis=2, keepdims=True)
    outward = np.stack([along[..., 1], -along[..., 0]], axis=2) / length
    reach = np.clip(_REACH * length / modules, 1.5, _STEP * (_SAMPLES // 2))
    offsets = np.linspace(-1.0, 1.0, _SAMPLES) * reach  # (n, 4, s)
    middle = corners[:, :, None] + _ALONG[:, None] * along[:, :, None]
    samples = middle[:, :, :, None] + offsets[:, :, None, :, None] * outward[:, :, None, None]
    x, y = np.moveaxis(samples.reshape(-1, len(_ALONG) * _SAMPLES, 2).astype(np.float32), 2, 0)
    gray = cv2.remap(picture, x, y, cv2.INTER_LINEAR).reshape(samples.shape[:-1]).astype(np.float64)
    # Tags are black on white: outward is brighter, and what is darker there is noise.
    rise = np.maximum(np.diff(gray, axis=3), 0.0)
    total = rise.sum(axis=3)
    between = (offsets[..., 1:] + offsets[..., :-1]) / 2
    where = np.einsum("nekS,neS->nek", rise, between) / np.maximum(total, 1e-9)
    return middle + where[..., None] * outward[:, :, None], total


def _crossings(points: FloatArray, weights: FloatArray, corners: FloatArray) -> FloatArray:
    """Where the lines through the points of neighboring edges meet, (n, 4, 2); corners where they do not."""
    middle = _mean(points, weights)
    normal = _normals(points - middle[:, :, None], weights)
    # Points beside the line, where a finger touches the edge, count less the second time.
    off = np.abs(np.einsum("nekc,nec->nek", points - middle[:, :, None], normal))
    weights = weights / (1.0 + (off / (2.0 * np.median(off, axis=2, keepdims=True) + 1e-3)) ** 2)
    middle = _mean(points, weights)
    normal = _normals(points - middle[:, :, None], weights)
    reach = np.einsum("nec,nec->ne", normal, middle)
    (a, b), (c, d) = np.moveaxis(np.roll(normal, 1, axis=1), 2, 0), np.moveaxis(normal, 2, 0)
    e, f = np.roll(reach, 1, axis=1), reach
    cross = a * d - b * c
    safe = np.where(np.abs(cross) > 0.1, cross, 1.0)
    found = np.stack([(e * d - b * f) / safe, (a * f - e * c) / safe], axis=2)
    good = (np.abs(cross) > 0.1) & (np.linalg.norm(found - corners, axis=2) < 3.0)
    return np.where(good[..., None], found, corners)


def _mean(points: FloatArray, weights: FloatArray) -> FloatArray:
    return np.einsum("nekc,nek->nec", points, weights) / np.maximum(weights.sum(axis=2), 1e-9)[..., None]


def _normals(points: FloatArray, weights: FloatArray) -> FloatArray:
    """Unit normals of the lines through points about their mean, (n, 4, 2)."""
    x, y = points[..., 0], points[..., 1]
    xx, yy, xy = ((weights * product).sum(axis=2) for product in (x * x, y * y, x * y))
    angle = 0.5 * np.arctan2(2.0 * xy, xx - yy)
    return np.stack([-np.sin(angle), np.cos(angle)], axis=2)
