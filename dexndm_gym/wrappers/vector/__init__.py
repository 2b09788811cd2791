"""Wrappers around vector envs, twins of those in ``dexndm_gym.wrappers``."""

from dexndm_gym.wrappers.vector.dynamics_correction import DynamicsCorrectionVectorWrapper
from dexndm_gym.wrappers.vector.target_filter import TargetFilterVectorWrapper

__all__ = ["DynamicsCorrectionVectorWrapper", "TargetFilterVectorWrapper"]
