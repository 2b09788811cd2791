"""Robust nonlinear least squares: Levenberg-Marquardt with a Cauchy loss, many small problems and many points at once.

What is believed beforehand may be among the residuals, without the robust loss: a parameter that nobody would believe
is no outlier.

``scipy.optimize.least_squares`` solves one problem at a time and asks for one point at a time. Our residuals are
simulations, which cost about the same for one point or fifty.
"""

from collections.abc import Callable

import numpy as np

from dexndm_gym.arrays import FloatArray

_DIFFERENCE = 1e-3
_LARGEST_MOVE = 0.5
_DAMPINGS = np.array([0.1, 1.0, 10.0, 100.0])
_GIVE_UP = 1e6
_GOOD_ENOUGH = 1e-4
_TINY = 1e-6


def least_squares(
    residuals: Callable[[FloatArray], FloatArray],
    start: FloatArray,
    *,
    error_scale: float,
    iterations: int,
    beliefs: int = 0,
) -> FloatArray:
    """Minimize the robust sum of squares of p independent problems with k parameters each.

    Args:
        residuals: maps m points (m, p, k) to their errors (m, p, n).
        start: where to begin, (p, k); parameters should be of order one.
        error_scale: errors beyond this count ever less.
        iterations: steps at most.
        beliefs: how many residuals, the last ones, are not errors but distances from what is believed beforehand; these
            count by their square however large they are.

    Returns:
        The best points found, (p, k).
    """
    point, damping = start.copy(), np.full(len(start), 1e-2)
    rows, parameters = np.arange(len(start)), start.shape[1]
    errors = slice(0, -beliefs or None)
    for _ in range(iterations):
        error, *moved = residuals(point + _DIFFERENCE * np.vstack((np.zeros(parameters), np.eye(parameters)))[:, None])
        slopes = (np.array(moved) - error) / _DIFFERENCE
        weight = np.ones_like(error)
        weight[:, errors] = 1 / (1 + (error[:, errors] / error_scale) ** 2)
        curvature = np.einsum("kpn,pn,lpn->pkl", slopes, weight, slopes, optimize=True)
        downhill = -np.einsum("kpn,pn,pn->pk", slopes, weight, error, optimize=True)
        scale = (np.einsum("pkk->pk", curvature)[..., None] + _TINY) * np.eye(parameters)
        dampings = (damping * _DAMPINGS[:, None])[..., None, None]
        moves = np.linalg.solve(curvature + dampings * scale, downhill[..., None])[..., 0]
        candidates = point + np.clip(moves, -_LARGEST_MOVE, _LARGEST_MOVE)
        costs, cost = (robust_cost(one, error_scale, beliefs) for one in (residuals(candidates), error))
        best = costs.argmin(axis=0)
        gain = cost - costs[best, rows]
        better = gain > 0
        point = np.where(better[:, None], candidates[best, rows], point)
        damping *= np.where(better, _DAMPINGS[best], 100.0)
        damping = np.maximum(damping, 1e-6)
        if np.where(better, gain < _GOOD_ENOUGH * cost, damping > _GIVE_UP).all():
            break
    return point


def robust_cost(residuals: FloatArray, error_scale: float, beliefs: int = 0) -> FloatArray:
    """What ``least_squares`` minimizes, of residuals (..., n)."""
    squares = (residuals / error_scale) ** 2
    count = squares.shape[-1] - beliefs
    return np.log1p(squares[..., :count]).sum(axis=-1) + squares[..., count:].sum(axis=-1)
