"""The joint-wise model as plain arrays, for compiled functions inside a control loop."""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from dexndm_gym.dynamics.joint_physics import JointPhysics, substep_numbers
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.errors import ModelMismatchError

Array: TypeAlias = npt.NDArray[Any]
"""float32: the digits that it lacks do not matter here, the time does."""

_SHARES = {"none": (0, 1), "alone": (1, 0), "base": (1, 1), "beside": (0.5, 0.5)}
"""How much physics and network count in the step, by what physics are to the model."""


class InferenceModel(NamedTuple):
    """A frozen copy of a ``JointwiseModel`` with W inputs of each kind, D + 1 hidden layers and H units in the widest.

    The normalization is folded into the first layer. Narrower layers are filled up with units that do nothing. What
    networks or joints share is there once per joint.
    """

    physics: Array
    """All that ``substep_numbers`` gives, (joints, 6 + substeps)."""

    physics_share: np.float32
    """How much of the physics' step counts."""

    network_share: Array
    """The same of the network's output, times its unit, (joints,), rad."""

    positions: Array
    """First layer: weights of the positions in the window, (joints, H + 1, W). The last row is the linear path."""

    commands: Array
    """First layer: weights of the commands, likewise."""

    bias: Array
    """First layer: biases, (joints, H + 1)."""

    deeper: Array
    """Weights of deeper layers, (D, joints, H, H), outputs before inputs."""

    deeper_bias: Array
    """Their biases, (D, joints, H)."""

    head: Array
    """Weights of the last layer, (joints, H)."""


def export_for_inference(model: JointwiseModel) -> InferenceModel:
    """Copy a model.

    Raises:
        ModelMismatchError: its networks are for several joints each.
    """
    config = model.config
    physics_share, network_share = _SHARES[config.physics]
    if network_share and config.joints_together > 1:
        raise ModelMismatchError(
            f"one joint after the other cannot be asked of a network for {config.joints_together} joints; "
            "expected one network per joint, or one that all joints share"
        )
    joints, window, units = len(config.joint_names), config.window, max(config.hidden) if network_share else 0
    first, bias = np.zeros((joints, units + 1, 2 * window)), np.zeros((joints, units + 1))
    deeper, head = np.zeros((len(config.hidden) - 1, joints, units, units)), np.zeros((joints, units))
    deeper_bias = np.zeros(deeper.shape[:3])
    if network_share:
        width = config.hidden[0]
        first[:, :width], bias[:, :width] = _normalizing(model, "layers.0")
        first[:, -1:], bias[:, -1:] = _normalizing(model, "linear")
        for index, width in enumerate(config.hidden[1:]):
            weight = _array(model, f"layers.{index + 1}.weight")
            deeper[index, :, :width, : weight.shape[1]] = weight.swapaxes(1, 2)
            deeper_bias[index, :, :width] = _array(model, f"layers.{index + 1}.bias")[:, 0]
        head[:, :width] = _array(model, "head.weight")[..., 0]
        bias[:, -1] += _array(model, "head.bias")[:, 0, 0]
    linear, shares_of_last = substep_numbers(JointPhysics.from_table(_array(model, "physics")))
    arrays = {
        "physics": np.concatenate((*linear, *shares_of_last), axis=-1),
        "network_share": np.broadcast_to(network_share * _array(model, "step")[:, 0], joints),
        "positions": first[..., :window],
        "commands": first[..., window:],
        "bias": bias,
        "deeper": deeper,
        "deeper_bias": deeper_bias,
        "head": head,
    }
    ready = {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in arrays.items()}
    return InferenceModel(physics_share=np.float32(physics_share), **ready)


def _normalizing(model: JointwiseModel, layer: str) -> tuple[Array, Array]:
    """Weights (networks, outputs, inputs) and biases (networks, outputs) for inputs that are not normalized."""
    weight = _array(model, f"{layer}.weight").swapaxes(1, 2) / _array(model, "spread")
    return weight, _array(model, f"{layer}.bias")[:, 0] - (weight * _array(model, "mean")).sum(axis=-1)


def _array(model: JointwiseModel, name: str) -> Array:
    return model.state_dict()[name].double().numpy()
