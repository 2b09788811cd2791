"""The one loop in which a policy acts on an env: everything that plays episodes goes through it."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from dexndm_gym.arrays import BoolArray
from dexndm_gym.errors import DexndmError


class Policy(Protocol):
    """Anything with stable-baselines3's ``predict``."""

    def predict(self, observation: Any, *, deterministic: bool = True) -> tuple[Any, Any]:
        """Return (action, state)."""
        ...


class Playable(Protocol):
    """What a policy acts on: Gymnasium's envs, single or vector, and whatever has their ``reset`` and ``step``."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Return (observation, info)."""
        ...

    def step(self, action: Any, /) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Return (observation, reward, terminated, truncated, info)."""
        ...


class EpisodeFaultError(DexndmError, RuntimeError):
    """An episode ended because the hand failed."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One control step, seen from its end; the first of a roll-out is the reset.

    Arrays are (n,) on a vector env of n hands, and () on a single env.
    """

    observation: Any
    """What is seen now; of a hand whose next episode the env has begun, the first of that."""

    info: dict[str, Any]
    """The env's."""

    terminated: BoolArray
    """The object was lost."""

    truncated: BoolArray
    """The episode's time was up."""

    counts: BoolArray
    """The step belongs to the hand's first episode, which is the one that a roll-out is about."""

    goes_on: BoolArray
    """The first episode goes on after this step."""

    is_reset: bool = False
    """This is the reset, before the first control step."""


def roll_out(
    policy: Policy,
    env: Playable,
    *,
    seed: int | None = None,
    options: Mapping[str, Any] | None = None,
    endless: bool = False,
    observation: Any = None,
) -> Generator[Step, None, None]:
    """Play, yielding the reset and then every control step as it has passed.

    Args:
        policy: acts, with its mean action.
        env: one hand, or many.
        seed: of the reset.
        options: of the reset.
        endless: go on into further episodes, on a vector env that starts them; otherwise the roll-out is over when the
            first episode of every hand is.
        observation: go on where a roll-out was left, with the observation of its last step, instead of with a reset;
            that step is not yielded again.

    Raises:
        EpisodeFaultError: the hand failed.
    """
    going = np.ones(getattr(env, "num_envs", ()), dtype=np.bool_)
    if observation is None:
        observation, info = env.reset(seed=seed, options=None if options is None else dict(options))
        none = np.zeros_like(going)
        yield Step(
            observation=observation,
            info=info,
            terminated=none,
            truncated=none,
            counts=going,
            goes_on=going,
            is_reset=True,
        )
    while endless or going.any():
        action, _ = policy.predict(observation, deterministic=True)
        observation, _, terminated, truncated, info = env.step(action)
        if "fault" in info:
            raise EpisodeFaultError(f"{info['fault']}: {info['fault_message']}")
        counts, terminated, truncated = going, np.asarray(terminated), np.asarray(truncated)
        going = counts & ~(terminated | truncated)
        yield Step(
            observation=observation,
            info=info,
            terminated=terminated,
            truncated=truncated,
            counts=counts,
            goes_on=going,
        )
