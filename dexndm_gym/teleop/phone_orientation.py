"""How a phone is held: what browsers say of it as a quaternion, and what a person means by turning it."""

import math

from dexndm_gym.arrays import Quaternion, Vector
from dexndm_gym.task.quaternions import conjugate, multiply, rotate, turn

_X, _Y, _Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


def orientation(alpha: float, beta: float, gamma: float) -> Quaternion:
    """From the phone's frame to the ground, where z points up.

    In the phone's frame x points to the right of the screen, y to its top edge, and z out of it. Browsers give
    intrinsic turns about z, x and y, in this order (W3C, Device Orientation and Motion). Which way x and y of the
    ground point is up to the phone.

    Args:
        alpha: about z, degrees.
        beta: about x, degrees.
        gamma: about y, degrees.

    Returns:
        Quaternion w x y z.
    """
    tilt = multiply(turn(_X, math.radians(beta)), turn(_Y, math.radians(gamma)))
    return multiply(turn(_Z, math.radians(alpha)), tilt)


class Grip:
    """How somebody holds a phone, compared with how it was held at first.

    Then the person looked along x of the world frame: where the top edge of a phone that lies flat points, and the back
    of one that stands upright.
    """

    def __init__(self, first: Quaternion) -> None:
        """Compare with an orientation on the ground; of a phone held over the head any direction counts as forward."""
        ahead, left, _ = rotate(first, (0.0, 1.0, -1.0))
        self._world = turn(_Z, -math.atan2(left, ahead))  # from the ground, which differs by a turn about z
        self._back = conjugate(first)

    def turned(self, now: Quaternion) -> Quaternion:
        """The turn from how it was held at first to how it is held now, world frame."""
        return multiply(self._world, multiply(multiply(now, self._back), conjugate(self._world)))

    def pointed(self, now: Quaternion) -> Vector:
        """Where the top edge points now, a unit vector in the world frame."""
        return rotate(multiply(self._world, now), _Y)
