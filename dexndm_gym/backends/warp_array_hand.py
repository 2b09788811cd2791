"""Hands in MuJoCo Warp behind the interface of every other hand: NumPy in and out."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from dexndm_gym.arrays import FloatArray, IntArray
from dexndm_gym.backends.randomization import Randomization
from dexndm_gym.backends.warp_hand import WarpHand
from dexndm_gym.errors import ConfigurationError, SimulationDivergedError
from dexndm_gym.grasps.start_states import StartStates
from dexndm_gym.hand.state import HandState
from dexndm_gym.objects.object_choice import Choice
from dexndm_gym.objects.scene import Scene


class WarpArrayHand:
    """A ``SimulatedBackend`` that is a ``WarpHand``; every step copies states from the device and targets to it."""

    def __init__(
        self,
        num_hands: int,
        *,
        objects: Sequence[Choice],
        starts: StartStates,
        randomization: Randomization | None = None,
        device: str = "cuda:0",
        deterministic: bool = False,
    ) -> None:
        """Build the simulations; arguments are those of ``WarpHand``."""
        self.num_hands = num_hands
        self.tensors = WarpHand(
            num_hands,
            objects=objects,
            starts=starts,
            randomization=randomization,
            device=device,
            deterministic=deterministic,
        )
        self._index = {name: index for index, name in enumerate(self.tensors.objects)}

    def reset(self, ids: IntArray, scenes: Sequence[Scene], rng: np.random.Generator) -> FloatArray:
        """Start the hands ``ids`` from states in which they hold their objects still; returns the targets held.

        Raises:
            ConfigurationError: an object was not named when this was made.
        """
        if unknown := {scene.object for scene in scenes} - self._index.keys():
            raise ConfigurationError(
                f"The simulation was made without object {', '.join(sorted(unknown))}; on a GPU all objects have to be "
                "named when the environment is made, for example gym.make_vec(..., object=['cube', 'ball_40'])"
            )
        hand = self.tensors
        mask = np.zeros(self.num_hands, dtype=np.bool_)
        index, gravity = np.zeros(self.num_hands, dtype=np.int64), np.zeros((self.num_hands, 3), dtype=np.float32)
        mask[ids] = True
        index[ids] = [self._index[scene.object] for scene in scenes]
        gravity[ids] = [scene.gravity for scene in scenes]
        hand.seed(int(rng.integers(2**63)))
        hand.reset(*(torch.as_tensor(array, device=hand.device) for array in (mask, index, gravity)))
        return _array(hand.start_target)[ids]

    def turn(self, ids: IntArray, gravity: FloatArray) -> None:
        """From now on gravity, (len(ids), 3) m/s^2 in the hand frame, pulls at the hands ``ids``."""
        pull = self.tensors.gravity
        pull[torch.as_tensor(ids, device=pull.device)] = torch.as_tensor(gravity, dtype=pull.dtype, device=pull.device)
        self.tensors.set_gravity(pull)

    def step(self, command: FloatArray) -> None:
        """Advance every simulation by one control period towards its command, (n, 16) rad."""
        hand = self.tensors
        wanted = np.broadcast_to(np.asarray(command, dtype=np.float32), (self.num_hands, 16))
        hand.step(torch.tensor(wanted, device=hand.device))
        if hand.broken.any():
            raise SimulationDivergedError(
                f"MuJoCo Warp reached states that are not finite in {int(hand.broken.sum())} of {self.num_hands} hands"
            )

    def state(self) -> HandState:
        """Joint state, servo torques and object pose of every hand."""
        hand = self.tensors
        position, pose, velocity, torque = map(_array, (hand.position, hand.object_pose, hand.velocity, hand.torque))
        return HandState(position=position, object_pose=pose, velocity=velocity, torque=torque)

    def privileged(self) -> dict[str, FloatArray]:
        """What only a simulator knows; see ``MujocoHand.privileged``."""
        return {name: _array(value) for name, value in self.tensors.privileged().items()}

    def close(self) -> None:
        """Nothing to release: memory goes with the object."""


def _array(tensor: Tensor) -> FloatArray:
    return tensor.cpu().numpy().astype(np.float64)
