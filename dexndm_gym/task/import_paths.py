"""Names of functions and classes as text, ``"module:name"``: what JSON and a command line can hold of them."""

import importlib
import sys
from typing import Any

from dexndm_gym.errors import ConfigurationError


def is_reference(name: Any) -> bool:
    """Whether this is text such as ``"my_package:MyClass"``."""
    return isinstance(name, str) and ":" in name


def resolve(reference: str, what: str) -> Any:
    """What ``"module:name"`` stands for.

    Args:
        reference: such as ``"my_package.hands:make_hand"``.
        what: this should be, for messages.

    Raises:
        ConfigurationError: there is no such module, or nothing of that name in it.
    """
    module, _, name = reference.partition(":")
    try:
        found: Any = importlib.import_module(module)
    except (ImportError, ValueError) as error:
        raise ConfigurationError(
            f"{what} {reference!r}: {module!r} cannot be imported ({error}); expected module:name of something that "
            "is installed or on PYTHONPATH"
        ) from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise ConfigurationError(f"{what} {reference!r}: {module} has no {name!r}; expected module:name")
        found = getattr(found, part)
    return found


def reference_to(thing: Any) -> str | None:
    """``"module:name"`` of a function or class; None where that would not lead back to it, as of lambdas."""
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if module not in sys.modules or name is None or not callable(thing):
        return None
    found: Any = sys.modules[module]
    for part in name.split("."):
        found = getattr(found, part, None)
    return f"{module}:{name}" if found is thing else None
