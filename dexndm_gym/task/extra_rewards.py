"""Terms of the reward that a user adds to those of the task."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np

from dexndm_gym.arrays import FloatArray, IntArray
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.task.checks import as_numbers
from dexndm_gym.task.import_paths import is_reference, resolve
from dexndm_gym.task.reward import REWARD_TERMS


@dataclass(frozen=True, kw_only=True)
class StepBatch:
    """What n hands and their objects did in a control step. Arrays are not to be written to."""

    action: FloatArray
    """Output of the policy, (n, 16), in [-1, 1]."""

    target: FloatArray
    """Joint targets before target filters, (n, 16), rad."""

    command: FloatArray
    """What the hands were sent, (n, 16), rad."""

    position: FloatArray
    """Measured joint positions after the step, (n, 16), rad."""

    velocity: FloatArray | None
    """Joint velocities after it, (n, 16), rad/s; None where they are not measured."""

    torque: FloatArray | None
    """Torques of the servos after it, (n, 16), N m; None where they are not measured."""

    before: FloatArray
    """Object poses before the step, (n, 7), hand frame: m, quaternion w x y z; NaN where they are not seen."""

    object_pose: FloatArray
    """Object poses after it, likewise."""

    wrist: FloatArray
    """Wrist orientations, (n, 4), quaternions w x y z from hand frame to world frame."""

    axis: FloatArray
    """Wanted rotation axes, (n, 3), world frame."""

    dropped: np.ndarray
    """Which objects are lost, (n,) bool."""

    metrics: Mapping[str, FloatArray]
    """What ``info`` says of the step, (n,) each: ``rotation_speed`` and ``off_axis_speed`` in rad/s, ``time`` in s,
    the task's own reward terms and the rest of ``STEP_METRICS``."""


RewardFunction: TypeAlias = Callable[[StepBatch], FloatArray]
"""What the step was worth on each hand, (n,), weight included."""

Rewards: TypeAlias = Mapping[str, RewardFunction | str]
"""Functions, or ``"module:function"``, by the name of the term."""


class ExtraRewards:
    """The terms of one task, and what they were worth in the last step."""

    def __init__(self, functions: Any, num_hands: int) -> None:
        """Take functions by the name of their term.

        Raises:
            ConfigurationError: a name is taken or no name, or there is no such function.
        """
        if not isinstance(functions, Mapping):
            raise ConfigurationError(f"Expected extra_rewards={{'name': function}}, got {functions!r:.60}")
        self._functions = {name: _function(name, value) for name, value in functions.items()}
        self._values = {f"reward_{name}": np.zeros(num_hands) for name in functions}

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._functions)

    def begin(self, ids: IntArray) -> None:
        """New episodes have begun on the hands ``ids``."""
        for values in self._values.values():
            values[ids] = 0.0

    def score(self, step: StepBatch) -> FloatArray:
        """What a step is worth by all terms together, (n,).

        Raises:
            ConfigurationError: a function gave something else than n finite numbers.
        """
        total = np.zeros(len(step.action))
        for name, function in self._functions.items():
            what = f"what the reward term {name!r} gave"
            values = as_numbers(function(step), (len(total),), what)
            if not np.isfinite(values).all():
                raise ConfigurationError(f"Expected {what} to be finite; where an object is not seen its pose is NaN")
            self._values[f"reward_{name}"] = values.copy()
            total += values
        return total

    def info(self) -> dict[str, FloatArray]:
        """What each term was worth in the last step, (n,), as ``reward_<name>``."""
        return {name: values.copy() for name, values in self._values.items()}


def _function(name: Any, value: Any) -> RewardFunction:
    if not isinstance(name, str) or not name.strip():
        raise ConfigurationError(f"Expected the name of a reward term as text, got {name!r}")
    if name in REWARD_TERMS:
        raise ConfigurationError(
            f"{name!r} is a reward term of the task already, beside {', '.join(REWARD_TERMS)}; give yours another "
            "name, or change the weight of that one with config=TaskConfig(reward=RewardWeights(...))"
        )
    function: Any = resolve(value, f"reward term {name!r}") if is_reference(value) else value
    if not callable(function):
        raise ConfigurationError(
            f"Expected the reward term {name!r} to be a function or 'module:function', got {value!r:.60}"
        )
    return cast(RewardFunction, function)
