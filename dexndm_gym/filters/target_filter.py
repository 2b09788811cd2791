"""Hooks that modify joint position targets before they reach the backend as commands."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dexndm_gym.hand.joints import FloatArray, IntArray


@dataclass(frozen=True, kw_only=True)
class TargetWindow:
    """The last ten control steps of n hands, oldest first. A target at index j was applied from position j on."""

    position: FloatArray
    """Measured joint positions, (n, 10, 16), rad; the last is the present one."""

    target: FloatArray
    """Targets that the policy asked for, (n, 9, 16), rad."""

    command: FloatArray
    """Commands that the hand was sent, (n, 9, 16), rad."""


class TargetFilter(Protocol):
    """Changes targets on their way to the hand: the dynamics correction, a limit, a delay.

    ``wrappers.TargetFilterWrapper`` puts one into an env.
    """

    def reset(self, ids: IntArray) -> None:
        """New episodes have begun on the hands ``ids`` since the last call."""
        ...

    def __call__(self, window: TargetWindow, target: FloatArray) -> tuple[FloatArray, dict[str, FloatArray]]:
        """Return the target to send, (n, 16) rad, and values (n, ...) to show in ``info``."""
        ...


class FilterSlot:
    """A target filter of somebody who steps through an env, and what it has been told of the env's episodes."""

    def __init__(self, target_filter: TargetFilter) -> None:
        """Hold a filter that knows of no episode yet."""
        self.filter = target_filter
        self._begun: IntArray | None = None

    def catch_up(self, begun: IntArray) -> None:
        """Tell the filter which hands have begun new episodes, whoever began them; counts per hand, (n,)."""
        if self._begun is None:
            self.filter.reset(np.arange(len(begun)))
        elif not np.array_equal(begun, self._begun):
            self.filter.reset(np.flatnonzero(begun != self._begun))
        self._begun = begun.copy()
