"""The deployable policy: a small network over the 327-number observation, as safetensors."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from dexndm_gym.assets import SHIPPED_POLICIES, SHIPPED_POLICY
from dexndm_gym.constants import HISTORY
from dexndm_gym.errors import FileFormatError, ModelMismatchError
from dexndm_gym.grasps.palm_rest import CANONICAL_POSE
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.outputs import write_bytes
from dexndm_gym.task.config import OBSERVATION_SIZE
from dexndm_gym.training.networks import mlp, require_finite
from dexndm_gym.training.torch_threads import one_torch_thread

KIND = "dexndm_gym.student_policy"
"""What the header of a policy's file says that it is."""

WIDTH = (512, 256, 128)
"""Hidden layers, unless others are asked for."""


_SHAPE = ("width", "hand_frame", "hand_axes")
"""Entries of a header that say how the network is made; a file without the last two has neither."""


class StudentPolicy(nn.Module):
    """Observation (n, 327) to action (n, 16)."""

    start_pose: torch.Tensor
    about: dict[str, str]
    """What else its file says of it, such as what it was refined on."""

    def __init__(self, width: tuple[int, ...] = WIDTH, *, hand_frame: bool = True, hand_axes: bool = False) -> None:
        """Make an untrained policy.

        Args:
            width: sizes of the hidden layers.
            hand_frame: show the network gravity and axis in the hand frame, too: with more than one wrist these, and
                not wrist and axis in the world, are what decides.
            hand_axes: show the network, instead of an axis, the nearest of the hand's own six (``hand-x`` to
                ``hand+z``): for policies that learned these alone, which between them hardly turn.
        """
        super().__init__()
        self.width, self.hand_frame, self.hand_axes = tuple(width), hand_frame, hand_axes
        self.about = {}
        self.network = mlp((OBSERVATION_SIZE + 6 * hand_frame, *width, NUM_JOINTS))
        self.register_buffer("start_pose", torch.tensor(CANONICAL_POSE, dtype=torch.float32))

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        """Mean action, not clipped."""
        return self.network(self.features(observation))

    def features(self, observation: torch.Tensor) -> torch.Tensor:
        """What the network sees of observations (n, 327), scaled to be of order one."""
        steps = observation[:, : HISTORY * 2 * NUM_JOINTS].reshape(-1, HISTORY, 2, NUM_JOINTS)
        position, target = steps[:, :, 0], steps[:, :, 1]
        # What drives a servo is the difference of target and position: a tenth of the size of either.
        features = [(position - self.start_pose).flatten(1) * 2.0, (target - position).flatten(1) * 5.0]
        frame = observation[:, HISTORY * 2 * NUM_JOINTS :]
        wrist, axis = frame[:, :4], frame[:, 4:]
        in_hand = _into_hand(wrist, axis)
        if self.hand_axes:
            in_hand = _nearest_axis(in_hand)
            axis = _out_of_hand(wrist, in_hand)
        if self.hand_frame:
            down = axis.new_tensor([0.0, 0.0, -1.0]).expand_as(axis)
            features += [_into_hand(wrist, down), in_hand]
        return torch.cat([*features, wrist, axis], dim=1)

    @torch.no_grad()
    @one_torch_thread()
    def predict(
        self, observation: npt.NDArray[np.float32], state: Any = None, *_: Any, **__: Any
    ) -> tuple[npt.NDArray[np.float32], None]:
        """Actions for one observation (327,) or a batch (n, 327), as stable-baselines3's ``predict``.

        Raises:
            ModelMismatchError: the observation has another size.
        """
        observation = np.asarray(observation, dtype=np.float32)
        if observation.ndim not in (1, 2) or observation.shape[-1] != OBSERVATION_SIZE:
            raise ModelMismatchError(
                f"Expected observations (327,) or (n, 327), got {observation.shape}; is this policy made for the env?"
            )
        batch = torch.from_numpy(np.atleast_2d(observation))
        action = self(batch).clamp(-1.0, 1.0).numpy()
        return (action[0] if observation.ndim == 1 else action), None

    def digest(self) -> str:
        """SHA-256 of all that decides on actions: the weights, and how the network is made."""
        return hashlib.sha256(json.dumps(self._shape()).encode() + save(self._weights())).hexdigest()

    def _shape(self) -> dict[str, str]:
        return {name: json.dumps(getattr(self, name)) for name in _SHAPE}

    def _weights(self) -> dict[str, torch.Tensor]:
        return {name: value.contiguous() for name, value in self.state_dict().items()}

    def save(self, path: Path) -> None:
        """Write weights, layer sizes and ``about`` to a safetensors file.

        Raises:
            OutputError: it cannot be written, or the disk is full.
        """
        write_bytes(path, save(self._weights(), {"kind": KIND, **self._shape(), **self.about}))


def _into_hand(wrist: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    """Vectors of the world frame, (n, 3), in the hand frame of wrists, quaternions w x y z (n, 4)."""
    w, turn = wrist[:, :1], -wrist[:, 1:]
    across = 2.0 * torch.cross(turn, vector, dim=1)
    return vector + w * across + torch.cross(turn, across, dim=1)


def _out_of_hand(wrist: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    """The way back."""
    return _into_hand(wrist * wrist.new_tensor([1.0, -1.0, -1.0, -1.0]), vector)


def _nearest_axis(vector: torch.Tensor) -> torch.Tensor:
    """The unit vector along a frame's axis that is nearest to each vector, (n, 3)."""
    nearest = vector.abs().argmax(dim=1)
    return nn.functional.one_hot(nearest, num_classes=3) * vector.sign()


def load_policy(path: Path | str | None = None) -> StudentPolicy:
    """Read a policy written by ``StudentPolicy.save``.

    Args:
        path: the file, or the name of a shipped policy, see ``assets.SHIPPED_POLICIES``; None for the generalist.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: the file is not a policy, or its weights do not fit the observation and action.
    """
    path = SHIPPED_POLICY if path is None else SHIPPED_POLICIES.get(str(path), Path(path))
    if not path.is_file():
        raise FileNotFoundError(f"No policy file at {path}; train one with 'dexndm train' and 'dexndm distill'")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        if metadata.get("kind", KIND) != KIND:
            raise ValueError(
                f"its header names {metadata['kind']!r}, expected {KIND!r}; `dexndm distill` makes one of a teacher"
            )
        if "width" not in metadata:
            raise ValueError("its header says nothing of a policy's layers; `dexndm distill` writes them")
        shape = {name: json.loads(metadata.get(name, "false")) for name in _SHAPE}
        policy = StudentPolicy(**shape)
        policy.load_state_dict(weights)
        policy.about = {name: text for name, text in metadata.items() if name not in ("kind", *_SHAPE)}
        require_finite(weights)
    except (SafetensorError, ValueError, TypeError) as error:
        raise FileFormatError(f"{path} is not a policy file of this package: {error}") from error
    except RuntimeError as error:
        raise FileFormatError(
            f"The weights in {path} do not fit {OBSERVATION_SIZE} observations and {NUM_JOINTS} actions: {error}"
        ) from error
    return policy.eval()
