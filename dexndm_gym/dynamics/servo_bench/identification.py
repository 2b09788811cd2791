"""Finds the physical parameters of a servo from logs: robust least squares on whole logs, open loop and step by step.

A few logs of one kind of motion do not show every parameter: none but fast ones show the back-EMF, none but free swings
the friction without load, and no slow one tells friction under load from a weaker motor. What they leave open is held
by what is known beforehand: the speed without load and the torque at stall that the vendor states, and how far servos
of this class differ from the defaults of ``ServoPhysics``. Without that, what a fit finds depends on the kinds of
motion that it was given. Fits start from several points because friction that holds an arm or lets it slip makes many
local minima.
"""

from dataclasses import replace

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.dynamics.least_squares import least_squares, robust_cost
from dexndm_gym.dynamics.servo_bench.logs import ServoTicks
from dexndm_gym.dynamics.servo_bench.physics import Pendulum, ServoPhysics, observe, simulate

_SPREAD = {
    "stall_torque": 0.4,
    "no_load_speed": 0.1,
    "saturation": 0.15,
    "armature": 0.2,
    "coulomb": 0.5,
    "load_friction": 0.15,
    "viscous": 0.3,
    "arm_stiffness": 0.3,
    "arm_damping": 1.0,
    "offset": 0.02,
}
"""Standard deviation of each parameter about what is expected, of the logarithm but for those of ``_SIGNED``.

The motor is searched by what its data sheet states, torque at rest and speed without load, both at full duty: gears are
known to leave less of the torque than of the speed. How the torque saturates follows from the torques at stall that the
vendor states for three voltages, and is known better than its size. Armature, load friction and viscous friction are
those that others published for several models of the XL330-M288 (0.0018 to 0.0021 kg m^2, 0.27 to 0.34, 0.0037 to
0.0042 N m s/rad). The arm's figures are guesses of the bench.
"""

_SIGNED = {"offset"}
"""All other parameters are positive and searched by their logarithm."""

_ERROR_SCALE = 0.02
"""Errors beyond this count ever less, rad: a joint that stuck elsewhere must not rule the fit."""

_ALIKE = 4
"""Errors of neighboring samples are alike: so many of them, each as large as ``_ERROR_SCALE``, weigh as much as one
parameter that is off by its standard deviation."""

_ONE_STEP_WEIGHT = 4.0
"""How many times more an error one step ahead of the measured motion counts than one open loop, where errors add up."""

_STARTS = 4


def identify(
    ticks: ServoTicks,
    pendulum: Pendulum,
    *,
    no_load_speed: float,
    stall_torque: float,
    iterations: int = 25,
    starts: int = _STARTS,
    seed: int = 0,
) -> ServoPhysics:
    """Fit all parameters to logs.

    Args:
        ticks: the logs, with ``SUBSTEPS`` commands per period.
        pendulum: what the servo moves.
        no_load_speed: speed at full duty and without a load that the vendor states, at the voltage of the logs, rad/s.
        stall_torque: torque at full duty and at rest, likewise, N m.
        iterations: Levenberg-Marquardt steps at most.
        starts: how many points to start from; the first is what is expected beforehand.
        seed: of the other points.
    """
    expected = vars(ServoPhysics()) | {"no_load_speed": no_load_speed, "stall_torque": stall_torque}
    center = np.array([_encode(name, expected[name]) for name in _SPREAD])
    spread = np.array(list(_SPREAD.values()))

    def residuals(points: FloatArray) -> FloatArray:
        servos = _physics(points.reshape(-1, len(center)), near=no_load_speed)
        start = np.broadcast_to(ticks.position[0], (points.shape[0] * points.shape[1], len(ticks.gain)))
        open_loop = simulate(servos, pendulum, ticks, start) - ticks.position[1:, None]
        one_step = observe(servos, pendulum, ticks)[1] - ticks.position[1:, None]
        errors = np.stack((open_loop, _ONE_STEP_WEIGHT * one_step)).swapaxes(0, 2)
        prior = np.sqrt(_ALIKE) * _ERROR_SCALE * (points - center) / spread
        return np.concatenate((errors.reshape(*points.shape[:2], -1), prior), axis=-1)

    scatter = np.random.default_rng(seed).normal(size=(starts, len(center)))
    scatter[0] = 0.0
    found = least_squares(
        residuals,
        center + 0.5 * spread * scatter,
        error_scale=_ERROR_SCALE,
        iterations=iterations,
        beliefs=len(center),
    )
    costs = robust_cost(residuals(found[None])[0], _ERROR_SCALE, beliefs=len(center))
    best = _physics(found[[costs.argmin()]], near=no_load_speed)
    return ServoPhysics(**{name: float(value[0, 0]) for name, value in vars(best).items()})


def free_speed(servo: ServoPhysics, near: float) -> FloatArray:
    """Speed at full duty without a load, rad/s, where it is about ``near``."""
    return np.asarray(servo.stall_torque / servo.back_emf * _share_left(servo, near))


def _share_left(servo: ServoPhysics, speed: float) -> FloatArray:
    """Share of the duty that back-EMF has to make up at a speed without a load; friction takes the rest."""
    friction = np.asarray(servo.coulomb + servo.viscous * speed)
    current = friction / np.maximum(servo.stall_torque - servo.saturation * friction, 1e-3)
    return np.maximum(1 - current, 0.1)


def _encode(name: str, value: float) -> float:
    return value if name in _SIGNED else float(np.log(value))


def _physics(points: FloatArray, near: float) -> ServoPhysics:
    """Parameters of the search, (m, parameters), as m servos that turn about as fast as ``near`` without a load."""
    columns = {name: points[:, [column]] for column, name in enumerate(_SPREAD)}
    values = {name: value if name in _SIGNED else np.exp(value) for name, value in columns.items()}
    speed, at_stall = values.pop("no_load_speed"), values.pop("stall_torque")
    servo = ServoPhysics(stall_torque=at_stall * (1 + values["saturation"]), **values)
    return replace(servo, back_emf=servo.stall_torque / speed * _share_left(servo, near))
