"""Puts a target filter into an env for as long as it is stepped through the wrapper."""

from typing import Any

import gymnasium
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import VectorEnv

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.filters.target_filter import TargetFilter


class TargetFilterWrapper(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Lets a filter change targets on their way to the hand; actions, observations and spaces stay as they are.

    The filter acts inside the env, between what the policy asked for and what the hand is sent, so the place of this
    wrapper in a chain of wrappers does not matter. It acts in steps that are made through this wrapper, and only in
    those: the env inside sends what it is asked for. Of two wrappers with filters of one class, one around the other,
    the outer replaces the inner; functions all act. ``wrappers.vector.TargetFilterVectorWrapper`` is its twin for
    vector envs.

    Example:
        >>> env = TargetFilterWrapper(gymnasium.make("LeapRotate-Sim-v0"), MyFilter())  # doctest: +SKIP
    """

    def __init__(self, env: gymnasium.Env[Any, Any], target_filter: TargetFilter) -> None:
        """Put a filter around an env.

        Args:
            env: an env, wrapped or not, that takes target filters.
            target_filter: changes targets.

        Raises:
            ConfigurationError: an env that takes no target filters.
        """
        if not hasattr(self, "_saved_kwargs"):  # a subclass has recorded its own
            RecordConstructorArgs.__init__(self, target_filter=target_filter)
        if isinstance(env, VectorEnv):
            twin = type(self).__name__.replace("Wrapper", "VectorWrapper")
            raise ConfigurationError(f"{type(self).__name__} is for single envs; dexndm_gym.wrappers.vector has {twin}")
        gymnasium.Wrapper.__init__(self, env)
        self._base, self._filter = taking_filters(env.unwrapped, type(self).__name__), target_filter

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step the env with the filter in it."""
        with self._base.filtering(self._filter):
            return self.env.step(action)


def taking_filters(env: Any, wrapper: str) -> Any:
    """The env itself, if it takes target filters.

    Raises:
        ConfigurationError: it does not.
    """
    if not hasattr(env, "filtering"):
        raise ConfigurationError(
            f"{type(env).__name__} takes no target filters; {wrapper} works on the LeapRotate envs"
        )
    return env
