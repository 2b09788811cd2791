"""What the servos' registers need of a physics: arrays of commands, and measurements."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from dexndm_gym.arrays import FloatArray, IntArray
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.objects.scene import Scene
from dexndm_gym.virtual_hand.firmware import (
    CURRENT_MODE,
    POSITION_MODE,
    PWM_FULL,
    PWM_MODE,
    VELOCITY_MODE,
    is_position_mode,
)
from dexndm_gym.virtual_hand.motor_bank import ZERO_TICK

CURRENT_MAX = 1750
"""Largest Current Limit of an XL330-M288, mA."""


class HandPhysics(ABC):
    """n hands, their servos, and the objects in them.

    The attributes are commands: arrays (n, 16), motor order, integers in register units unless said otherwise. Write
    them in place at any time; they act from the next ``advance`` on. They start as after power-up in mode 3.

    Attributes:
        num_hands: n.
        torque_enable: 0 or 1. With 0 nothing but the gears' friction holds the joint.
        operating_mode: a value of ``firmware.OPERATING_MODES``; anything else leaves the motor without current.
        p_gain: position P gain.
        i_gain: position I gain.
        d_gain: position D gain.
        velocity_p_gain: velocity P gain.
        velocity_i_gain: velocity I gain.
        goal_position: encoder ticks, without homing offset; may lie outside 0..4095.
        goal_velocity: 0.229 rev/min; counts in mode 1 only.
        goal_current: mA; the goal of mode 0, and in mode 5 a limit, whatever its sign.
        current_limit: mA; counts in modes 0 and 5 only, as on the real servo.
        goal_pwm: 1/885 of full duty; the goal of mode 16, and elsewhere a limit, whatever its sign.
        pwm_limit: 1/885 of full duty.
        profile_velocity: 0.229 rev/min, or the duration of a motion in ms; 0 for none.
        profile_acceleration: 214.577 rev/min^2, or the time of speeding up in ms; 0 for none.
        time_based: 1 where profiles are given as times, else 0.
        at_once: servos whose goals come from themselves, and so act without delay in the next ``advance``; booleans.
        jammed: joints that something holds fast; booleans.
        supply_limit: voltage that the supply does not exceed, (n, 1), V; infinite as a rule.
    """

    def __init__(self, num_hands: int) -> None:
        """Power up, torque off."""
        self.num_hands = num_hands
        shape = (num_hands, NUM_JOINTS)

        # The commands that seldom change lie in one piece, to see at once whether they have.
        at_power_up = [0, POSITION_MODE, 400, 0, 0, 180, 1600, CURRENT_MAX, CURRENT_MAX, PWM_FULL, PWM_FULL, 0, 0, 0]
        self._settings = np.zeros((len(at_power_up), *shape), dtype=np.int64)
        self._settings += np.array(at_power_up, dtype=np.int64)[:, None, None]
        (self.torque_enable, self.operating_mode, self.p_gain, self.i_gain, self.d_gain) = self._settings[:5]
        (self.velocity_p_gain, self.velocity_i_gain, self.goal_current, self.current_limit) = self._settings[5:9]
        (self.goal_pwm, self.pwm_limit, self.profile_velocity, self.profile_acceleration) = self._settings[9:13]
        self.time_based = self._settings[13]
        self.goal_position, self.goal_velocity = np.full(shape, ZERO_TICK), np.zeros(shape, dtype=np.int64)
        self.jammed, self.at_once = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
        self.supply_limit = np.full((num_hands, 1), np.inf)

    def goals(self) -> FloatArray:
        """The goal of each servo's mode, (n, 16)."""
        if is_position_mode(self.operating_mode).all():
            return self.goal_position.astype(np.float64)
        others = {CURRENT_MODE: self.goal_current, VELOCITY_MODE: self.goal_velocity, PWM_MODE: self.goal_pwm}
        chosen = [self.operating_mode == mode for mode in others]
        return np.select(chosen, list(others.values()), self.goal_position).astype(np.float64)

    @abstractmethod
    def advance(self, seconds: float) -> None:
        """Let time pass, a whole number of the physics' own steps of 5 ms."""

    @abstractmethod
    def present_position(self) -> IntArray:
        """Encoder positions, (n, 16), ticks, without homing offset."""

    @abstractmethod
    def present_velocity(self) -> IntArray:
        """Joint velocities, (n, 16), units of 0.229 rev/min."""

    @abstractmethod
    def present_current(self) -> IntArray:
        """Currents, (n, 16), mA, signed."""

    @abstractmethod
    def present_pwm(self) -> IntArray:
        """Duty of the bridges, (n, 16), 1/885, signed."""

    @abstractmethod
    def position_trajectory(self) -> IntArray:
        """Where the profiles are, (n, 16), ticks; outside the position modes the encoder positions."""

    @abstractmethod
    def velocity_trajectory(self) -> IntArray:
        """How fast the profiles move, (n, 16), units of 0.229 rev/min; without a profile 0."""

    @abstractmethod
    def profile_status(self) -> IntArray:
        """The bits of Moving Status that are about profiles, (n, 16)."""

    @abstractmethod
    def input_voltage(self) -> IntArray:
        """Supply voltage at the servos, (n, 16), 0.1 V."""

    @abstractmethod
    def temperature(self) -> IntArray:
        """Servo temperatures, (n, 16), degrees Celsius."""

    @abstractmethod
    def object_pose(self) -> FloatArray:
        """True pose of the objects, (n, 7): position in m, quaternion w x y z, hand frame."""

    @abstractmethod
    def place_object(self, ids: IntArray, scenes: Sequence[Scene], rng: np.random.Generator) -> None:
        """Put into each hand of ``ids`` the object of its scene, as a person would, and turn the wrist as it says."""

    @abstractmethod
    def hold_object(self, ids: IntArray, scenes: Sequence[Scene], rng: np.random.Generator) -> None:
        """Hold the object of its scene between the open fingers of each hand of ``ids``, until ``let_go``."""

    @abstractmethod
    def let_go(self, ids: IntArray) -> None:
        """Let go of the objects that are held."""

    @abstractmethod
    def turn(self, ids: IntArray, gravity: FloatArray) -> None:
        """Turn the wrists of the hands ``ids``: gravity in the hand frame, (len(ids), 3), m/s^2."""
