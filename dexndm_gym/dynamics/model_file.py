"""Joint-wise models in files: safetensors with a JSON header, nothing that could run code."""

import json
from dataclasses import asdict
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from dexndm_gym.dynamics.model import JointwiseModel, ModelConfig
from dexndm_gym.errors import FileFormatError
from dexndm_gym.outputs import write_bytes

FORMAT = "dexndm-jointwise-model"
VERSION = 3

SHIPPED_SIM_MODEL = Path(__file__).parent.parent / "assets" / "sim_dynamics.safetensors"
"""The model of the simulated hand that comes with the package."""


def save_model(model: JointwiseModel, path: str | Path) -> None:
    """Write a model: weights and normalization as tensors, everything else as JSON in the header.

    Args:
        model: the model.
        path: file to write; an existing one is replaced.

    Raises:
        OutputError: it cannot be written, or the disk is full.
    """
    header = {"format": FORMAT, "version": str(VERSION), "config": json.dumps(asdict(model.config))}
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    write_bytes(path, safetensors.torch.save(tensors, metadata=header))


def load_model(path: str | Path) -> JointwiseModel:
    """Read a model that ``save_model`` wrote.

    Args:
        path: the file.

    Raises:
        FileFormatError: no such file, not a joint-wise model, or a damaged one.
    """
    if not Path(path).is_file():
        raise FileFormatError(f"no dynamics model at {path}; `dexndm fit` writes one")
    try:
        with safetensors.safe_open(str(path), framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, safetensors.SafetensorError) as error:
        raise FileFormatError(f"{path} is not a safetensors file, or a damaged one: {error}") from error
    if (header.get("format"), header.get("version")) != (FORMAT, str(VERSION)):
        raise FileFormatError(
            f"{path} is not a dynamics model: expected format {FORMAT!r} version {VERSION}, "
            f"found {header.get('format')!r} {header.get('version')!r}"
        )
    return _build(header, tensors, path)


def load_sim_model() -> JointwiseModel:
    """Read the model of the simulated hand that comes with the package.

    Raises:
        FileFormatError: the installation lacks it.
    """
    return load_model(SHIPPED_SIM_MODEL)


def _build(header: dict[str, str], tensors: dict[str, torch.Tensor], path: str | Path) -> JointwiseModel:
    try:
        fields = json.loads(header["config"])
        fields |= {"joint_names": tuple(fields["joint_names"]), "hidden": tuple(fields["hidden"])}
        model = JointwiseModel(ModelConfig(**fields))
        model.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise FileFormatError(f"{path} is a damaged dynamics model: {error}") from error
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise FileFormatError(f"{path} holds weights that are not finite; fit the model again")
    return model.eval()
