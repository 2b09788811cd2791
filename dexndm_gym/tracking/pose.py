"""The pose of a body from the corners of its tags in a picture: one perspective-n-point problem over all of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from dexndm_gym.hand.joints import FloatArray
from dexndm_gym.tracking.camera import Lens

_MOST_ERROR = 0.8
"""Root mean square distance of corners from where a pose puts them, pixels, beyond which a tag must be wrong."""

_CLEAR = 1.6
"""How many times as large the error of a plane's other pose must be for the picture alone to tell which is right."""


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
        return float(np.linalg.norm(cv2.Rodrigues(self.rotation.T @ other.rotation)[0]))


@dataclass(frozen=True, kw_only=True)
class Found:
    """A pose, and what it rests on."""

    pose: Pose
    tags: int
    """Number of tags."""
    error: float
    """Root mean square distance of their corners from where the pose puts them, pixels."""


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
    while ids:
        points, pixels = (np.concatenate([of[tag] for tag in ids]) for of in (corners, seen))
        found = _best(points, pixels, lens, before)
        if found is None:
            return None
        pose, residual = found
        error = float(np.sqrt(np.mean(residual**2)))
        if error <= _MOST_ERROR:
            return Found(pose=pose, tags=len(ids), error=error)
        if len(ids) < 3:  # of two that disagree nobody knows which is right
            return None
        ids.pop(int(residual.reshape(-1, 4).max(axis=1).argmax()))
    return None


def _best(points: FloatArray, pixels: FloatArray, lens: Lens, before: Pose | None) -> tuple[Pose, FloatArray] | None:
    """The pose that fits best, and the distances of the corners from where it puts them, (k,) pixels."""
    candidates = sorted(_candidates(points, pixels, lens), key=lambda one: float(np.sum(one[1] ** 2)))
    if len(candidates) < 2:
        return candidates[0] if candidates else None
    first, second = candidates[:2]
    if np.sum(second[1] ** 2) > _CLEAR**2 * np.sum(first[1] ** 2) or first[0].angle_to(second[0]) < 0.02:
        return first
    if before is None:
        return None
    return min(first, second, key=lambda one: one[0].angle_to(before))


def _candidates(points: FloatArray, pixels: FloatArray, lens: Lens) -> Iterator[tuple[Pose, FloatArray]]:
    """Poses that may be, refined to the least squared error, with the distances of all corners."""
    flat = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)[2] < 1e-4
    method = cv2.SOLVEPNP_IPPE if flat else cv2.SOLVEPNP_SQPNP
    try:
        _, turns, shifts, _ = cv2.solvePnPGeneric(points, pixels, lens.matrix, None, flags=method)
    except cv2.error:  # corners on one line, for example
        return
    for turn, shift in zip(turns, shifts, strict=True):
        turn, shift = cv2.solvePnPRefineLM(points, pixels, lens.matrix, None, turn, shift)
        if shift[2, 0] > 0.0 and np.isfinite(turn).all():
            there = cv2.projectPoints(points, turn, shift, lens.matrix, None)[0][:, 0]
            pose = Pose(rotation=cv2.Rodrigues(turn)[0], position=shift[:, 0])
            yield pose, np.linalg.norm(there - pixels, axis=1)
