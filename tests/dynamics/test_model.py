from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import safetensors.torch
import torch

from dexndm_gym.constants import HISTORY
from dexndm_gym.dynamics.batch_layout import Windows
from dexndm_gym.dynamics.inference_model import InferenceModel, export_for_inference
from dexndm_gym.dynamics.inverse_kernel import precompute_first_layer, predict, tanh
from dexndm_gym.dynamics.model import JointwiseModel, ModelConfig, Network, PhysicsRole
from dexndm_gym.dynamics.model_file import FORMAT, load_model, save_model
from dexndm_gym.dynamics.windows import features
from dexndm_gym.errors import ConfigurationError, FileFormatError, ModelMismatchError
from dexndm_gym.hand.joints import JOINT_NAMES

MakeModel = Callable[..., JointwiseModel]


def windows(joints: int, count: int, window: int = HISTORY) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, joints, count, window, generator=generator).unbind()


def one_by_one(model: JointwiseModel, position: torch.Tensor, command: torch.Tensor) -> torch.Tensor:
    """The same arithmetic, joint after joint."""
    steps = []
    for joint in range(len(model.config.joint_names)):
        own = 0 if model.config.network == "shared" else joint
        inputs = (features(position[joint], command[joint]) - model.mean[own]) / model.spread[own]
        hidden = inputs
        for layer in model.layers:
            hidden = torch.tanh(hidden @ layer.weight[own] + layer.bias[own])
        head, linear = model.head, model.linear
        out = hidden @ head.weight[own] + head.bias[own] + inputs @ linear.weight[own] + linear.bias[own]
        steps.append(out[:, 0] * model.step[own])
    return torch.stack(steps)


@pytest.mark.parametrize("network", ["joint", "shared"])
@pytest.mark.parametrize("hidden", [(64, 64), (8,), (8, 4, 6)])
def test_batched_product_equals_a_loop_over_joints(
    make_model: MakeModel, hidden: tuple[int, ...], network: Network
) -> None:
    model = make_model(ModelConfig(hidden=hidden, physics="none", network=network))
    position, command = windows(16, 33)
    torch.testing.assert_close(model(position, command), one_by_one(model, position, command), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("network", "together"), [("shared", 1), ("joint", 1), ("finger", 4), ("hand", 16)])
def test_joint_sees_only_its_own_network(make_model: MakeModel, network: Network, together: int) -> None:
    model = make_model(ModelConfig(network=network))
    position, command = windows(16, 5)
    before = model(position, command)
    assert before.shape == (16, 5)
    position[5] += 1.0
    changed = (model(position, command) != before).any(dim=1)
    assert changed.tolist() == [joint // together == 5 // together for joint in range(16)]


def folded_step(model: InferenceModel, joint: int, position: torch.Tensor, command: torch.Tensor) -> np.ndarray:
    """What compiled functions predict for windows (n, W) of a joint."""
    present, units, count = position[:, -1:], model.head.shape[1], len(position)
    moved, asked = (np.ascontiguousarray((values - present).T.numpy()) for values in (position, command))
    windows = Windows(present[:, 0].numpy().copy(), moved[:-1], asked[:-1])
    digested, hidden, step = (np.empty(shape, np.float32) for shape in ((units + 1, count), (2, units, count), count))
    precompute_first_layer(model, joint, windows, digested)
    predict(model, joint, windows, digested, asked[-1], hidden, step)
    return step


def test_compiled_tanh_is_the_library_s() -> None:
    values = np.array([*np.linspace(-9, 9, 1001), 0.0, 1e-30, np.inf, -np.inf], np.float32)
    ours = np.array([tanh(value) for value in values])
    np.testing.assert_allclose(ours, np.tanh(values), rtol=0, atol=6e-6)
    assert np.isnan(tanh(np.float32(np.nan)))


def test_networks_for_several_joints_have_their_limits(make_model: MakeModel) -> None:
    with pytest.raises(ConfigurationError, match="3 joints cannot be shared out to fingers of 4"):
        ModelConfig(joint_names=("a", "b", "c"), network="finger")
    with pytest.raises(ModelMismatchError, match="network for 4 joints"):
        export_for_inference(make_model(ModelConfig(network="finger")))
    export_for_inference(make_model(ModelConfig(physics="alone", network="finger")))


def test_unknown_kinds_of_model_are_refused() -> None:
    for wrong in ({"physics": True}, {"network": "toe"}, {"hidden": ()}, {"hidden": (8, 0)}):
        with pytest.raises(ConfigurationError, match=r"(physics|network|hidden)"):
            ModelConfig(**wrong)


@pytest.mark.parametrize("physics", get_args(PhysicsRole))
@pytest.mark.parametrize("network", ["joint", "shared"])
@pytest.mark.parametrize("count", [1, 70])
def test_folded_model_is_the_same_model(
    make_model: MakeModel, count: int, physics: PhysicsRole, network: Network
) -> None:
    model = make_model(ModelConfig(hidden=(16, 8), physics=physics, network=network))
    position, command = windows(16, count)
    command[..., -1] = position[..., -1] + torch.linspace(-1, 1, count)
    steps = np.array(
        [folded_step(export_for_inference(model), joint, position[joint], command[joint]) for joint in range(16)]
    )
    np.testing.assert_allclose(steps, model(position, command).detach().numpy(), rtol=1e-3, atol=1e-4)


def test_what_physics_are_to_a_model(make_model: MakeModel) -> None:
    position, command = windows(16, 8)
    steps = {
        physics: make_model(ModelConfig(physics=physics))(position, command).detach()
        for physics in get_args(PhysicsRole)
    }
    torch.testing.assert_close(steps["base"], steps["none"] + steps["alone"])
    torch.testing.assert_close(steps["beside"], steps["base"] / 2)
    model = make_model(ModelConfig(physics="base"))
    assert torch.equal(model.physical_step(position, command), steps["alone"])
    assert not torch.equal(model(position, command), steps["alone"])
    model.forget_network()
    assert torch.equal(model(position, command), steps["alone"])


def test_saving_and_loading_keeps_every_bit(make_model: MakeModel, tmp_path: Path) -> None:
    config = ModelConfig(joint_names=("a", "b"), window=4, hidden=(5, 3), provenance={"from": ["x", 1, 0.5]})
    model = make_model(config)
    save_model(model, tmp_path / "m.safetensors")
    loaded = load_model(tmp_path / "m.safetensors")
    assert loaded.config == config
    assert {name: tensor.tolist() for name, tensor in loaded.state_dict().items()} == {
        name: tensor.tolist() for name, tensor in model.state_dict().items()
    }
    position, command = windows(2, 9, 4)
    assert torch.equal(loaded(position, command), model(position, command))


def test_other_joints_and_windows_are_refused(make_model: MakeModel) -> None:
    make_model().require(JOINT_NAMES, HISTORY)
    with pytest.raises(ModelMismatchError, match="elbow"):
        make_model(ModelConfig(joint_names=("elbow",))).require(JOINT_NAMES, HISTORY)
    with pytest.raises(ModelMismatchError, match="if_rot"):
        make_model(ModelConfig(joint_names=JOINT_NAMES[::-1])).require(JOINT_NAMES, HISTORY)
    with pytest.raises(ModelMismatchError, match="5 control periods"):
        make_model(ModelConfig(window=5)).require(JOINT_NAMES, HISTORY)


def test_files_that_hold_no_model_are_refused(make_model: MakeModel, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with pytest.raises(FileFormatError, match="no dynamics model at"):
        load_model(path)
    path.write_bytes(b"something else")
    with pytest.raises(FileFormatError, match="not a safetensors file"):
        load_model(path)
    safetensors.torch.save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(FileFormatError, match=FORMAT):
        load_model(path)
    model = make_model()
    save_model(model, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FileFormatError, match="damaged"):
        load_model(path)
    model.config = replace(model.config, hidden=(64, 32))
    save_model(model, path)
    with pytest.raises(FileFormatError, match="damaged"):
        load_model(path)
    with torch.no_grad():
        model.mean[0] = torch.nan
    model.config = ModelConfig()
    save_model(model, path)
    with pytest.raises(FileFormatError, match="not finite"):
        load_model(path)
