"""The sixteen joints: names, order, limits and reference poses.

Joint order everywhere in this package is the motor ids 0..15 of the real hand. Angles are in rad, zero is the flat open
hand, positive flexes. Limits are those of the vendor's URDF and API: other published models shift the limits of the
thumb by one joint.
"""

import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import FloatArray

NUM_JOINTS = 16

JOINT_NAMES = (
    *("if_rot", "if_mcp", "if_pip", "if_dip"),
    *("mf_rot", "mf_mcp", "mf_pip", "mf_dip"),
    *("rf_rot", "rf_mcp", "rf_pip", "rf_dip"),
    *("th_cmc", "th_axl", "th_mcp", "th_ipl"),
)
"""Index, middle, ring finger, thumb; ``rot`` is the side-to-side joint."""


def _constant(values: list[float]) -> FloatArray:
    array = np.array(values)
    array.flags.writeable = False
    return array


LOWER_LIMITS = _constant([-1.047, -0.314, -0.506, -0.366] * 3 + [-0.349, -0.47, -1.20, -1.34])
"""Lower joint limits, (16,), rad."""

UPPER_LIMITS = _constant([1.047, 2.23, 1.885, 2.042] * 3 + [2.094, 2.443, 1.90, 1.88])
"""Upper joint limits, (16,), rad."""


def clip_to_limits(angles: npt.ArrayLike) -> FloatArray:
    """Clip joint angles ``(..., 16)`` in rad to the joint limits."""
    return np.minimum(np.maximum(angles, LOWER_LIMITS), UPPER_LIMITS)  # a third of the time of numpy.clip
