"""Target filters: they modify joint position targets before they reach the backend as commands."""

from typing import TYPE_CHECKING

from dexndm_gym.lazy import lazy_names

if TYPE_CHECKING:
    from dexndm_gym.filters.jointwise_inverse import InverseFilter
    from dexndm_gym.filters.residual import DeltaActionFilter, ResidualFilter
    from dexndm_gym.filters.target_filter import TargetFilter, TargetWindow
    from dexndm_gym.filters.target_noise import TargetNoise

__all__ = [
    "DeltaActionFilter",
    "InverseFilter",
    "ResidualFilter",
    "TargetFilter",
    "TargetNoise",
    "TargetWindow",
]

__getattr__ = lazy_names(
    __name__,
    {
        "DeltaActionFilter": "dexndm_gym.filters.residual",
        "InverseFilter": "dexndm_gym.filters.jointwise_inverse",
        "ResidualFilter": "dexndm_gym.filters.residual",
        "TargetFilter": "dexndm_gym.filters.target_filter",
        "TargetNoise": "dexndm_gym.filters.target_noise",
        "TargetWindow": "dexndm_gym.filters.target_filter",
    },
)
