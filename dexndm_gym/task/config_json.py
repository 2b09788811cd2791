"""Configurations from what JSON can hold, and the way back: ``env.spec`` goes through it."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import numpy as np

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.task.import_paths import reference_to

_Config = TypeVar("_Config")


def config_of(kind: type[_Config], value: _Config | Mapping[str, Any] | None) -> _Config:
    """A configuration, from itself, from its fields by name (as ``dataclasses.asdict`` gives them), or the default.

    Args:
        kind: a dataclass; fields that are dataclasses may be given by name, too.
        value: what was handed over.

    Raises:
        ConfigurationError: a field is unknown or missing, or it is something else.
    """
    if value is None:
        return kind()
    if isinstance(value, kind):
        return value
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"Expected a {kind.__name__} or its fields by name, got {value!r:.60}")
    items = fields(kind)  # type: ignore[arg-type]
    known = {item.name for item in items}
    if unknown := set(value) - known:
        raise ConfigurationError(f"{kind.__name__} has no {sorted(unknown)}; expected some of {sorted(known)}")
    needed = {item.name for item in items if item.default is MISSING and item.default_factory is MISSING}
    if missing := needed - set(value):
        raise ConfigurationError(f"{kind.__name__} needs {sorted(missing)} too; got only {sorted(value)}")
    hints = get_type_hints(kind)
    return kind(**{name: _field(hints[name], item) for name, item in value.items()})


def _field(hint: Any, value: Any) -> Any:
    if is_dataclass(hint) and isinstance(hint, type):
        return config_of(hint, value)
    return tuple(value) if isinstance(value, list) else value  # JSON knows no tuples


def plain(value: Any) -> Any:
    """The same value as ``EnvSpec.to_json`` can write it, as far as it can.

    Paths become strings, arrays lists, and functions and classes ``"module:name"``.
    """
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(plain(item) for item in value) if type(value) in (list, tuple) else value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if callable(value):
        return reference_to(value) or value
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
