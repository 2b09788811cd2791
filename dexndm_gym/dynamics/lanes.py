"""What the compiled functions work on: float32 arrays in which hands lie side by side, along the last axis."""

from typing import NamedTuple

import numpy as np

from dexndm_gym.dynamics.folded import Array


class Windows(NamedTuple):
    """What one joint of n hands did and was told, in rad, oldest first; all but ``present`` relative to it."""

    present: Array
    """Present positions, (n,)."""

    moved: Array
    """Positions before, (W-1, n)."""

    asked: Array
    """Targets sent before, (W-1, n)."""


class Moments(NamedTuple):
    """The same of all joints, and what is to be corrected; ``previous`` too is relative to nothing."""

    present: Array
    """Present positions, (joints, n)."""

    moved: Array
    """Positions before, (joints, W-1, n)."""

    base: Array
    """Base targets before, (joints, W-1, n)."""

    sent: Array
    """Targets that were sent for them, (joints, W-1, n)."""

    asked: Array
    """Base targets to apply now, (joints, n)."""

    previous: Array
    """Last corrections, (joints, n)."""


class Objective(NamedTuple):
    """What the inverse minimises, and within which limits."""

    bound: np.float32
    """Largest correction, rad."""

    rate_limit: np.float32
    """Largest change of the correction, rad."""

    price: np.float32
    """Price of a correction, squared."""

    change_price: np.float32
    """Price of a change, squared."""

    shares: Array
    """Where to try corrections, from 0 to 1 of what is allowed, (candidates,)."""
