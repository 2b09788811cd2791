"""A teacher that has learned: normalizer and network as safetensors, loadable without the library that trained it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from dexndm_gym.errors import FileFormatError, ModelMismatchError
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.outputs import write_bytes
from dexndm_gym.training.networks import mlp, require_finite
from dexndm_gym.training.torch_threads import one_torch_thread

KIND = "dexndm_gym.teacher_policy"
"""What the header of a teacher's file says that it is."""

CLIP = 8.0
"""Standard deviations beyond which a normalized input is clipped."""


SEEN = 1_000_000
"""Observations that the statistics of a teacher from a file count as, where a run goes on from it."""

_CONSTANT = 1e-2
"""What deviates less than this in training did not vary there; whatever is observed is of order one."""

_SILENT = 1e3
"""Deviation that takes the place of theirs."""


class TeacherPolicy(nn.Module):
    """Teacher observation (n, m) to mean action (n, 16); see ``teacher_observation``."""

    mean: torch.Tensor
    std: torch.Tensor
    log_std: torch.Tensor
    """Of the exploring actions, (16,); as the critic, only there to train on from."""
    about: dict[str, str]
    """What else its file says of it, such as what it was trained on."""

    def __init__(self, size: int, width: tuple[int, ...]) -> None:
        """Make an untrained teacher.

        Args:
            size: numbers in an observation, m.
            width: hidden layers.
        """
        super().__init__()
        self.size, self.width = size, tuple(width)
        self.about: dict[str, str] = {}
        self.network = mlp((size, *width, NUM_JOINTS))
        self.critic = mlp((size, *width, 1))
        self.register_buffer("log_std", torch.zeros(NUM_JOINTS))
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("std", torch.ones(size))

    @property
    def layers(self) -> list[nn.Linear]:
        """Those of the actor, then those of the critic."""
        return linear_layers(self.network, self.critic)

    def normalize_by(self, mean: torch.Tensor, std: torch.Tensor) -> None:
        """Set the statistics of the observation, (m,) each.

        What was the same in every episode of training is silenced, see ``silenced``.
        """
        with torch.no_grad():
            self.mean.copy_(mean)
            self.std.copy_(silenced(std))

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        """Mean action, not clipped."""
        return self.network(((observation - self.mean) / self.std).clamp(-CLIP, CLIP))

    @torch.no_grad()
    @one_torch_thread()
    def predict(
        self, observation: npt.NDArray[np.float32], state: Any = None, *_: Any, **__: Any
    ) -> tuple[npt.NDArray[np.float32], None]:
        """Actions in [-1, 1] for a batch (n, m), as stable-baselines3's ``predict``.

        Raises:
            ModelMismatchError: the observations have another size.
        """
        if observation.ndim != 2 or observation.shape[1] != self.size:
            raise ModelMismatchError(
                f"Expected teacher observations (n, {self.size}), got {observation.shape}; goal guidance adds three "
                "numbers: give the same --task.reward.goal that the teacher was trained with"
            )
        return self(torch.from_numpy(observation)).clamp(-1.0, 1.0).numpy(), None

    def save(self, path: Path) -> None:
        """Write weights, sizes and ``about`` to a safetensors file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        metadata = {"kind": KIND, "size": str(self.size), "width": json.dumps(self.width), **self.about}
        tensors = {name: value.contiguous() for name, value in self.state_dict().items()}
        write_bytes(path, save(tensors, metadata))


def silenced(std: torch.Tensor) -> torch.Tensor:
    """Deviations of inputs, (m,), large where the input was the same in every episode of training.

    Such as mass and friction of nominal physics: their deviation is next to nothing, and the first episode in which
    they differ would drown all else.
    """
    return torch.where(std < _CONSTANT, torch.full_like(std, _SILENT), std)


def linear_layers(*networks: nn.Module) -> list[nn.Linear]:
    """Their layers that have weights, in order."""
    return [layer for network in networks for layer in network.modules() if isinstance(layer, nn.Linear)]


def copy_layers(source: list[nn.Linear], target: list[nn.Linear]) -> None:
    """Give layers the weights of others.

    Raises:
        ModelMismatchError: their sizes differ.
    """
    sizes = [[tuple(layer.weight.shape) for layer in layers] for layers in (source, target)]
    if sizes[0] != sizes[1]:
        inputs = [", ".join(str(before) for _, before in one) for one in sizes]
        raise ModelMismatchError(
            f"the networks do not fit: the layers to take over have {inputs[0]} inputs, these have {inputs[1]}; give "
            "the --width and --task.reward.goal that they were trained with"
        )
    for layer, learned in zip(target, source, strict=True):
        layer.load_state_dict(learned.state_dict())


def load_teacher(path: Path | str) -> TeacherPolicy:
    """Read a teacher written by ``TeacherPolicy.save``.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: it is not a teacher.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No teacher file at {path}; `dexndm train` writes OUT/teacher.safetensors")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        if metadata.get("kind") != KIND:
            raise ValueError(f"its header names {metadata.get('kind', 'no kind')!r}, expected {KIND!r}")
        teacher = TeacherPolicy(int(metadata["size"]), tuple(json.loads(metadata["width"])))
        teacher.load_state_dict(weights)
        require_finite(weights)
        teacher.about = {name: text for name, text in metadata.items() if name not in ("kind", "size", "width")}
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise FileFormatError(f"{path} is no teacher of this package: {error}; `dexndm train` writes one") from error
    return teacher.eval()
