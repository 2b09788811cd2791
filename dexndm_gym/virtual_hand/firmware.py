"""The servos' firmware: from goals and readings to the PWM of the bridges, one control cycle after the other.

All operating modes are one PID controller. They differ in what they compare with the goal (the position, the velocity,
or nothing), in the gains, and in the current that ``servo.py`` lets flow.

The inner loop of the current-based position mode is not published. We assume the PID of the position mode, which logs
of a real servo confirm, with the PWM cut back so that the current in the windings stays within Goal Current. Of the
velocity mode the manual gives the gains' factors but not the unit of the error: we take that of the registers.
"""

import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import BoolArray, FloatArray, IntArray
from dexndm_gym.virtual_hand.motion_profile import Profile

CURRENT_MODE, VELOCITY_MODE, POSITION_MODE, EXTENDED_POSITION_MODE = 0, 1, 3, 4
CURRENT_BASED_POSITION_MODE, PWM_MODE = 5, 16
OPERATING_MODES = (0, 1, 3, 4, 5, 16)
"""Values of the register Operating Mode."""


def is_position_mode(mode: npt.ArrayLike) -> BoolArray:
    """Which of these operating modes control a position."""
    mode = np.asarray(mode)
    return (mode >= POSITION_MODE) & (mode <= CURRENT_BASED_POSITION_MODE)


PWM_FULL = 885.0
"""Full duty, in units of the PWM registers."""

P_UNIT = 256.0
"""PWM = P gain / 256 per tick of error: checked on logs of a real XL330-M288 (r > 0.999)."""

D_UNIT = 16.0
"""PWM = D gain / 16 per tick of error change in one cycle of 1 ms (vendor's manual; the cycle is our assumption)."""

I_UNIT = 65536.0
"""PWM = I gain / 65536 per tick of error summed over cycles of 1 ms (as above); velocity control has the same."""

VELOCITY_P_UNIT = 128.0
"""PWM = velocity P gain / 128 per 0.229 rev/min of error (vendor's manual; the error's unit is our assumption)."""

VELOCITY_UNIT = 0.229 * 2 * np.pi / 60
"""Speed per unit of the velocity registers, rad/s."""

_ALL_OR_NOTHING = 1e6
"""P gain that makes full PWM of any current goal: the current is what limits it then."""


class Firmware:
    """Control loops of servos in lock-step; arrays have the bank's shape.

    Attributes:
        profile: what moves the goals.
        enable: 1 with torque, 0 without.
        position_only: whether all servos are in one of the position modes.
        current_controlled: servos whose goals are currents, mA; None where there are none.
    """

    def __init__(self, shape: tuple[int, ...], dt: float) -> None:
        """Start with all loops at rest; ``dt`` is the duration of a control cycle, s."""
        self._shape, self._cycle_ms = shape, 1000.0 * dt
        self.profile = Profile(shape, dt)
        self._error, self._previous_error = np.zeros(shape), np.zeros(shape)
        self._integral, self._pwm = np.zeros(shape), np.zeros(shape)

    def configure(
        self,
        *,
        mode: npt.ArrayLike,
        p_gain: npt.ArrayLike,
        i_gain: npt.ArrayLike,
        d_gain: npt.ArrayLike,
        velocity_p_gain: npt.ArrayLike,
        velocity_i_gain: npt.ArrayLike,
        pwm_limit: npt.ArrayLike,
        enable: npt.ArrayLike,
    ) -> None:
        """Take over registers; ``enable`` as booleans."""
        mode, position = np.asarray(mode), is_position_mode(mode)
        proportional, integral = np.asarray(p_gain) / P_UNIT, np.asarray(i_gain)
        self.position_only = bool(position.all())
        self.current_controlled = None
        if not self.position_only:
            self._velocity = self._full(mode == VELOCITY_MODE) != 0
            self._neither = ~(self._full(position) != 0) & ~self._velocity
            velocity_gain = np.asarray(velocity_p_gain) / VELOCITY_P_UNIT
            direct = np.where(mode == PWM_MODE, 1.0, _ALL_OR_NOTHING)
            proportional = np.select([position, mode == VELOCITY_MODE], [proportional, velocity_gain], direct)
            integral = np.select([position, mode == VELOCITY_MODE], [integral, velocity_i_gain], 0)
            d_gain = np.where(position, d_gain, 0)
            if np.any(mode == CURRENT_MODE):
                self.current_controlled = self._full(mode == CURRENT_MODE) != 0
        self._p = self._full(proportional)
        self._d = self._full(d_gain) / (D_UNIT * self._cycle_ms)
        self._i = self._full(integral) * (self._cycle_ms / I_UNIT)
        self._integrates = bool(self._i.any())
        self.enable = self._full(enable)
        self._pwm_max = np.minimum(self._full(pwm_limit), PWM_FULL) * self.enable
        if not self._integrates:
            self._integral[...] = 0.0

    def pwm(self, reading: FloatArray, velocity: FloatArray, goal: FloatArray) -> FloatArray:
        """The PWM of one control cycle, in place of that of the last one.

        Args:
            reading: encoder positions, ticks.
            velocity: rad/s.
            goal: ticks, or what else the mode's goal is in.
        """
        error, pwm = self._error, self._pwm
        if not self.position_only:
            reading = np.where(self._velocity, velocity / VELOCITY_UNIT, reading)
            reading[self._neither] = 0.0
        if self.profile.active:
            goal = self.profile.follow(goal, reading)
        else:
            np.copyto(self.profile.trajectory, goal)
        np.subtract(goal, reading, out=error)
        np.subtract(error, self._previous_error, out=pwm)
        np.copyto(self._previous_error, error)
        pwm *= self._d
        if self._integrates:
            self._integrate(pwm)
        error *= self._p
        pwm += error
        np.minimum(pwm, self._pwm_max, out=pwm)
        np.maximum(pwm, -self._pwm_max, out=pwm)
        return pwm

    def rest(self, where: IntArray) -> None:
        """Bring the loops of some servos to rest; indices along the bank's first axis."""
        self._previous_error[where] = self._integral[where] = 0.0
        moved = np.zeros(self._shape, dtype=np.bool_)
        moved[where] = True
        self.profile.restart(moved)

    def state(self) -> tuple[npt.NDArray[np.generic], ...]:
        """The arrays that carry over from cycle to cycle."""
        return self._previous_error, self._integral, *self.profile.state()

    def _integrate(self, pwm: FloatArray) -> None:
        """Add the integral term, which alone never exceeds full duty (else it would wind up against a stop)."""
        self._integral += self._error * self._i
        self._integral *= self.enable
        np.clip(self._integral, -PWM_FULL, PWM_FULL, out=self._integral)
        pwm += self._integral

    def _full(self, value: npt.ArrayLike) -> FloatArray:
        return np.broadcast_to(np.asarray(value, dtype=np.float64), self._shape)
