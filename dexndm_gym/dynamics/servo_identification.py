"""Finds the physical parameters of a servo from logs: robust least squares on open-loop simulations of whole logs."""

from dataclasses import fields

import numpy as np

from dexndm_gym.data.servo_logs import ServoTicks
from dexndm_gym.dynamics.least_squares import least_squares
from dexndm_gym.dynamics.servo_physics import Pendulum, ServoPhysics, simulate
from dexndm_gym.leap.joints import FloatArray

_NAMES = tuple(field.name for field in fields(ServoPhysics))
_SIGNED = {"offset"}
"""All other parameters are positive and searched by their logarithm."""

_ERROR_SCALE = 0.1
"""Errors beyond this count ever less, rad: a joint that stuck elsewhere must not rule the fit."""


def identify(ticks: ServoTicks, pendulum: Pendulum, *, iterations: int = 25) -> ServoPhysics:
    """Fit all parameters to logs.

    Args:
        ticks: the logs, with ``SUBSTEPS`` commands per period.
        pendulum: what the servo moves.
        iterations: Levenberg-Marquardt steps at most.
    """

    def residuals(points: FloatArray) -> FloatArray:
        start = np.broadcast_to(ticks.position[0], (len(points), len(ticks.gain)))
        error = simulate(_physics(points[:, 0]), pendulum, ticks, start) - ticks.position[1:, None]
        return error.swapaxes(0, 1).reshape(len(points), 1, -1)

    first = [getattr(ServoPhysics(), name) for name in _NAMES]
    start = np.array([value if name in _SIGNED else np.log(value) for name, value in zip(_NAMES, first, strict=True)])
    best = _physics(least_squares(residuals, start[None], error_scale=_ERROR_SCALE, iterations=iterations))
    return ServoPhysics(**{name: float(getattr(best, name)[0, 0]) for name in _NAMES})


def _physics(points: FloatArray) -> ServoPhysics:
    """Parameters of the search, (m, parameters), as m servos."""
    columns = {name: points[:, [column]] for column, name in enumerate(_NAMES)}
    return ServoPhysics(**{name: value if name in _SIGNED else np.exp(value) for name, value in columns.items()})
