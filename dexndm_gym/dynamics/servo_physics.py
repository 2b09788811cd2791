"""One position servo with a pendulum on its horn, as physics: a motor that saturates, a gearbox that rubs under load.

The gearbox's dry friction grows with the torque that passes through it, which for a swinging, switched-off arm is next
to nothing and for one that is held up is its weight.
"""

from dataclasses import dataclass

import numpy as np

from dexndm_gym.data.servo_logs import ServoTicks
from dexndm_gym.data.trajectory import CONTROL_HZ
from dexndm_gym.leap.joints import FloatArray

SUBSTEPS = 20
"""Integration steps per control period (2.5 ms each)."""

_STEP = 1 / CONTROL_HZ / SUBSTEPS
_GRAVITY = 9.81
_TICKS_PER_RAD = 4096 / (2 * np.pi)
_GAIN_UNIT, _FULL_PWM = 256, 885
_LOAD_SMOOTHING = 0.3
_VELOCITY_CORRECTION = 0.7
"""Correction of the velocity per mean velocity missed in a period."""

_PUSH_CORRECTION, _PUSH_DECAY = 0.4, 0.7
"""Correction of the unexplained torque per torque that would have made up the miss, and what is left of that torque one
period later. With these three from a coarse grid, the error of one step changes by about 5 % when one of them changes
by a quarter, whichever kind of motion is held out."""

Parameter = float | FloatArray


@dataclass(frozen=True, kw_only=True)
class Pendulum:
    """A point mass on an arm; at zero it hangs down."""

    mass: float = 0.49
    """kg."""

    length: float = 0.10
    """m."""


@dataclass(frozen=True, kw_only=True)
class ServoPhysics:
    """Parameters of a servo. Arrays (m, 1) stand for m servos at once."""

    stall_torque: Parameter = 0.75
    """Torque at full voltage and rest if the motor did not saturate, N m."""

    back_emf: Parameter = 0.04
    """Torque lost per speed while the motor is on, N m s/rad."""

    saturation: Parameter = 0.4
    """How many times less torque than a linear motor it has at stall, less one: the more current, the less torque each
    ampere adds. Logs show that it does, not why: their supply voltage falls by 3 % at stall."""

    armature: Parameter = 0.002
    """Inertia of rotor and gears as seen at the horn, kg m^2."""

    coulomb: Parameter = 0.01
    """Dry friction without load, N m."""

    load_friction: Parameter = 0.2
    """Dry friction per torque through the gearbox."""

    viscous: Parameter = 0.005
    """Viscous friction, N m s/rad."""

    offset: Parameter = 0.0
    """Position at which the pendulum truly hangs down, with opposite sign, rad."""


@dataclass(frozen=True)
class ServoState:
    """State between two steps, arrays of one shape."""

    position: FloatArray
    """rad."""

    velocity: FloatArray
    """rad/s."""

    load: FloatArray
    """Torque through the gearbox, N m."""

    push: FloatArray
    """Torque on the link that the physics does not explain, N m; it fades away."""

    @classmethod
    def at_rest(cls, position: FloatArray) -> "ServoState":
        """A servo that stands still without load."""
        return cls(position, *(np.zeros_like(position) for _ in range(3)))


def advance(
    servo: ServoPhysics,
    pendulum: Pendulum,
    state: ServoState,
    goal: FloatArray,
    torque_on: FloatArray,
    gain: FloatArray,
) -> ServoState:
    """Simulate one control period.

    Args:
        servo: parameters.
        pendulum: what the servo moves.
        state: where it starts, (..., n).
        goal: goal positions, (S, n), rad.
        torque_on: 1 where the motor is on, (S, n).
        gain: Position P Gain registers, (n,).
    """
    link = pendulum.mass * pendulum.length**2
    inertia = link + servo.armature
    stiffness = gain / _GAIN_UNIT * _TICKS_PER_RAD / _FULL_PWM
    position, velocity, load, push = state.position, state.velocity, state.load, state.push
    for step in range(len(goal)):
        duty = np.clip(stiffness * (goal[step] - position), -1, 1)
        current = duty - servo.back_emf / servo.stall_torque * velocity
        motor = torque_on[step] * servo.stall_torque * current / (1 + servo.saturation * np.abs(current))
        weight = -pendulum.mass * _GRAVITY * pendulum.length * np.sin(position + servo.offset)
        free = (velocity + _STEP / inertia * (motor + weight + push)) / (1 + _STEP / inertia * servo.viscous)
        stoppable = _STEP / inertia * (servo.coulomb + servo.load_friction * np.abs(load))
        after = free - np.clip(free, -stoppable, stoppable)
        # Smoothed, because friction and load depend on each other.
        load = load + _LOAD_SMOOTHING * (link * (after - velocity) / _STEP - weight - load)
        velocity = after
        position = position + _STEP * velocity
    return ServoState(position, velocity, load, _PUSH_DECAY * push)


def simulate(servo: ServoPhysics, pendulum: Pendulum, ticks: ServoTicks, position: FloatArray) -> FloatArray:
    """Positions (T, ..., n) after each control period, from rest at ``position`` (..., n)."""
    state, positions = ServoState.at_rest(position), []
    for goal, torque_on in zip(ticks.goal, ticks.torque_on, strict=True):
        state = advance(servo, pendulum, state, goal, torque_on, ticks.gain)
        positions.append(state.position)
    return np.array(positions)


def observe(servo: ServoPhysics, pendulum: Pendulum, ticks: ServoTicks) -> tuple[list[ServoState], FloatArray]:
    """Follow measured motion, estimating what is not measured.

    Returns:
        The state at the start of each control period, its position the measured one, and the position predicted for its
        end, (T, n) rad.
    """
    state, states, predicted = ServoState.at_rest(ticks.position[0]), [], []
    inertia = pendulum.mass * pendulum.length**2 + servo.armature
    for tick, measured in enumerate(ticks.position[1:]):
        states.append(state)
        after = advance(servo, pendulum, state, ticks.goal[tick], ticks.torque_on[tick], ticks.gain)
        predicted.append(after.position)
        missed = CONTROL_HZ * (measured - after.position)
        velocity = after.velocity + _VELOCITY_CORRECTION * missed
        push = after.push + _PUSH_CORRECTION * inertia * CONTROL_HZ * missed
        state = ServoState(measured, velocity, after.load, push)
    return states, np.array(predicted)
