"""Finds the physical parameters of a servo from logs: robust least squares on open-loop simulations of whole logs."""

from collections.abc import Callable
from dataclasses import fields

import numpy as np

from dexndm_gym.data.servo_logs import ServoTicks
from dexndm_gym.dynamics.servo_physics import Pendulum, ServoPhysics, simulate
from dexndm_gym.leap.joints import FloatArray

_NAMES = tuple(field.name for field in fields(ServoPhysics))
_SIGNED = {"offset"}
"""All other parameters are positive and searched by their logarithm."""

_ERROR_SCALE = 0.1
"""Errors beyond this count ever less, rad: a joint that stuck elsewhere must not rule the fit."""

_DIFFERENCE = 1e-3
_LARGEST_MOVE = 0.5
_DAMPINGS = np.array([0.1, 1.0, 10.0, 100.0])


def identify(ticks: ServoTicks, pendulum: Pendulum, *, iterations: int = 25) -> ServoPhysics:
    """Fit all parameters to logs.

    Args:
        ticks: the logs, with ``SUBSTEPS`` commands per period.
        pendulum: what the servo moves.
        iterations: Levenberg-Marquardt steps at most.
    """

    def residuals(points: FloatArray) -> FloatArray:
        start = np.broadcast_to(ticks.position[0], (len(points), len(ticks.gain)))
        error = simulate(_physics(points), pendulum, ticks, start) - ticks.position[1:, None]
        return error.swapaxes(0, 1).reshape(len(points), -1)

    first = [getattr(ServoPhysics(), name) for name in _NAMES]
    start = np.array([value if name in _SIGNED else np.log(value) for name, value in zip(_NAMES, first, strict=True)])
    best = _physics(_least_squares(residuals, start, iterations)[None])
    return ServoPhysics(**{name: float(getattr(best, name)[0, 0]) for name in _NAMES})


def _physics(points: FloatArray) -> ServoPhysics:
    """Parameters of the search, (m, parameters), as m servos."""
    columns = {name: points[:, [column]] for column, name in enumerate(_NAMES)}
    return ServoPhysics(**{name: value if name in _SIGNED else np.exp(value) for name, value in columns.items()})


def _least_squares(residuals: Callable[[FloatArray], FloatArray], start: FloatArray, iterations: int) -> FloatArray:
    """Levenberg-Marquardt with a Cauchy loss; many points are simulated together, so trying four dampings is cheap."""
    point, damping = start, 1e-2
    for _ in range(iterations):
        shifted = point + _DIFFERENCE * np.vstack((np.zeros(len(point)), np.eye(len(point))))
        error, *moved = residuals(shifted)
        slopes = (np.array(moved) - error).T / _DIFFERENCE
        weight = 1 / (1 + (error / _ERROR_SCALE) ** 2)
        curvature, downhill = slopes.T @ (weight[:, None] * slopes), -slopes.T @ (weight * error)
        scale = np.diag(np.diag(curvature) + 1e-6)
        moves = [np.linalg.solve(curvature + d * scale, downhill) for d in damping * _DAMPINGS]
        candidates = point + np.clip(moves, -_LARGEST_MOVE, _LARGEST_MOVE)
        costs, cost = _cost(residuals(candidates)), _cost(error[None])[0]
        best = int(np.argmin(costs))
        if costs[best] >= cost:
            damping *= 100
            if damping > 1e6:
                break
            continue
        point, damping = candidates[best], max(damping * _DAMPINGS[best], 1e-6)
        if cost - costs[best] < 1e-4 * cost:
            break
    return point


def _cost(errors: FloatArray) -> FloatArray:
    return np.log1p((errors / _ERROR_SCALE) ** 2).sum(axis=-1)
