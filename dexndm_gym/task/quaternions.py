"""Quaternions w x y z and vectors as tuples of floats, compiled."""

import numpy as np

from dexndm_gym.arrays import FloatArray, Quaternion, Vector
from dexndm_gym.compiling import compiled


@compiled
def multiply(a: Quaternion, b: Quaternion) -> Quaternion:
    """Hamilton product a b: first turn by b, then by a."""
    aw, ax, ay, az = a
    bw, bx, by, bz = b
    return (
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    )


@compiled
def conjugate(a: Quaternion) -> Quaternion:
    """Inverse of a unit quaternion."""
    return a[0], -a[1], -a[2], -a[3]


@compiled
def cross(a: Vector, b: Vector) -> Vector:
    """Vector product."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@compiled
def dot(a: Vector, b: Vector) -> float:
    """Scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@compiled
def norm(a: Vector) -> float:
    """Euclidean length."""
    return np.sqrt(dot(a, a))


@compiled
def rotate(a: Quaternion, v: Vector) -> Vector:
    """Turn a vector by a unit quaternion."""
    u = (a[1], a[2], a[3])
    once = cross(u, v)
    t = (2.0 * once[0], 2.0 * once[1], 2.0 * once[2])
    twice = cross(u, t)
    return v[0] + a[0] * t[0] + twice[0], v[1] + a[0] * t[1] + twice[1], v[2] + a[0] * t[2] + twice[2]


@compiled
def rotation_vector(a: Quaternion) -> Vector:
    """Axis times angle, rad, of a unit quaternion; the angle is at most pi."""
    v = (a[1], a[2], a[3])
    # The floor makes angle / sin(angle / 2) what it tends to, 2, where there is no turn.
    sine = max(norm(v), 1e-12)
    factor = np.copysign(2.0 * np.arctan2(sine, abs(a[0])) / sine, a[0])
    return v[0] * factor, v[1] * factor, v[2] * factor


@compiled
def turn(axis: Vector, angle: float) -> Quaternion:
    """The rotation by an angle in rad about a unit vector."""
    sine = np.sin(0.5 * angle)
    return np.cos(0.5 * angle), sine * axis[0], sine * axis[1], sine * axis[2]


@compiled
def angular_velocity(before: Quaternion, after: Quaternion, period: float) -> Vector:
    """Mean angular velocity in rad/s between two orientations, in the frame they are given in."""
    x, y, z = rotation_vector(multiply(after, conjugate(before)))
    return x / period, y / period, z / period


@compiled
def clip(value: float, low: float, high: float) -> float:
    """Limit a value; what is not a number stays so."""
    value = low if value < low else value
    return high if value > high else value


@compiled
def vector(numbers: FloatArray, first: int) -> Vector:
    """Three numbers of an array, from ``first`` on."""
    return numbers[first], numbers[first + 1], numbers[first + 2]


@compiled
def quaternion(numbers: FloatArray, first: int) -> Quaternion:
    """Four numbers of an array, from ``first`` on."""
    return numbers[first], numbers[first + 1], numbers[first + 2], numbers[first + 3]
