"""What the compiled functions work on: float32 arrays in which hands lie side by side, along the last axis."""

from typing import NamedTuple

import numpy as np

from dexndm_gym.dynamics.inference_model import Array


class Windows(NamedTuple):
    """What one joint of n hands did and was told, in rad, oldest first; all but ``present`` relative to it."""

    present: Array
    """Present positions, (n,)."""

    past_position: Array
    """Positions before, (W-1, n)."""

    commanded: Array
    """Commands sent before, (W-1, n)."""


class ControlBatch(NamedTuple):
    """The same of all joints, and what is to be corrected; ``previous`` is an absolute offset in rad."""

    present: Array
    """Present positions, (joints, n)."""

    past_position: Array
    """Positions before, (joints, W-1, n)."""

    past_target: Array
    """Targets before, (joints, W-1, n)."""

    past_command: Array
    """Commands that were sent for them, (joints, W-1, n)."""

    commanded: Array
    """Targets to apply now, (joints, n)."""

    previous: Array
    """Last corrections, (joints, n)."""


class Objective(NamedTuple):
    """What the inverse minimizes, and within which limits."""

    bound: np.float32
    """Largest correction, rad."""

    rate_limit: np.float32
    """Largest change of the correction, rad."""

    correction_weight: np.float32
    """Weight of a correction, squared."""

    change_weight: np.float32
    """Weight of its change, squared."""

    shares: Array
    """Where to try corrections, from 0 to 1 of what is allowed, (candidates,)."""
