"""The pose of a body from the corners of its tags in a picture: one perspective-n-point problem over all of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.tracking.camera import Lens

_MOST_ERROR = 1.0
"""Root mean square distance of corners from where a pose puts them, pixels, beyond which a tag must be wrong."""

_MOST_WRONG = 2
"""How many tags may be left out: by what is left fits best, which costs a fit per tag."""

_CLEAR = 1.6
"""How many times as large the error of a plane's other pose must be for the picture alone to tell which is right."""

_SAME = 0.02
"""Angle below which two poses are one, rad."""


def matrix_of(turn: FloatArray) -> FloatArray:
    """Rotation matrix, (3, 3), of axis times angle, (3,), rad."""
    return np.asarray(cv2.Rodrigues(turn)[0], dtype=np.float64)


def turn_of(matrix: FloatArray) -> FloatArray:
    """Axis times angle, (3,), rad, of a rotation matrix, (3, 3)."""
    return np.asarray(cv2.Rodrigues(matrix)[0], dtype=np.float64)[:, 0]


@dataclass(frozen=True, kw_only=True)
class Pose:
    """A body in a camera's frame (x right, y down, z forward)."""

    rotation: FloatArray
    """(3, 3)."""
    position: FloatArray
    """(3,), m."""

    def __matmul__(self, other: "Pose") -> "Pose":
        """First the other, then this one."""
        return Pose(rotation=self.rotation @ other.rotation, position=self.rotation @ other.position + self.position)

    @property
    def inverse(self) -> "Pose":
        """The way back."""
        return Pose(rotation=self.rotation.T, position=-self.rotation.T @ self.position)

    def angle_to(self, other: "Pose") -> float:
        """Angle between two orientations, rad."""
        return float(np.linalg.norm(turn_of(self.rotation.T @ other.rotation)))


@dataclass(frozen=True, kw_only=True)
class Found:
    """A pose, and what it rests on."""

    pose: Pose
    tags: int
    """Number of tags."""
    error: float
    """Root mean square distance of their corners from where the pose puts them, pixels."""
    certain: bool
    """Whether no other pose would fit about as well."""


def find_pose(
    seen: Mapping[int, FloatArray], corners: Mapping[int, FloatArray], lens: Lens, before: Pose | None = None
) -> Found | None:
    """Where a body is.

    A tag that does not fit the others is left out. Of the two poses that a plane may have in a picture the one that
    fits much better is taken, or else the one that is nearer to that before; without one before, none is.

    Args:
        seen: corners of tags by id, (4, 2), pixels, without distortion.
        corners: corners of the body's tags by id, (4, 3), m.
        lens: of the camera.
        before: pose a moment ago, if it was seen.

    Returns:
        The pose; None where the picture does not tell it.
    """
    ids = [tag for tag in seen if tag in corners]
    found = _fit(ids, seen, corners, lens, before)
    for _ in range(_MOST_WRONG):
        if found is None or found.error <= _MOST_ERROR or len(ids) < 3:  # of two that disagree, which is right?
            break
        without = {tag: _fit([one for one in ids if one != tag], seen, corners, lens, before) for tag in ids}
        wrong = min(ids, key=lambda tag: np.inf if (fit := without[tag]) is None else fit.error)
        ids.remove(wrong)
        found = without[wrong]
    return found if found is not None and found.certain and found.error <= _MOST_ERROR else None


def _fit(
    ids: Sequence[int],
    seen: Mapping[int, FloatArray],
    corners: Mapping[int, FloatArray],
    lens: Lens,
    before: Pose | None,
) -> Found | None:
    """The pose that fits these tags best, or of two that fit about as well the one that is nearer to that before."""
    if not ids:
        return None
    points, pixels = (np.concatenate([of[tag] for tag in ids]) for of in (corners, seen))
    candidates = [(pose, float(np.sqrt(np.mean(off**2)))) for pose, off in _candidates(points, pixels, lens)]
    candidates.sort(key=lambda one: one[1])
    alike = [one for one in candidates if one[1] <= _CLEAR * candidates[0][1]]
    if not alike:
        return None
    pose, error = alike[0] if before is None else min(alike, key=lambda one: one[0].angle_to(before))
    certain = before is not None or all(pose.angle_to(other) < _SAME for other, _ in alike)
    return Found(pose=pose, tags=len(ids), error=error, certain=certain)


def _candidates(points: FloatArray, pixels: FloatArray, lens: Lens) -> Iterator[tuple[Pose, FloatArray]]:
    """Poses that may be, refined to the least squared error, with the distances of all corners."""
    flat = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)[2] < 1e-4
    method = cv2.SOLVEPNP_IPPE if flat else cv2.SOLVEPNP_SQPNP
    try:
        _, turns, shifts, _ = cv2.solvePnPGeneric(points, pixels, lens.matrix, None, flags=method)
    except cv2.error:  # corners on one line, for example
        return
    for rough in zip(turns, shifts, strict=True):
        turn, shift = (
            np.asarray(one, dtype=np.float64)[:, 0]
            for one in cv2.solvePnPRefineLM(points, pixels, lens.matrix, None, *rough)
        )
        if shift[2] > 0.0 and np.isfinite(turn).all():
            pose = Pose(rotation=matrix_of(turn), position=shift)
            there = points @ pose.rotation.T + shift
            there = there[:, :2] / there[:, 2:] * lens.focal + lens.center
            yield pose, np.linalg.norm(there - pixels, axis=1)
