"""One position servo with a pendulum on its horn, as physics: a motor that saturates, a gearbox that rubs under load.

The gearbox's dry friction grows with the torque that passes through it, which for a swinging, switched-off arm is next
to nothing and for one that is held up is its weight. The arm bends: where the motor turns back, friction changes sides,
and in logs of fast motion the horn, whose position is measured, then stands still for some 30 ms and jumps after.
"""

from dataclasses import dataclass, fields

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.checks import Checked, NotNegative, Positive
from dexndm_gym.compiling import compiled
from dexndm_gym.constants import CONTROL_HZ, GRAVITY, TICKS_PER_TURN
from dexndm_gym.dynamics.servo_bench.logs import ServoTicks

SUBSTEPS = 20
"""Integration steps per control period (2.5 ms each)."""

_STEP = 1 / CONTROL_HZ / SUBSTEPS
_TICKS_PER_RAD = TICKS_PER_TURN / (2 * np.pi)
_GAIN_UNIT, _FULL_PWM = 256, 885
_VELOCITY_CORRECTION = 0.85
"""Correction of the mass's velocity per mean velocity missed in a period."""

_PUSH_CORRECTION, _PUSH_DECAY = 0.4, 0.75
"""Correction of the unexplained torque per torque that would have made up the miss, and what is left of that torque one
period later."""

_UNMEASURED = np.empty((0, 0))

Parameter = float | FloatArray


@dataclass(frozen=True, kw_only=True)
class Pendulum(Checked):
    """A point mass on an arm; at zero it hangs down."""

    mass: NotNegative = 0.49
    """kg."""

    length: Positive = 0.10
    """m."""


@dataclass(frozen=True, kw_only=True)
class ServoPhysics:
    """Parameters of a servo and its arm. Arrays (m, 1) stand for m servos at once."""

    stall_torque: Parameter = 0.75
    """Torque at full voltage and rest if the motor did not saturate, N m."""

    back_emf: Parameter = 0.04
    """Torque lost per speed while the motor is on, N m s/rad."""

    saturation: Parameter = 0.56
    """How many times less torque than a linear motor it has at stall, less one: the more current, the less torque each
    ampere adds. 0.42, 0.52 and 0.60 N m at 3.7, 5 and 6 V, says the maker, which makes 0.56 at 7.4 V. Logs show it too,
    not why: their supply voltage falls by 3 % at stall."""

    armature: Parameter = 0.0018
    """Inertia of rotor, gears and horn as seen at the horn, kg m^2."""

    coulomb: Parameter = 0.01
    """Dry friction without load, N m."""

    load_friction: Parameter = 0.3
    """Dry friction per torque through the gearbox."""

    viscous: Parameter = 0.004
    """Viscous friction, N m s/rad."""

    arm_stiffness: Parameter = 6.0
    """Torque per angle between the horn and the mass on the arm, N m/rad."""

    arm_damping: Parameter = 0.02
    """Torque per speed of one against the other, N m s/rad."""

    offset: Parameter = 0.0
    """Position at which the pendulum truly hangs down, with opposite sign, rad."""


@dataclass(frozen=True)
class ServoState:
    """State between two steps, arrays of one shape."""

    position: FloatArray
    """Where the horn is, rad."""

    velocity: FloatArray
    """How fast it turns, rad/s."""

    mass_position: FloatArray
    """Where the mass is, rad: a bent arm's is not the horn's."""

    mass_velocity: FloatArray
    """rad/s."""

    push: FloatArray
    """Torque on the mass that the physics does not explain, N m; it fades away."""

    @classmethod
    def at_rest(cls, position: FloatArray) -> "ServoState":
        """A servo that stands still without load."""
        still = np.zeros_like(position)
        return cls(position, still, position, still, still)


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
        torque_on: strength of the motor where it is on, else 0, (S, n).
        gain: Position P Gain registers, (n,).
    """
    shape = np.broadcast_shapes(np.shape(state.position), np.shape(gain), np.shape(servo.armature))
    states, goal, torque_on = _lanes(state, shape), goal.reshape(1, len(goal), -1), torque_on.reshape(1, len(goal), -1)
    states, _ = _play(_lanes(servo, shape), *_loads(pendulum), states, goal, torque_on, _stiffness(gain), _UNMEASURED)
    return ServoState(*states[1].reshape(-1, *shape))


def simulate(servo: ServoPhysics, pendulum: Pendulum, ticks: ServoTicks, position: FloatArray) -> FloatArray:
    """Positions (T, ..., n) after each control period, from rest at ``position`` (..., n)."""
    return _follow(servo, pendulum, ticks, position, _UNMEASURED)[1]


def observe(servo: ServoPhysics, pendulum: Pendulum, ticks: ServoTicks) -> tuple[list[ServoState], FloatArray]:
    """Follow measured motion, estimating what is not measured.

    Returns:
        The state at the start of each control period, its position the measured one, and the position predicted for its
        end, (T, ..., n) rad.
    """
    states, predicted = _follow(servo, pendulum, ticks, ticks.position[0], ticks.position)
    return [ServoState(*state) for state in states[:-1]], predicted


def _follow(
    servo: ServoPhysics, pendulum: Pendulum, ticks: ServoTicks, position: FloatArray, measured: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """States (T + 1, 5, ..., n) from rest on, and the position at the end of each period before it was measured."""
    shape = np.broadcast_shapes(np.shape(position), ticks.gain.shape, np.shape(servo.armature))
    start, servos = _lanes(ServoState.at_rest(position), shape), _lanes(servo, shape)
    stiffness = _stiffness(ticks.gain)
    states, predicted = _play(servos, *_loads(pendulum), start, ticks.goal, ticks.torque_on, stiffness, measured)
    return states.reshape(*states.shape[:2], *shape), predicted.reshape(len(predicted), *shape)


def _lanes(values: ServoPhysics | ServoState, shape: tuple[int, ...]) -> FloatArray:
    """All fields side by side, (fields, lanes): every servo with every log is a lane."""
    return np.array([np.broadcast_to(getattr(values, each.name), shape).ravel() for each in fields(values)])


def _loads(pendulum: Pendulum) -> tuple[float, float]:
    """Inertia, kg m^2, and torque of the weight where it is largest, N m."""
    return pendulum.mass * pendulum.length**2, pendulum.mass * GRAVITY * pendulum.length


def _stiffness(gain: FloatArray) -> FloatArray:
    """Duty per angle between goal and horn, 1/rad."""
    return gain / _GAIN_UNIT * _TICKS_PER_RAD / _FULL_PWM


@compiled
def _play(
    servos: FloatArray,
    inertia: float,
    weight: float,
    start: FloatArray,
    goal: FloatArray,
    torque_on: FloatArray,
    stiffness: FloatArray,
    measured: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """States (T + 1, 5, lanes) from ``start`` (5, lanes) on, and positions (T, lanes) before measurements correct them.

    Goals (T, S, columns), duty per angle (columns,) and measured positions (T + 1, columns) repeat along the lanes; if
    there are no measured positions nothing is corrected.
    """
    states, predicted = np.empty((len(goal) + 1, *start.shape)), np.empty((len(goal), start.shape[1]))
    for lane in range(start.shape[1]):
        stall, back_emf, saturation, armature, coulomb, load_friction, viscous, arm, damping, offset = servos[:, lane]
        horn, turning, mass, swinging, push = start[:, lane]
        for field in range(len(start)):
            states[0, field, lane] = start[field, lane]
        column, gain = lane % goal.shape[2], stiffness[lane % len(stiffness)]
        # Implicit, so that no damping is too much for the step.
        damping = damping / (1 + _STEP * damping * (1 / armature + 1 / inertia))
        per_torque = _STEP / armature
        slowing, fall, per_speed = 1 / (1 + per_torque * viscous), _STEP / inertia, back_emf / stall
        for tick in range(len(goal)):
            for step in range(goal.shape[1]):
                duty = min(max(gain * (goal[tick, step, column] - horn), -1.0), 1.0)
                current = duty - per_speed * turning
                motor = torque_on[tick, step, column] * stall * current / (1 + saturation * abs(current))
                load = arm * (mass - horn) + damping * (swinging - turning)
                free = (turning + per_torque * (motor + load)) * slowing
                stoppable = per_torque * (coulomb + load_friction * abs(load))
                turning = free - min(max(free, -stoppable), stoppable)
                swinging += fall * (push - weight * np.sin(mass + offset) - load)
                horn, mass = horn + _STEP * turning, mass + _STEP * swinging
            push *= _PUSH_DECAY
            predicted[tick, lane] = horn
            if len(measured) > 0:
                missed = measured[tick + 1, column] - horn
                horn += missed
                mass += missed
                swinging += _VELOCITY_CORRECTION * CONTROL_HZ * missed
                push += _PUSH_CORRECTION * (inertia + armature) * CONTROL_HZ**2 * missed
            after = states[tick + 1]
            after[0, lane], after[1, lane], after[2, lane] = horn, turning, mass
            after[3, lane], after[4, lane] = swinging, push
    return states, predicted
