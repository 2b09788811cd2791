"""Puts a target filter into a vector env for as long as it is stepped through the wrapper."""

from contextlib import ExitStack
from copy import deepcopy
from typing import Any

from gymnasium.envs.registration import EnvSpec
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv, VectorEnv, VectorWrapper

from dexndm_gym.envs.specs import with_vector_wrapper
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.filters.target_filter import TargetFilter
from dexndm_gym.wrappers.target_filter import TargetFilterWrapper, taking_filters


class TargetFilterVectorWrapper(VectorWrapper, RecordConstructorArgs):
    """What ``TargetFilterWrapper`` is for single envs, around a vector env.

    Around a ``SyncVectorEnv`` each env gets a copy of the filter. The envs of an ``AsyncVectorEnv`` live in other
    processes: wrap each of them by the single twin.
    """

    SINGLE: type[TargetFilterWrapper] = TargetFilterWrapper
    """The twin for single envs."""

    def __init__(self, env: VectorEnv[Any, Any, Any], target_filter: TargetFilter) -> None:
        """Put a filter around a vector env.

        Args:
            env: a vector env, wrapped or not, that takes target filters.
            target_filter: changes targets.

        Raises:
            ConfigurationError: an env that takes no target filters, or whose envs are in other processes.
        """
        if not hasattr(self, "_saved_kwargs"):  # a subclass has recorded its own
            RecordConstructorArgs.__init__(self, target_filter=target_filter)
        name = type(self).__name__
        if not isinstance(env, VectorEnv):
            raise ConfigurationError(
                f"{name} is for vector envs, got a {type(env).__name__}; use {self.SINGLE.__name__}"
            )
        VectorWrapper.__init__(self, env)
        base = env.unwrapped
        if isinstance(base, AsyncVectorEnv):
            raise ConfigurationError(
                f"The envs of an AsyncVectorEnv are in other processes, where {name} cannot reach them; wrap each: "
                f"make_vec(..., vectorization_mode='async', wrappers=[lambda env: {self.SINGLE.__name__}(env, ...)])"
            )
        if isinstance(base, SyncVectorEnv):
            envs = [taking_filters(one.unwrapped, name) for one in base.envs]
            self._filters = [(one, deepcopy(target_filter)) for one in envs]
        else:
            self._filters = [(taking_filters(base, name), target_filter)]

    @property
    def spec(self) -> EnvSpec | None:
        """How to make this env again, this wrapper included: ``gymnasium.make_vec(env.spec)``."""
        spec = self.env.spec
        if spec is None:
            return None
        if isinstance(self.env.unwrapped, SyncVectorEnv):
            spec = deepcopy(spec)
            spec.additional_wrappers += (self.SINGLE.wrapper_spec(**self._saved_kwargs),)
            return spec
        return with_vector_wrapper(spec, type(self), self._saved_kwargs)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step the envs with the filter in them."""
        with ExitStack() as stack:
            for env, target_filter in self._filters:
                stack.enter_context(env.filtering(target_filter))
            return self.env.step(actions)
