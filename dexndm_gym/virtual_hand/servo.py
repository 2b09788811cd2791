"""A bank of X330 servos of any array shape: firmware, DC motor and gearbox, one control cycle after the other.

The firmware is a position PID on encoder ticks that drives a PWM bridge; the motor sees the supply minus its back-EMF;
the gearbox is in ``gearbox.py``. What moves the links (MuJoCo, or ``single_joint.py``) is not known here: ``drive``
says what each servo does to its joint for the next step, ``follow`` takes in what the joint did.

The inner loop of the current-based position mode is not published. We assume the PID of the position mode, which logs
of a real servo confirm, with the PWM cut back so that the current in the windings stays within Goal Current.
"""

import numpy as np
import numpy.typing as npt

from dexndm_gym.leap.joints import FloatArray
from dexndm_gym.virtual_hand.gearbox import Gearbox, Indices
from dexndm_gym.virtual_hand.parameters import ServoParameters

TICKS_PER_RAD = 4096 / (2 * np.pi)
ZERO_TICK = 2048
"""Encoder reading of the flat hand."""

PWM_FULL = 885.0
"""Full duty, in units of the PWM registers."""

P_UNIT = 256.0
"""PWM = P gain / 256 per tick of error: checked on logs of a real XL330-M288 (r > 0.999)."""

D_UNIT = 16.0
"""PWM = D gain / 16 per tick of error change in one cycle of 1 ms (vendor's manual; the cycle is our assumption)."""

I_UNIT = 65536.0
"""PWM = I gain / 65536 per tick of error summed over cycles of 1 ms (as above)."""

ROOM_TEMPERATURE = 25.0
"""Temperature of a servo that has rested, and to which ``resistance`` refers; degrees Celsius."""

_COPPER = 0.0039  # relative growth of a copper winding's resistance per kelvin


class ServoBank:
    """Servos in lock-step. All arrays have the bank's shape unless said otherwise; SI units.

    Attributes:
        torque: motor torque to apply to the joint until the next cycle, N m.
        gearbox: what the joint's dry friction and armature are until the next cycle.
        reading: encoder position at the last ``drive``, ticks (whole numbers, kept as floats).
        current: winding current, A.
        duty: duty of the bridge, signed.
        temperature: degrees Celsius.
        resistance: of the windings at that temperature, ohm.
    """

    def __init__(
        self, parameters: ServoParameters, shape: tuple[int, ...], dt: float, link_inertia: npt.ArrayLike
    ) -> None:
        """Create servos at rest, torque off.

        Args:
            parameters: what they are made of.
            shape: shape of the bank.
            dt: duration of one control cycle, s.
            link_inertia: inertia that each servo moves besides its own, roughly; kg m^2.
        """

        def full(value: npt.ArrayLike) -> FloatArray:
            return np.broadcast_to(np.asarray(value, dtype=np.float64), shape).copy()

        self._dt = dt
        self._kt, self._cold_resistance = full(parameters.torque_constant), full(parameters.resistance)
        self._saturation = full(parameters.saturation)
        self._saturates = bool(self._saturation.any())
        self.resistance = self._cold_resistance.copy()
        self._encoder_zero = ZERO_TICK + TICKS_PER_RAD * full(parameters.encoder_offset)
        self._thermal_resistance = full(parameters.thermal_resistance)
        self._thermal_time = full(parameters.thermal_time)
        self.gearbox = Gearbox(
            shape,
            dt,
            armature=full(parameters.armature),
            link_inertia=full(link_inertia),
            coulomb=full(parameters.coulomb),
            viscous=full(parameters.viscous),
            load_friction=full(parameters.load_friction),
            backlash=full(parameters.backlash),
        )
        self.reading, self.current, self.duty = full(ZERO_TICK), full(0.0), full(0.0)
        self.temperature = full(ROOM_TEMPERATURE)
        self._motor_torque, self._heat = full(0.0), full(0.0)
        self._error, self._previous_error, self._integral, self._scratch = full(0.0), full(0.0), full(0.0), full(0.0)
        self.configure(p_gain=0.0, i_gain=0.0, d_gain=0.0, pwm_limit=PWM_FULL, current_limit=np.inf, enable=False)

    @property
    def torque(self) -> FloatArray:
        """Torque that reaches the joint, N m: none while the gears cross their gap."""
        return self.gearbox.torque

    def configure(
        self,
        *,
        p_gain: npt.ArrayLike,
        i_gain: npt.ArrayLike,
        d_gain: npt.ArrayLike,
        pwm_limit: npt.ArrayLike,
        current_limit: npt.ArrayLike,
        enable: npt.ArrayLike,
    ) -> None:
        """Take over registers: gains and PWM in register units, current limit in A, enable as booleans."""

        def full(value: npt.ArrayLike) -> FloatArray:
            return np.broadcast_to(np.asarray(value, dtype=np.float64), self._kt.shape)

        cycle_ms = 1000.0 * self._dt
        self._p = full(p_gain) / P_UNIT
        self._d = full(d_gain) / (D_UNIT * cycle_ms)
        self._i = full(i_gain) * (cycle_ms / I_UNIT)
        self._integrates = bool(self._i.any())
        self._enable = full(enable)
        self._pwm_max = np.minimum(full(pwm_limit), PWM_FULL) * self._enable
        self._current_max = full(current_limit) * 1.0
        self._current_max[self._enable == 0.0] = 0.0  # the bridge is open: no current flows, back-EMF or not
        if not self._integrates:
            self._integral[...] = 0.0

    def ticks(self, position: FloatArray) -> FloatArray:
        """What the encoders read at joint positions in rad; whole numbers as floats."""
        return np.rint(position * TICKS_PER_RAD + self._encoder_zero)

    def position_at(self, ticks: npt.ArrayLike) -> FloatArray:
        """Joint positions, rad, at which the encoders read ``ticks``."""
        return (np.asarray(ticks) - self._encoder_zero) / TICKS_PER_RAD

    def drive(self, position: FloatArray, goal: FloatArray, supply: FloatArray) -> None:
        """One control cycle.

        Args:
            position: joint positions, rad.
            goal: goal positions that the firmware acts on now, ticks.
            supply: voltage at the servos, V; broadcasts to the bank.
        """
        reading, error, pwm = self.reading, self._error, self._scratch
        np.multiply(position, TICKS_PER_RAD, out=reading)
        reading += self._encoder_zero
        np.rint(reading, out=reading)
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
        self._flow(pwm, supply)
        np.multiply(self.current, self._kt, out=self._motor_torque)
        if self._saturates:
            self._motor_torque /= 1.0 + self._saturation * np.abs(self.current)
        self.gearbox.transmit(self._motor_torque)

    def _integrate(self, pwm: FloatArray) -> None:
        """Add the integral term, which alone never exceeds full duty (else it would wind up against a stop)."""
        self._integral += self._error * self._i
        self._integral *= self._enable
        np.clip(self._integral, -PWM_FULL, PWM_FULL, out=self._integral)
        pwm += self._integral

    def _flow(self, pwm: FloatArray, supply: FloatArray) -> None:
        """Winding current at that PWM, cut back to the limit, and the duty that is left."""
        current, duty = self.current, self.duty
        emf = self._kt * self.gearbox.rotor
        np.multiply(pwm, supply / PWM_FULL, out=current)
        current -= emf
        current /= self.resistance
        np.minimum(current, self._current_max, out=current)
        np.maximum(current, -self._current_max, out=current)
        np.multiply(current, self.resistance, out=duty)
        duty += emf
        duty /= supply
        duty *= self._enable

    def follow(self, velocity: FloatArray, acceleration: FloatArray, friction: FloatArray) -> bool:
        """Take in what the joints did during the cycle.

        Args:
            velocity: joint velocities at its end, rad/s; where gears met, they are corrected in place.
            acceleration: joint accelerations, rad/s^2.
            friction: torque of the dry friction, N m.

        Returns:
            Whether any velocity was corrected.
        """
        return self.gearbox.follow(self._motor_torque, velocity, acceleration, friction)

    def warm(self, seconds: float) -> None:
        """Let the windings heat up or cool down for that long at the present current, and their resistance follow."""
        np.square(self.current, out=self._heat)
        self._heat *= self.resistance * self._thermal_resistance
        self.temperature += (ROOM_TEMPERATURE + self._heat - self.temperature) * (seconds / self._thermal_time)
        self.resistance[...] = self._cold_resistance * (1.0 + _COPPER * (self.temperature - ROOM_TEMPERATURE))

    def state(self) -> tuple[FloatArray, ...]:
        """The arrays that carry over from cycle to cycle; after writing to them call ``gearbox.note_free``."""
        own = (self._previous_error, self._integral, self.reading, self.current, self.duty)
        return *own, self.temperature, self.resistance, *self.gearbox.state()

    def rest(self, where: Indices) -> None:
        """Bring some servos to rest at their goals, for when their joints are put somewhere else.

        Args:
            where: indices along the bank's first axis.
        """
        for array in (self._previous_error, self._integral, self.current, self.duty):
            array[where] = 0.0
        self.gearbox.rest(where)
