"""Wrappers around vector envs, twins of those in ``dexndm_gym.wrappers``."""

from typing import TYPE_CHECKING

from dexndm_gym.lazy import lazy_names

if TYPE_CHECKING:
    from dexndm_gym.wrappers.vector.dynamics_correction import DynamicsCorrectionVectorWrapper
    from dexndm_gym.wrappers.vector.target_filter import TargetFilterVectorWrapper

__all__ = [
    "DynamicsCorrectionVectorWrapper",
    "TargetFilterVectorWrapper",
]

__getattr__ = lazy_names(
    __name__,
    {
        "DynamicsCorrectionVectorWrapper": "dexndm_gym.wrappers.vector.dynamics_correction",
        "TargetFilterVectorWrapper": "dexndm_gym.wrappers.vector.target_filter",
    },
)
