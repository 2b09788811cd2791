"""The one interface between the task and whatever moves the fingers."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from dexndm_gym.hand.joints import FloatArray, IntArray
from dexndm_gym.hand.state import HandState
from dexndm_gym.objects.scene import Scene


class Backend(Protocol):
    """n hands that are moved together, one control period (50 ms) at a time. The real hand is n = 1."""

    num_hands: int

    def reset(self, ids: IntArray, scenes: Sequence[Scene], rng: np.random.Generator) -> FloatArray:
        """Let the hands ``ids`` begin anew, each holding the object of its scene (one scene per id).

        Returns:
            The targets that these hands hold now, (len(ids), 16), rad: START_POSE where the object lies in the cupped
            hand, palm up.
        """
        ...

    def step(self, command: FloatArray) -> None:
        """Move every hand towards its command, (n, 16) rad, for one control period.

        Raises:
            HardwareError: the hand failed; its torque is off or about to be switched off by the servos themselves.
        """
        ...

    def state(self) -> HandState:
        """The latest measurement of every hand."""
        ...

    def close(self) -> None:
        """Release the hand; torque is off afterwards. Safe to call twice."""
        ...


@runtime_checkable
class SimulatedBackend(Backend, Protocol):
    """A backend that exposes privileged state; see ``RotationTask.privileged``."""

    def privileged(self) -> dict[str, FloatArray]:
        """Values (n, k) by name."""
        ...


@runtime_checkable
class TorqueHand(Backend, Protocol):
    """A hand with torque to switch off where its caller goes wrong, not it."""

    def relax(self) -> None:
        """Switch the torque off; the next ``reset`` switches it on again. Safe to call twice."""
        ...


@runtime_checkable
class TurnableHand(Backend, Protocol):
    """A simulated hand whose wrist turns within an episode."""

    def turn(self, ids: IntArray, gravity: FloatArray) -> None:
        """From now on gravity, (len(ids), 3) m/s^2 in the hand frame, pulls at the hands ``ids``."""
        ...
