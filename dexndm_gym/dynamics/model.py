"""The joint-wise dynamics model: for each joint its physics, and one small network that learns what physics misses.

Each joint's next position is predicted from that joint's own window of positions and targets and nothing else; what
other joints, the object and gravity do to it shows in its own recent motion (DexNDM). The physics are ours: they hold
where a network has seen no data, above all for a joint that an object blocks.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from dexndm_gym.dynamics.joint_physics import PARAMETERS, PERIOD, JointPhysics, advance
from dexndm_gym.dynamics.windows import WINDOW, WindowSet, features
from dexndm_gym.errors import ConfigurationError, ModelMismatchError
from dexndm_gym.leap.joints import JOINT_NAMES

_LEAST_INPUT_SPREAD = 1e-3
_LEAST_STEP_SPREAD = 1e-4


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """What a joint-wise model is made of."""

    joint_names: tuple[str, ...] = JOINT_NAMES
    """The joints, in order."""

    window: int = WINDOW
    """Control periods in the input window."""

    hidden: tuple[int, ...] = (64, 64)
    """Width of each hidden layer of a joint's network."""

    joints_per_network: int = 1
    """Joints whose windows a network sees, and whose steps it predicts, together: 1 is joint-wise, 4 finger-wise, 16
    one network for the whole hand."""

    physics: bool = True
    """Start from the physics of a servo; without it the network has to learn everything, as in the paper."""

    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Where the model comes from, as JSON can hold it."""


class StackedLinear(nn.Module):
    """One linear layer per joint, applied to all joints in one batched product."""

    def __init__(self, joints: int, inputs: int, outputs: int) -> None:
        """Stack random layers.

        Args:
            joints: number of layers in the stack.
            inputs: input width.
            outputs: output width.
        """
        super().__init__()
        bound = inputs**-0.5
        self.weight = nn.Parameter(torch.empty(joints, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(joints, 1, outputs))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Map (joints, n, inputs) to (joints, n, outputs)."""
        return torch.baddbmm(self.bias, values, self.weight)


class JointwiseModel(nn.Module):
    """Predicts where each joint will be one control period later.

    A joint's network is a linear map plus a perceptron on its normalised features; the sum, in units of what it
    typically has to add, is added to the position that physics predict (without physics: to the present position).
    """

    physics: torch.Tensor
    mean: torch.Tensor
    spread: torch.Tensor
    step: torch.Tensor

    def __init__(self, config: ModelConfig | None = None) -> None:
        """Build a model with random weights; the default is for the LEAP hand."""
        super().__init__()
        self.config = config or ModelConfig()
        joints, inputs, together = len(self.config.joint_names), 2 * self.config.window, self.config.joints_per_network
        if together < 1 or joints % together:
            raise ConfigurationError(f"{joints} joints cannot be shared out to networks of {together} each")
        networks, widths = joints // together, (together * inputs, *self.config.hidden)
        self.layers = nn.ModuleList(
            StackedLinear(networks, before, after) for before, after in itertools.pairwise(widths)
        )
        self.head = StackedLinear(networks, widths[-1], together)
        self.linear = StackedLinear(networks, widths[0], together)
        self.register_buffer("mean", torch.zeros(joints, 1, inputs))
        self.register_buffer("spread", torch.ones(joints, 1, inputs))
        self.register_buffer("step", torch.ones(joints, 1))
        # Joints that nothing drives stay where they are, until they are identified.
        self.register_buffer("physics", torch.zeros(joints, len(PARAMETERS)))

    def forward(self, position: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Predict the change of position over the next control period.

        Args:
            position: (joints, n, W) rad, oldest first.
            target: (joints, n, W) rad, oldest first; the last one is applied during the predicted period.

        Returns:
            (joints, n) rad.
        """
        inputs = (features(position, target) - self.mean) / self.spread
        together = self.config.joints_per_network
        if together > 1:
            inputs = inputs.unflatten(0, (-1, together)).transpose(1, 2).flatten(2)
        hidden = inputs
        for layer in self.layers:
            hidden = torch.tanh(layer(hidden))
        learned = (self.head(hidden) + self.linear(inputs)).transpose(1, 2).flatten(0, 1)
        return self.physical_step(position, target) + learned * self.step

    def physical_step(self, position: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """What physics alone predict, for the same arguments; zero without physics."""
        present = position[..., -1]
        if not self.config.physics:
            return torch.zeros_like(present)
        joints = JointPhysics.from_table(self.physics)
        velocity = (present - position[..., -2]) / PERIOD
        return advance(joints, present, velocity, target[..., -2], target[..., -1])[0] - present

    def forget_network(self) -> None:
        """Leave the physics alone: the network adds nothing until it is trained."""
        for layer in (self.head, self.linear):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    @torch.no_grad()
    def normalise_to(self, windows: WindowSet, limit: int = 20_000) -> None:
        """Scale inputs and output to what the windows show.

        Args:
            windows: data of this model's joints.
            limit: use at most this many windows, evenly spread.
        """
        index = torch.linspace(0, len(windows) - 1, min(limit, len(windows))).long()
        position, target, following = windows.gather(index)
        inputs = features(position, target)
        self.mean.copy_(inputs.mean(dim=1, keepdim=True))
        self.spread.copy_((inputs - self.mean).square().mean(dim=1, keepdim=True).sqrt().clamp(min=_LEAST_INPUT_SPREAD))
        missing = following - position[..., -1] - self.physical_step(position, target)
        step = missing.square().mean(dim=1, keepdim=True).sqrt()
        self.step.copy_(step.clamp(min=_LEAST_STEP_SPREAD))

    def require(self, joint_names: Sequence[str], window: int) -> None:
        """Refuse other joints or windows than those this model was made for.

        Raises:
            ModelMismatchError: they differ.
        """
        if self.config.joint_names != tuple(joint_names):
            raise ModelMismatchError(
                f"the dynamics model is for the joints {list(self.config.joint_names)}, not for {list(joint_names)}; "
                "fit one on recordings of this hand"
            )
        if self.config.window != window:
            raise ModelMismatchError(
                f"the dynamics model looks back {self.config.window} control periods, {window} are needed"
            )
