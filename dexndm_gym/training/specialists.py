"""Specialists one after the other, unattended: a TOML file says what each learns and from which it starts."""

import logging
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dexndm_gym.errors import ConfigurationError, FileFormatError
from dexndm_gym.grasps.mesh_grasp_cache import GRASPS_ONLY
from dexndm_gym.task.config_json import config_of
from dexndm_gym.training.run_folder import checkpoint_file, read_checkpoint, teacher_file
from dexndm_gym.training.train import train
from dexndm_gym.training.train_config import TrainConfig

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports]

_LOG = logging.getLogger(__name__)


def read_spec(path: Path, out: Path) -> dict[str, TrainConfig]:
    """What each specialist learns, by name, in order.

    The file has a table ``[name]`` for each specialist with the options of ``TrainConfig``, those of a ``[common]``
    table under them. ``start_from`` is the name of an earlier one. Each trains in ``out/name``.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: it is no TOML.
        ConfigurationError: an option is unknown or out of range, or a specialist starts from one that is not before it.
    """
    try:
        spec = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{path} is no TOML file: {error}") from error
    common = spec.pop("common", {})
    found: dict[str, TrainConfig] = {}
    for name, options in spec.items():
        if not isinstance(options, dict):
            raise ConfigurationError(f"{path}: expected a table [{name}] with options of a training, got {options!r}")
        merged: dict[str, Any] = _over(common, options) | {"out": out / name}
        if (source := merged.get("start_from")) is not None:
            if source not in found:
                raise ConfigurationError(f"{path}: [{name}] starts from {source!r}, which is not before it in the file")
            merged["start_from"] = checkpoint_file(out / source)
        if merged.get("starts") not in (None, GRASPS_ONLY):
            merged["starts"] = path.parent / merged["starts"]
        found[name] = config_of(TrainConfig, merged)
    if not found:
        raise ConfigurationError(f"{path} names no specialist; expected tables such as [palm_down]")
    return found


def train_specialists(path: Path, out: Path, *, progress: bool = True) -> list[Path]:
    """Train, or go on training, every specialist of a file.

    Returns:
        Their teachers' files.

    Raises:
        as ``read_spec`` and ``train``.
    """
    configs = read_spec(path, out)
    left = {name: config.steps - _done(config) for name, config in configs.items()}
    for number, (name, config) in enumerate(configs.items()):
        if left[name] <= 0:
            continue
        after = sum(max(steps, 0) for steps in list(left.values())[number:])
        _LOG.info("%s, %d of %d; %.1f M steps to go in all", name, number + 1, len(configs), after / 1e6)
        train(_resumed(config), progress=progress)
    return [teacher_file(config.out) for config in configs.values()]


def _done(config: TrainConfig) -> int:
    """Steps that a specialist has had."""
    file = checkpoint_file(config.out)
    return read_checkpoint(file)["steps"] if file.exists() else 0


def _resumed(config: TrainConfig) -> TrainConfig:
    """Go on from the specialist's own checkpoint, if it has one."""
    file = checkpoint_file(config.out)
    return replace(config, resume=file, start_from=None) if file.exists() else config


def _over(common: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Options with the common ones under them, tables within tables, too."""
    merged = dict(common)
    for name, value in options.items():
        below = merged.get(name)
        merged[name] = _over(below, value) if isinstance(value, dict) and isinstance(below, dict) else value
    return merged
