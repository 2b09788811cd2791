"""Gymnasium wrappers around the rotation envs; ``wrappers.vector`` has their twins for vector envs."""

from typing import TYPE_CHECKING

from dexndm_gym.lazy import lazy_names

if TYPE_CHECKING:
    from dexndm_gym.wrappers.dynamics_correction import DynamicsCorrectionWrapper
    from dexndm_gym.wrappers.target_filter import TargetFilterWrapper
    from dexndm_gym.wrappers.vector.dynamics_correction import DynamicsCorrectionVectorWrapper
    from dexndm_gym.wrappers.vector.target_filter import TargetFilterVectorWrapper

__all__ = [
    "DynamicsCorrectionVectorWrapper",
    "DynamicsCorrectionWrapper",
    "TargetFilterVectorWrapper",
    "TargetFilterWrapper",
]

__getattr__ = lazy_names(
    __name__,
    {
        "DynamicsCorrectionVectorWrapper": "dexndm_gym.wrappers.vector.dynamics_correction",
        "DynamicsCorrectionWrapper": "dexndm_gym.wrappers.dynamics_correction",
        "TargetFilterVectorWrapper": "dexndm_gym.wrappers.vector.target_filter",
        "TargetFilterWrapper": "dexndm_gym.wrappers.target_filter",
    },
)
