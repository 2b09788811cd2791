"""Quaternions w x y z in batches; all functions take and return float64 arrays (..., 4)."""

import numpy as np

from dexndm_gym.leap.joints import FloatArray

# Products of the units w x y z, and of x y z: row 4 i + j, or 3 i + j, is the i-th times the j-th. With them a product
# takes two calls into NumPy.
_W, _X, _Y, _Z = np.eye(4)
_PRODUCT_OF_UNITS = np.array([_W, _X, _Y, _Z, _X, -_W, _Z, -_Y, _Y, -_Z, -_W, _X, _Z, _Y, -_X, -_W])
_CROSS_OF_UNITS = _PRODUCT_OF_UNITS.reshape(4, 4, 4)[1:, 1:, 1:].reshape(9, 3)


def multiply(a: FloatArray, b: FloatArray) -> FloatArray:
    """Hamilton product a b: first turn by b, then by a."""
    products = a[..., :, None] * b[..., None, :]
    return products.reshape(*products.shape[:-2], 16) @ _PRODUCT_OF_UNITS


def cross(a: FloatArray, b: FloatArray) -> FloatArray:
    """Vector product of vectors (..., 3); ``numpy.cross`` takes ten times as long over a single one."""
    products = a[..., :, None] * b[..., None, :]
    return products.reshape(*products.shape[:-2], 9) @ _CROSS_OF_UNITS


def conjugate(a: FloatArray) -> FloatArray:
    """Inverse of a unit quaternion."""
    return a * np.array([1.0, -1.0, -1.0, -1.0])


def rotate(a: FloatArray, v: FloatArray) -> FloatArray:
    """Turn vectors (..., 3) by unit quaternions (..., 4)."""
    u, w = a[..., 1:], a[..., :1]
    t = 2.0 * cross(u, v)
    return v + w * t + cross(u, t)


def rotation_vector(a: FloatArray) -> FloatArray:
    """Axis times angle, (..., 3) in rad, of unit quaternions; the angle is at most pi."""
    w, v = a[..., :1], a[..., 1:]
    # The floor makes angle / sin(angle / 2) what it tends to, 2, where there is no turn.
    sine = np.maximum(np.sqrt(np.square(v).sum(axis=-1, keepdims=True)), 1e-12)
    return v * np.copysign(2.0 * np.arctan2(sine, np.abs(w)) / sine, w)


def turn(axis: FloatArray, angle: float) -> FloatArray:
    """The rotation by an angle in rad about unit vectors (..., 3)."""
    return np.concatenate([np.full((*axis.shape[:-1], 1), np.cos(angle / 2)), np.sin(angle / 2) * axis], axis=-1)


def angular_velocity(before: FloatArray, after: FloatArray, period: float) -> FloatArray:
    """Mean angular velocity (..., 3) in rad/s between two orientations, in the frame they are given in."""
    return rotation_vector(multiply(after, conjugate(before))) / period
