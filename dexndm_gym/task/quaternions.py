"""Quaternions w x y z in batches; all functions take and return float64 arrays (..., 4)."""

import numpy as np

from dexndm_gym.leap.joints import FloatArray


def multiply(a: FloatArray, b: FloatArray) -> FloatArray:
    """Hamilton product a b: first turn by b, then by a."""
    aw, av = a[..., :1], a[..., 1:]
    bw, bv = b[..., :1], b[..., 1:]
    scalar = aw * bw - np.sum(av * bv, axis=-1, keepdims=True)
    return np.concatenate([scalar, aw * bv + bw * av + np.cross(av, bv)], axis=-1)


def conjugate(a: FloatArray) -> FloatArray:
    """Inverse of a unit quaternion."""
    return a * np.array([1.0, -1.0, -1.0, -1.0])


def rotate(a: FloatArray, v: FloatArray) -> FloatArray:
    """Turn vectors (..., 3) by unit quaternions (..., 4)."""
    u, w = a[..., 1:], a[..., :1]
    t = 2.0 * np.cross(u, v)
    return v + w * t + np.cross(u, t)


def rotation_vector(a: FloatArray) -> FloatArray:
    """Axis times angle, (..., 3) in rad, of unit quaternions; the angle is at most pi."""
    a = np.where(a[..., :1] < 0.0, -a, a)
    sine = np.linalg.norm(a[..., 1:], axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(sine, a[..., :1])
    # angle / sin(angle / 2) tends to 2 where there is no turn
    return a[..., 1:] * np.where(sine > 1e-12, angle / np.maximum(sine, 1e-12), 2.0)


def turn(axis: FloatArray, angle: float) -> FloatArray:
    """The rotation by an angle in rad about unit vectors (..., 3)."""
    return np.concatenate([np.full((*axis.shape[:-1], 1), np.cos(angle / 2)), np.sin(angle / 2) * axis], axis=-1)


def angular_velocity(before: FloatArray, after: FloatArray, period: float) -> FloatArray:
    """Mean angular velocity (..., 3) in rad/s between two orientations, in the frame they are given in."""
    return rotation_vector(multiply(after, conjugate(before))) / period
