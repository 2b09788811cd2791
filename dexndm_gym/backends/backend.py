"""The one interface between the task and whatever moves the fingers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from dexndm_gym.arrays import FloatArray, IntArray
from dexndm_gym.hand.state import HandState
from dexndm_gym.objects.scene import Scene

if TYPE_CHECKING:  # PyTorch is loaded by what needs it
    from torch import Tensor, device


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


class TensorHand(Protocol):
    """n simulated hands whose state is tensors on a device, rows are hands; ``WarpHand`` is one.

    Nothing waits for the device: which hands begin anew is said by masks.
    """

    num_hands: int
    objects: tuple[str, ...]
    """Names of the objects that hands may hold."""
    device: "device"
    object_index: "Tensor"
    """Object of each hand, position in ``objects``, (n,) long."""
    broken: "Tensor"
    """Hands whose simulation diverged in the last step and was put back to its start, (n,) bool."""

    @property
    def position(self) -> "Tensor":
        """Joint positions, (n, 16), rad."""
        ...

    @property
    def velocity(self) -> "Tensor":
        """Joint velocities, (n, 16), rad/s."""
        ...

    @property
    def torque(self) -> "Tensor":
        """Joint torques of the servos, (n, 16), N m."""
        ...

    @property
    def object_pose(self) -> "Tensor":
        """Object pose in the hand frame, (n, 7): position in m, quaternion w x y z."""
        ...

    @property
    def start_target(self) -> "Tensor":
        """Joint targets that running episodes began with, (n, 16), rad."""
        ...

    def seed(self, seed: int) -> None:
        """Begin all draws anew."""
        ...

    def reset(self, mask: "Tensor", object_index: "Tensor", gravity: "Tensor") -> None:
        """Let the hands of ``mask``, (n,) bool, begin anew with these objects, (n,), and gravity, (n, 3), m/s^2."""
        ...

    def step(self, command: "Tensor") -> None:
        """Move every hand towards its command, (n, 16) rad, for one control period."""
        ...

    def privileged(self) -> "dict[str, Tensor]":
        """What only a simulator knows, (n, k) by name."""
        ...


@runtime_checkable
class TensorBackend(Backend, Protocol):
    """A backend whose hands can be had as tensors, too."""

    @property
    def tensors(self) -> TensorHand:
        """The hands."""
        ...


@runtime_checkable
class TurnableHand(Backend, Protocol):
    """A simulated hand whose wrist turns within an episode."""

    def turn(self, ids: IntArray, gravity: FloatArray) -> None:
        """From now on gravity, (len(ids), 3) m/s^2 in the hand frame, pulls at the hands ``ids``."""
        ...
