"""The joint-wise dynamics model: the mean of what a joint's physics and what a small network predict.

As a rule each joint's next position is predicted from that joint's own window of positions and commands and nothing
else; what other joints, the object and gravity do to it shows in its own recent motion (DexNDM). The physics are ours:
they hold where a network has seen no data, above all for a joint that an object blocks.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias

import torch
from torch import nn

from dexndm_gym.checks import Checked, Count, NotEmpty, Width
from dexndm_gym.constants import CONTROL_PERIOD, HISTORY
from dexndm_gym.dynamics.joint_physics import PARAMETERS, JointPhysics, advance
from dexndm_gym.dynamics.windows import WindowSet, features
from dexndm_gym.errors import ConfigurationError, ModelMismatchError
from dexndm_gym.hand.joints import JOINT_NAMES

PhysicsRole: TypeAlias = Literal["none", "alone", "base", "beside"]
"""What the physics of a servo are to a model: nothing, as in the paper; all that predicts; the base to which a network
adds what they miss; or a second opinion beside a network that predicts by itself, and the mean of both counts."""

Network: TypeAlias = Literal["shared", "joint", "finger", "hand"]
"""Whose windows a network sees together: those of one joint at a time, with the same weights for all joints or with
weights of its own for each; those of a finger's four joints; or those of all joints."""

_LEAST_INPUT_SPREAD = 1e-3
_LEAST_STEP_SPREAD = 1e-4


@dataclass(frozen=True, kw_only=True)
class ModelConfig(Checked):
    """What a joint-wise model is made of."""

    joint_names: tuple[str, ...] = JOINT_NAMES
    """The joints, in order."""

    window: Count = HISTORY
    """Control periods in the input window."""

    physics: PhysicsRole = "beside"
    """What the physics of a servo are to it."""

    network: Network = "shared"
    """Whose windows a network sees together."""

    hidden: Annotated[tuple[Width, ...], NotEmpty()] = (16,)
    """Width of each hidden layer of a network."""

    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Where the model comes from, as JSON can hold it."""

    def __post_init__(self) -> None:
        """Check the values."""
        super().__post_init__()
        if len(self.joint_names) % self.joints_together:
            raise ConfigurationError(
                f"{len(self.joint_names)} joints cannot be shared out to fingers of {self.joints_together} each"
            )

    @property
    def joints_together(self) -> int:
        """Joints whose windows a network sees, and whose steps it predicts, together."""
        return joints_together(self.network, len(self.joint_names))

    @property
    def kind(self) -> tuple[object, ...]:
        """What models that are compared must have in common, since each kind errs in its own way."""
        return ("alone",) if self.physics == "alone" else (self.physics, self.network, self.hidden)


def joints_together(network: Network, joints: int) -> int:
    """How many of a hand's joints a network sees together."""
    return {"shared": 1, "joint": 1, "finger": 4, "hand": joints}[network]


class StackedLinear(nn.Module):
    """The same linear layer of several networks, applied in one batched product."""

    def __init__(self, networks: int, inputs: int, outputs: int) -> None:
        """Stack random layers.

        Args:
            networks: number of layers in the stack.
            inputs: input width.
            outputs: output width.
        """
        super().__init__()
        bound = inputs**-0.5
        self.weight = nn.Parameter(torch.empty(networks, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(networks, 1, outputs))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Map (networks, n, inputs) to (networks, n, outputs)."""
        return torch.baddbmm(self.bias, values, self.weight)


class JointwiseModel(nn.Module):
    """Predicts where each joint will be one control period later: by physics, by a network, or by both.

    A network is a linear map plus a perceptron on the normalized features of a window; their sum is in units of what it
    typically has to predict.
    """

    physics: torch.Tensor
    mean: torch.Tensor
    spread: torch.Tensor
    step: torch.Tensor

    def __init__(self, config: ModelConfig | None = None) -> None:
        """Build a model with random weights; the default is for the LEAP hand."""
        super().__init__()
        self.config = config or ModelConfig()
        joints, inputs, together = len(self.config.joint_names), 2 * self.config.window, self.config.joints_together
        networks = 1 if self.config.network == "shared" else joints // together
        widths = (together * inputs, *self.config.hidden)
        self.layers = nn.ModuleList(
            StackedLinear(networks, before, after) for before, after in itertools.pairwise(widths)
        )
        self.head = StackedLinear(networks, widths[-1], together)
        self.linear = StackedLinear(networks, widths[0], together)
        scales = 1 if self.config.network == "shared" else joints
        self.register_buffer("mean", torch.zeros(scales, 1, inputs))
        self.register_buffer("spread", torch.ones(scales, 1, inputs))
        self.register_buffer("step", torch.ones(scales, 1))
        # Joints that nothing drives stay where they are, until they are identified.
        self.register_buffer("physics", torch.zeros(joints, len(PARAMETERS)))

    def forward(self, position: torch.Tensor, command: torch.Tensor) -> torch.Tensor:
        """Predict the change of position over the next control period.

        Args:
            position: (joints, n, W) rad, oldest first.
            command: (joints, n, W) rad, oldest first; the last one is applied during the predicted period.

        Returns:
            (joints, n) rad.
        """
        if self.config.physics == "alone":
            return self.physical_step(position, command)
        step = self.trained_step(position, command)
        if self.config.physics == "beside":
            return (step + self.physical_step(position, command)) / 2
        return step

    def trained_step(self, position: torch.Tensor, command: torch.Tensor) -> torch.Tensor:
        """What the network is trained to get right, for the same arguments: its step, added to physics as a base."""
        inputs = (features(position, command) - self.mean) / self.spread
        if self.config.network == "shared":
            inputs = inputs.flatten(0, 1)[None]
        else:
            inputs = inputs.unflatten(0, (-1, self.config.joints_together)).transpose(1, 2).flatten(2)
        hidden = inputs
        for layer in self.layers:
            hidden = torch.tanh(layer(hidden))
        learned = (self.head(hidden) + self.linear(inputs)).transpose(1, 2).reshape(position.shape[:2]) * self.step
        return learned + self.physical_step(position, command) if self.config.physics == "base" else learned

    def physical_step(self, position: torch.Tensor, command: torch.Tensor) -> torch.Tensor:
        """What physics alone predict, for the same arguments."""
        present = position[..., -1]
        joints = JointPhysics.from_table(self.physics)
        velocity = (present - position[..., -2]) / CONTROL_PERIOD
        return advance(joints, present, velocity, command[..., -2], command[..., -1])[0] - present

    def forget_network(self) -> None:
        """Let the network add nothing, or predict that joints stay, until it is trained."""
        for layer in (self.head, self.linear):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    @torch.no_grad()
    def normalize_to(self, windows: WindowSet, limit: int = 20_000) -> None:
        """Scale inputs and output of the network to what the windows show.

        Args:
            windows: data of this model's joints.
            limit: use at most this many windows, evenly spread.
        """
        index = torch.linspace(0, len(windows) - 1, min(limit, len(windows))).long()
        position, command, following = windows.gather(index)
        inputs, missing = features(position, command), following - position[..., -1]
        if self.config.physics == "base":
            missing -= self.physical_step(position, command)
        if self.config.network == "shared":
            inputs, missing = inputs.flatten(0, 1)[None], missing.flatten()[None]
        self.mean.copy_(inputs.mean(dim=1, keepdim=True))
        self.spread.copy_((inputs - self.mean).square().mean(dim=1, keepdim=True).sqrt().clamp(min=_LEAST_INPUT_SPREAD))
        self.step.copy_(missing.square().mean(dim=1, keepdim=True).sqrt().clamp(min=_LEAST_STEP_SPREAD))

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
