"""Gymnasium wrappers around the rotation envs."""

from dexndm_gym.wrappers.dynamics_correction import DynamicsCorrectionVectorWrapper, DynamicsCorrectionWrapper

__all__ = ["DynamicsCorrectionVectorWrapper", "DynamicsCorrectionWrapper"]
