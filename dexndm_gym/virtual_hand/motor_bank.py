"""A bank of X330 servos of any array shape: firmware, DC motor and gearbox, one control cycle after the other.

The firmware (``firmware.py``) drives a PWM bridge; the motor sees the supply minus its back-EMF; the gearbox is in
``gearbox.py``. What moves the links (MuJoCo, or ``single_joint.py``) is not known here: ``drive`` says what each servo
does to its joint for the next step, ``follow`` takes in what the joint did.
"""

import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import FloatArray, IntArray
from dexndm_gym.constants import TICKS_PER_TURN
from dexndm_gym.virtual_hand.firmware import P_UNIT, POSITION_MODE, PWM_FULL, Firmware
from dexndm_gym.virtual_hand.gearbox import Gearbox
from dexndm_gym.virtual_hand.parameters import ServoParameters

TICKS_PER_RAD = TICKS_PER_TURN / (2 * np.pi)
ZERO_TICK = 2048
"""Encoder reading of the flat hand."""

ROOM_TEMPERATURE = 25.0
"""Temperature of a servo that has rested, and to which ``resistance`` refers; degrees Celsius."""

_COPPER = 0.0039  # relative growth of a copper winding's resistance per kelvin


class ServoBank:
    """Servos in lock-step. All arrays have the bank's shape unless said otherwise; SI units.

    Attributes:
        torque: motor torque to apply to the joint until the next cycle, N m.
        firmware: the control loops.
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
        self.firmware = Firmware(shape, dt)
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
        mode: npt.ArrayLike = POSITION_MODE,
        velocity_p_gain: npt.ArrayLike = 0,
        velocity_i_gain: npt.ArrayLike = 0,
    ) -> None:
        """Take over registers: gains and PWM in register units, current limit in A, enable as booleans."""
        self.firmware.configure(
            mode=mode,
            p_gain=p_gain,
            i_gain=i_gain,
            d_gain=d_gain,
            velocity_p_gain=velocity_p_gain,
            velocity_i_gain=velocity_i_gain,
            pwm_limit=pwm_limit,
            enable=enable,
        )
        self._current_max = np.broadcast_to(np.asarray(current_limit, dtype=np.float64), self._kt.shape) * 1.0
        self._current_max[self.firmware.enable == 0.0] = 0.0  # an open bridge: no current flows, back-EMF or not

    def ticks(self, position: FloatArray) -> FloatArray:
        """What the encoders read at joint positions in rad; whole numbers as floats."""
        return np.rint(position * TICKS_PER_RAD + self._encoder_zero)

    def position_at(self, ticks: npt.ArrayLike) -> FloatArray:
        """Joint positions, rad, at which the encoders read ``ticks``."""
        return (np.asarray(ticks) - self._encoder_zero) / TICKS_PER_RAD

    def stiffness(self, p_gain: npt.ArrayLike, voltage: FloatArray) -> FloatArray:
        """Torque per position error at a P gain, at rest and far from every limit, N m/rad."""
        duty = np.asarray(p_gain) / P_UNIT * TICKS_PER_RAD / PWM_FULL
        return duty * voltage * self._kt / self.resistance

    def drive(self, position: FloatArray, goal: FloatArray, supply: FloatArray) -> None:
        """One control cycle.

        Args:
            position: joint positions, rad.
            goal: goals that the firmware acts on now: ticks; in the other modes mA, velocity units or PWM units.
            supply: voltage at the servos, V; broadcasts to the bank.
        """
        reading, firmware = self.reading, self.firmware
        np.multiply(position, TICKS_PER_RAD, out=reading)
        reading += self._encoder_zero
        np.rint(reading, out=reading)
        # The teeth may be apart, and the rotor run ahead of the encoder, but never for long.
        pwm = firmware.pwm(reading, self.gearbox.rotor, goal)
        limit = self._current_max
        if firmware.current_controlled is not None:
            limit = np.where(firmware.current_controlled, np.minimum(limit, np.abs(goal) / 1000.0), limit)
        self._flow(pwm, supply, limit)
        np.multiply(self.current, self._kt, out=self._motor_torque)
        if self._saturates:
            self._motor_torque /= 1.0 + self._saturation * np.abs(self.current)
        self.gearbox.transmit(self._motor_torque)

    def _flow(self, pwm: FloatArray, supply: FloatArray, limit: FloatArray) -> None:
        """Winding current at that PWM, cut back to the limit, and the duty that is left."""
        current, duty = self.current, self.duty
        emf = self._kt * self.gearbox.rotor
        np.multiply(pwm, supply / PWM_FULL, out=current)
        current -= emf
        current /= self.resistance
        np.minimum(current, limit, out=current)
        np.maximum(current, -limit, out=current)
        np.multiply(current, self.resistance, out=duty)
        duty += emf
        duty /= supply
        duty *= self.firmware.enable

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

    def state(self) -> tuple[npt.NDArray[np.generic], ...]:
        """The arrays that carry over from cycle to cycle; after writing to them call ``gearbox.note_free``."""
        own = (self.reading, self.current, self.duty, self.temperature, self.resistance)
        return *own, *self.firmware.state(), *self.gearbox.state()

    def rest(self, where: IntArray) -> None:
        """Bring some servos to rest at their goals, for when their joints are put somewhere else.

        Args:
            where: indices along the bank's first axis.
        """
        self.current[where] = self.duty[where] = 0.0
        self.firmware.rest(where)
        self.gearbox.rest(where)
