"""How an env was made, in what JSON can hold: what ``gymnasium.make`` needs to make it again, wrappers included."""

from copy import copy
from typing import Any

from gymnasium.envs.registration import EnvSpec, load_env_creator
from gymnasium.vector import VectorEnv

from dexndm_gym.task.config_json import plain

VECTOR_WRAPPERS = "vector_wrappers"
"""Option of ``make_vec`` that holds the wrappers of a vector env, as Gymnasium's spec has no place for them."""


def plain_spec(spec: EnvSpec, *, max_episode_steps: int | None = None) -> EnvSpec:
    """A spec with options as JSON can hold them, without vector wrappers, which add themselves.

    Args:
        spec: what Gymnasium found.
        max_episode_steps: how long episodes last that the env itself ends; None leaves what the spec says.
    """
    spec = copy(spec)  # no deeper: a tracker or an operator among the options may hold a camera, a thread or a lock
    spec.kwargs = {name: plain(value) for name, value in spec.kwargs.items() if name != VECTOR_WRAPPERS}
    if max_episode_steps is not None:
        spec.max_episode_steps = max_episode_steps
    return spec


def with_vector_wrapper(spec: EnvSpec, wrapper: type, kwargs: dict[str, Any]) -> EnvSpec:
    """The spec of a vector env with one more wrapper around it."""
    spec = copy(spec)
    entry = {"entry_point": f"{wrapper.__module__}:{wrapper.__name__}", "kwargs": plain(kwargs)}
    spec.kwargs = spec.kwargs | {VECTOR_WRAPPERS: [*spec.kwargs.get(VECTOR_WRAPPERS, []), entry]}
    return spec


def wrapped(env: VectorEnv[Any, Any, Any], wrappers: Any) -> VectorEnv[Any, Any, Any]:
    """Put wrappers around a vector env again that ``with_vector_wrapper`` wrote down."""
    for entry in wrappers or ():
        env = load_env_creator(entry["entry_point"])(env, **entry["kwargs"])  # type: ignore[assignment]
    return env
