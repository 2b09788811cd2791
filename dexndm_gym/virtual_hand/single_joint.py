"""Servos that each move one link of their own, without MuJoCo: to replay logs of real servos and to identify models."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import FloatArray
from dexndm_gym.virtual_hand.motor_bank import ServoBank
from dexndm_gym.virtual_hand.parameters import ServoParameters

ExternalTorque = Callable[[float, FloatArray, FloatArray], FloatArray]
"""(time in s, position in rad, velocity in rad/s) -> torque on the links, N m."""


class SingleJoints:
    """n servos, each with a rigid link.

    Attributes:
        servos: the bank, shape (n,).
        position: joint angles, (n,), rad.
        velocity: (n,), rad/s.
        time: s.
    """

    def __init__(
        self, parameters: ServoParameters, inertia: npt.ArrayLike, *, position: npt.ArrayLike = 0.0, dt: float = 0.001
    ) -> None:
        """Put servos at rest at ``position``; ``inertia`` is that of the links, (n,), kg m^2."""
        self._inertia, self._dt = np.array(inertia, dtype=np.float64), dt
        self.servos = ServoBank(parameters, self._inertia.shape, dt, self._inertia)
        self.position = np.broadcast_to(np.asarray(position, dtype=np.float64), self._inertia.shape).copy()
        self.velocity = np.zeros_like(self.position)
        self._step = 0

    @property
    def time(self) -> float:
        """Simulated time, s."""
        return self._step * self._dt

    def step(self, goal: FloatArray, supply: npt.ArrayLike, external: ExternalTorque) -> None:
        """Advance by one cycle towards goals, (n,) ticks, at that supply voltage in V."""
        dt, servos, gears = self._dt, self.servos, self.servos.gearbox
        servos.drive(self.position, goal, np.asarray(supply, dtype=np.float64))
        inertia = self._inertia + gears.armature
        torque = servos.torque + external(self.time, self.position, self.velocity) - gears.viscous * self.velocity
        stopping = -(torque + inertia * self.velocity / dt)  # the friction that would end the step at rest
        friction = np.clip(stopping, -gears.frictionloss, gears.frictionloss)
        acceleration = (torque + friction) / inertia
        self.velocity += dt * acceleration
        self.position += dt * self.velocity
        servos.follow(self.velocity, acceleration, friction)
        self._step += 1
