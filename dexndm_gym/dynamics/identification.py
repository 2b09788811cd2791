"""Finds the physics of every joint from recorded motion: robust least squares on short open-loop simulations."""

from collections.abc import Sequence

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import CONTROL_HZ, CONTROL_PERIOD
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.dynamics.joint_physics import PARAMETERS, JointPhysics, advance
from dexndm_gym.dynamics.least_squares import least_squares
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.hand.servo import SIM_SERVO

_RUN = 10
"""Control periods of each open-loop run: long enough that a wrong initial velocity is forgotten."""

_MOST_RUNS = 6000
"""Enough to know a joint by (50 min), and few enough for a minute of computing."""

_ERROR_SCALE = 0.004
"""Errors beyond this count ever less, rad: fingers that touched each other must not rule the fit."""

_LOGARITHMIC = np.array([name in ("stiffness", "damping", "friction") for name in PARAMETERS])
_UNIT = np.array([1.0, 1.0, 1.0, 0.05, 0.1, 0.02])
_LONGEST_DELAY = 0.9 * CONTROL_PERIOD


def typical_joints(count: int) -> FloatArray:
    """Parameters to start a search from: those of the simulated servo, (count, 6)."""
    stiffness = float(np.mean(SIM_SERVO.stiffness))
    return np.tile([stiffness, SIM_SERVO.damping, SIM_SERVO.frictionloss, 0.0, 0.0, 0.005], (count, 1))


def identify_joints(
    trajectories: Sequence[Trajectory], *, start: FloatArray | None = None, iterations: int = 15
) -> FloatArray:
    """Fit the physics of every joint to motion in which, mostly, nothing touched the fingers.

    Args:
        trajectories: motions of one hand.
        start: parameters to start from, (joints, 6) with the columns of ``PARAMETERS``; None for typical ones.
        iterations: least-squares steps at most.

    Returns:
        Parameters, (joints, 6).

    Raises:
        ConfigurationError: no trajectory is long enough.
    """
    position, velocity, commands, truth = _runs(trajectories)

    def residuals(points: FloatArray) -> FloatArray:
        joints = JointPhysics.from_table(_decode(points))
        now, speed, errors = position, velocity, []
        for period in range(_RUN):
            now, speed = advance(joints, now, speed, commands[period], commands[period + 1])
            errors.append(now - truth[period])
        # The first periods show the error of the initial velocity more than anything else.
        return np.concatenate(errors[1:], axis=-1)

    first = typical_joints(len(position)) if start is None else start
    return _decode(least_squares(residuals, _encode(first), error_scale=_ERROR_SCALE, iterations=iterations))


def _runs(trajectories: Sequence[Trajectory]) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Start position and velocity (joints, n), commands (run + 1, joints, n) from the one before on, true positions."""
    starts = [(t, first) for t in trajectories for first in range(1, len(t) - _RUN + 1, _RUN)]
    if not starts:
        raise ConfigurationError(
            f"identifying joints needs trajectories of at least {(_RUN + 1) / CONTROL_HZ} s, the longest has "
            f"{max((t.seconds for t in trajectories), default=0.0)} s"
        )
    starts = [starts[i] for i in np.linspace(0, len(starts) - 1, min(len(starts), _MOST_RUNS)).astype(int)]
    around = np.stack([t.position[k - 1 : k + _RUN + 1] for t, k in starts], axis=-1)
    commands = np.stack([t.command[k - 1 : k + _RUN] for t, k in starts], axis=-1)
    velocity = (around[2] - around[0]) / (2 * CONTROL_PERIOD)
    return around[1], velocity, commands, around[2:]


def _encode(table: FloatArray) -> FloatArray:
    return np.where(_LOGARITHMIC, np.log(np.maximum(table, 1e-6)), table / _UNIT)


def _decode(points: FloatArray) -> FloatArray:
    table = np.where(_LOGARITHMIC, np.exp(np.minimum(points, 10.0)), points * _UNIT)
    # Reflected, not cut off, at zero: without a slope there the search gets stuck, with a stiffness wrong by a third.
    delay = np.minimum(np.abs(table[..., -1:]), _LONGEST_DELAY)
    return np.concatenate((table[..., :-1], delay), axis=-1)
