"""Finds the physical parameters of a servo from logs: robust least squares on whole logs, open loop and step by step.

A few logs of one kind of motion do not show every parameter: none but fast ones show the back-EMF, none but free swings
the friction without load, and no slow one tells friction under load from a weaker motor. What they leave open is held
by what is known beforehand: how far servos of this class differ from the defaults of ``ServoPhysics``, and the speed
without load that the vendor states. Without that, what a fit finds depends on the kinds of motion that it was given.
Fits start from several points because friction that holds an arm or lets it slip makes many local minima.
"""

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.dynamics.least_squares import least_squares
from dexndm_gym.dynamics.servo_bench.logs import ServoTicks
from dexndm_gym.dynamics.servo_bench.physics import Pendulum, ServoPhysics, observe, simulate

_SPREAD = {
    "stall_torque": 0.5,
    "back_emf": 1.0,
    "saturation": 1.0,
    "armature": 0.1,
    "coulomb": 0.5,
    "load_friction": 0.15,
    "viscous": 0.3,
    "arm_stiffness": 0.3,
    "arm_damping": 1.0,
    "offset": 0.02,
}
"""Standard deviation of each parameter about its default, of the logarithm but for those of ``_SIGNED``.

Armature, load friction and viscous friction are those that others published for several models of the XL330-M288
(0.0018 to 0.0021 kg m^2, 0.27 to 0.34, 0.0037 to 0.0042 N m s/rad); what holds the motor's torque is the data sheet's
speed without load. The arm's figures are guesses of the bench.
"""

_SIGNED = {"offset"}
"""All other parameters are positive and searched by their logarithm."""

_SPEED_SPREAD = 0.1
"""The same of the speed without load, about the vendor's."""

_ERROR_SCALE = 0.05
"""Errors beyond this count ever less, rad: a joint that stuck elsewhere must not rule the fit. One sample wrong by this
weighs as much as one parameter off by its standard deviation."""

_ONE_STEP_WEIGHT = 4.0
"""How many times more an error one step ahead of the measured motion counts than one open loop, where errors add up."""

_STARTS = 4


def identify(
    ticks: ServoTicks,
    pendulum: Pendulum,
    *,
    no_load_speed: float,
    iterations: int = 25,
    starts: int = _STARTS,
    seed: int = 0,
) -> ServoPhysics:
    """Fit all parameters to logs.

    Args:
        ticks: the logs, with ``SUBSTEPS`` commands per period.
        pendulum: what the servo moves.
        no_load_speed: speed at full duty and without a load that the vendor states, at the voltage of the logs, rad/s.
        iterations: Levenberg-Marquardt steps at most.
        starts: how many points to start from; the first is what is expected beforehand.
        seed: of the other points.
    """
    center = np.array([_encode(name, getattr(ServoPhysics(), name)) for name in _SPREAD])
    spread = np.array(list(_SPREAD.values()))

    def residuals(points: FloatArray) -> FloatArray:
        servos = _physics(points.reshape(-1, len(center)))
        start = np.broadcast_to(ticks.position[0], (points.shape[0] * points.shape[1], len(ticks.gain)))
        open_loop = simulate(servos, pendulum, ticks, start) - ticks.position[1:, None]
        one_step = observe(servos, pendulum, ticks)[1] - ticks.position[1:, None]
        errors = np.stack((open_loop, _ONE_STEP_WEIGHT * one_step)).swapaxes(0, 2)
        speed = np.log(free_speed(servos, no_load_speed) / no_load_speed) / _SPEED_SPREAD
        prior = np.concatenate(((points - center) / spread, speed.reshape(*points.shape[:2], 1)), axis=-1)
        return np.concatenate((errors.reshape(*points.shape[:2], -1), _ERROR_SCALE * prior), axis=-1)

    scatter = np.random.default_rng(seed).normal(size=(starts, len(center)))
    scatter[0] = 0.0
    found = least_squares(residuals, center + 0.5 * spread * scatter, error_scale=_ERROR_SCALE, iterations=iterations)
    misses = residuals(found[None])[0]
    best = found[np.log1p((misses / _ERROR_SCALE) ** 2).sum(axis=-1).argmin()]
    return ServoPhysics(**{name: float(getattr(_physics(best[None]), name)[0, 0]) for name in _SPREAD})


def free_speed(servo: ServoPhysics, near: float) -> FloatArray:
    """Speed at full duty without a load, rad/s, where it is about ``near``."""
    friction = np.asarray(servo.coulomb + servo.viscous * near)
    current = friction / (servo.stall_torque - servo.saturation * friction)
    return servo.stall_torque / servo.back_emf * np.maximum(1 - current, 0.1)


def _encode(name: str, value: float) -> float:
    return value if name in _SIGNED else float(np.log(value))


def _physics(points: FloatArray) -> ServoPhysics:
    """Parameters of the search, (m, parameters), as m servos."""
    columns = {name: points[:, [column]] for column, name in enumerate(_SPREAD)}
    return ServoPhysics(**{name: value if name in _SIGNED else np.exp(value) for name, value in columns.items()})
