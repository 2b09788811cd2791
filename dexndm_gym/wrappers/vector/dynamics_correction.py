"""The dynamics correction of many hands at once."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import VectorEnv, VectorWrapper
from gymnasium.wrappers.vector import DictInfoToList

from dexndm_gym.dynamics.correction import InverseConfig
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.filters.jointwise_inverse import FALLBACK
from dexndm_gym.task.config_json import plain
from dexndm_gym.wrappers.dynamics_correction import DynamicsCorrectionWrapper, ModelLike, correction_filter
from dexndm_gym.wrappers.vector.target_filter import TargetFilterVectorWrapper


class DynamicsCorrectionVectorWrapper(TargetFilterVectorWrapper):
    """What ``DynamicsCorrectionWrapper`` is for single envs, around a vector env."""

    SINGLE = DynamicsCorrectionWrapper

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        model: ModelLike | tuple[ModelLike, ModelLike],
        sim_model: ModelLike | None = None,
        config: InverseConfig | Mapping[str, Any] | None = None,
    ) -> None:
        """Put the correction around a vector env; see ``DynamicsCorrectionWrapper``.

        Raises:
            ConfigurationError: also where a wrapper inside makes a list of ``info``.
        """
        RecordConstructorArgs.__init__(self, model=plain(model), sim_model=plain(sim_model), config=config)
        TargetFilterVectorWrapper.__init__(self, env, correction_filter(model, sim_model, config))
        while isinstance(env, VectorWrapper):
            if isinstance(env, DictInfoToList):
                raise ConfigurationError(
                    f"{type(self).__name__} adds to info, a list under DictInfoToList; put DictInfoToList around it"
                )
            env = env.env

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset the envs."""
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, {FALLBACK: np.zeros(self.num_envs, dtype=np.bool_)} | info
