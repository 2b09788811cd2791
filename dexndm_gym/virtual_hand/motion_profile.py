"""Profiles: how the goals that firmware acts on move towards the goals in the registers.

A profile has a top speed and an acceleration, either of which may be without limit. They are fixed whenever the goal
changes: from the registers as they are (velocity-based), or so that a motion from rest takes the time in the registers
(time-based). In velocity control there is only an acceleration, which bounds how fast the velocity changes.
"""

import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import BoolArray, FloatArray
from dexndm_gym.constants import TICKS_PER_TURN

TICKS_PER_VELOCITY = 0.229 * TICKS_PER_TURN / 60
"""Ticks per second in a unit of Profile Velocity (0.229 rev/min)."""
TICKS_PER_ACCELERATION = 214.577 * TICKS_PER_TURN / 3600
"""Ticks per second squared in a unit of Profile Acceleration (214.577 rev/min^2)."""
VELOCITIES_PER_ACCELERATION = TICKS_PER_ACCELERATION / TICKS_PER_VELOCITY
"""The same for velocity control: units of velocity per second."""

_UNLIMITED = 1e15
"""Stands for no limit, in ticks and seconds; a number, so that zero times it is zero."""

RECTANGULAR, TRIANGULAR, TRAPEZOIDAL = 0x10, 0x20, 0x30
"""Kinds of profile, as Moving Status shows them."""
PROFILE_ONGOING = 0x02
"""Bit of Moving Status while one has not arrived."""


class Profile:
    """Profiles of servos in lock-step; arrays have the bank's shape.

    Attributes:
        active: whether any servo has one; if none has, ``trajectory`` is for the owner to keep at the goals.
        trajectory: where the goals are on their way: ticks, or in velocity control units of velocity.
        speed: how fast they move, per second.
        kind: of the latest motion, as Moving Status shows it; 0 without profile.
    """

    def __init__(self, shape: tuple[int, ...], dt: float) -> None:
        """Start without profiles; ``dt`` is the time between two ``follow``, s."""
        self._dt, self.active = dt, False
        self.trajectory, self.speed, self._goal = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self._top_speed, self._acceleration = np.full(shape, _UNLIMITED), np.full(shape, _UNLIMITED)
        self.kind = np.zeros(shape, dtype=np.int64)
        self._restarts = np.zeros(shape, dtype=np.bool_)

    def configure(
        self,
        velocity: npt.ArrayLike,
        acceleration: npt.ArrayLike,
        time_based: npt.ArrayLike,
        velocity_control: npt.ArrayLike,
    ) -> None:
        """Take over registers, for the next goals.

        Args:
            velocity: Profile Velocity.
            acceleration: Profile Acceleration.
            time_based: whether the two are milliseconds.
            velocity_control: whether goals are velocities.
        """
        self._registers = velocity, acceleration, time_based, velocity_control
        active = np.any(velocity) or np.any(acceleration)
        if active and not self.active:
            self._goal[...] = self.trajectory
            self.speed[...] = 0.0
            self.kind[...] = 0
        self.active = bool(active)

    def restart(self, where: BoolArray) -> None:
        """Let some servos begin at what they measure in the next ``follow``."""
        self._restarts |= where

    def follow(self, goal: FloatArray, measured: FloatArray) -> FloatArray:
        """Let ``dt`` pass; the trajectory."""
        trajectory, dt = self.trajectory, self._dt
        if self._restarts.any():
            for array, value in ((trajectory, measured), (self._goal, measured), (self.speed, 0.0)):
                np.copyto(array, value, where=self._restarts)
            self._restarts[...] = False
        changed = goal != self._goal
        if changed.any():
            self._plan(goal, changed)
        error = goal - trajectory
        distance, step = np.abs(error), self._acceleration * dt
        # From this speed n steps of braking end at the goal; the last one may be short.
        speed = step * (np.sqrt(0.25 + 2 * distance / (step * dt)) - 0.5)
        speed = np.minimum(np.minimum(speed, self._top_speed), distance / dt)
        np.clip(np.copysign(speed, error), self.speed - step, self.speed + step, out=self.speed)
        trajectory += self.speed * dt
        return trajectory

    def ongoing(self) -> BoolArray:
        """Which profiles have not arrived yet."""
        return (self.kind != 0) & (np.abs(self._goal - self.trajectory) > 1e-6)

    def state(self) -> tuple[npt.NDArray[np.generic], ...]:
        """The arrays that carry over from step to step."""
        limits = (self._top_speed, self._acceleration)
        return self.trajectory, self.speed, self._goal, *limits, self.kind, self._restarts

    def _plan(self, goal: FloatArray, changed: BoolArray) -> None:
        velocity, acceleration, time_based, velocity_control = self._registers
        distance = np.abs(goal - self.trajectory)
        # Velocity control: the velocity goes to its goal at a constant rate, as the position of a rectangular profile.
        span = np.where(velocity_control, acceleration, velocity) / 1000.0
        ramp = np.where(velocity_control, 0.0, np.minimum(np.asarray(acceleration) / 1000.0, span / 2))
        rate = np.where(
            velocity_control,
            np.asarray(acceleration) * VELOCITIES_PER_ACCELERATION,
            np.asarray(velocity) * TICKS_PER_VELOCITY,
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            top_speed = np.where(time_based, distance / (span - ramp), rate)
            steep = np.where(time_based, top_speed / ramp, np.asarray(acceleration) * TICKS_PER_ACCELERATION)
        used, rounded = span > 0, (np.asarray(acceleration) > 0) & ~np.asarray(velocity_control)
        top_speed = np.where(used, top_speed, _UNLIMITED)
        steep = np.where(used & rounded, steep, _UNLIMITED)
        kind = np.where(distance * steep < top_speed**2, TRIANGULAR, TRAPEZOIDAL)
        kind = np.where(used, np.where(rounded, kind, RECTANGULAR), 0)
        for array, value in (
            (self._goal, goal),
            (self._top_speed, top_speed),
            (self._acceleration, steep),
            (self.kind, kind),
        ):
            np.copyto(array, value, where=changed)
