"""Gymnasium wrappers around the rotation envs; ``wrappers.vector`` has their twins for vector envs."""

from dexndm_gym.wrappers.dynamics_correction import DynamicsCorrectionWrapper
from dexndm_gym.wrappers.target_filter import TargetFilterWrapper
from dexndm_gym.wrappers.vector import DynamicsCorrectionVectorWrapper, TargetFilterVectorWrapper

__all__ = [
    "DynamicsCorrectionVectorWrapper",
    "DynamicsCorrectionWrapper",
    "TargetFilterVectorWrapper",
    "TargetFilterWrapper",
]
