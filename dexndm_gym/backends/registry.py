"""The door for backends: named by whoever installs a package with an entry point ``dexndm_gym.backends``."""

import difflib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, TypeAlias

from dexndm_gym.backends.backend import Backend
from dexndm_gym.backends.randomization import Randomization
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.hand_starts import HandStarts, hand_starts
from dexndm_gym.grasps.mesh_grasp_cache import choose_starts
from dexndm_gym.grasps.start_states import StartStates
from dexndm_gym.objects.object_choice import Choice
from dexndm_gym.task.import_paths import is_reference, resolve

GROUP = "dexndm_gym.backends"
"""Entry-point group: a name, and the ``BackendFactory`` that it stands for."""

BUILT_IN = tuple(
    EntryPoint(name, f"dexndm_gym.backends.factories:{name}", GROUP)
    for name in ("mujoco", "warp", "virtual", "dynamixel", "weak_servos", "isaacgym")
)
"""The entry points of this package, known here as well so that it also runs from a folder, without being installed."""


@dataclass(frozen=True, kw_only=True)
class BackendRequest:
    """What an environment wants of its backend."""

    num_hands: int = 1
    """How many hands to move together."""

    objects: tuple[Choice, ...] = ()
    """What episodes may hold: built-in objects by name, others themselves."""

    randomization: Randomization | None = None
    """What to vary from episode to episode; None keeps everything nominal."""

    starts: str | Path | None = None
    """File of start states that ``dexndm grasps`` wrote, used before the shipped ones; or ``"grasps"``, see
    ``choose_starts``."""

    def start_states(self) -> StartStates:
        """States that episodes may start from, of all the objects; grasps of a user's own are looked for."""
        return choose_starts(self.objects, self.starts)

    def hand_starts(self) -> HandStarts:
        """How episodes begin on hands that cannot be put into a state."""
        return hand_starts(self.starts)

    def expect_given_physics(self, name: str) -> None:
        """For backends whose physics are what they are.

        Raises:
            ConfigurationError: randomization is wanted.
        """
        if self.randomization is not None:
            raise ConfigurationError(f"The physics of backend {name!r} do not vary; expected randomize=False")

    def expect_given_start(self, name: str) -> None:
        """For backends that start in one pose alone.

        Raises:
            ConfigurationError: start states are wanted.
        """
        if self.starts is not None:
            raise ConfigurationError(f"Backend {name!r} starts in its own pose; expected no start states")


BackendFactory: TypeAlias = Callable[..., Backend]
"""Makes a backend: called with a ``BackendRequest``, and with the options that are its own as keywords."""


def backend_names() -> tuple[str, ...]:
    """Names of all registered backends, the built-in ones first."""
    return tuple(_registered())


def make_backend(
    backend: str | BackendFactory, request: BackendRequest, options: Mapping[str, Any] | None = None
) -> Backend:
    """Make a backend by name.

    Args:
        backend: name of a registered one, ``"module:name"`` of a factory, or a factory itself.
        request: what is wanted of it.
        options: its own options by name.

    Raises:
        ConfigurationError: no such backend is registered, it has no such option, or it cannot be had like this.
    """
    factory = backend if callable(backend) else _find(backend)
    _check_options(backend, factory, request, dict(options or {}))
    return factory(request, **(options or {}))


def _registered() -> dict[str, EntryPoint]:
    own = {entry.name: entry for entry in BUILT_IN}
    return own | {entry.name: entry for entry in entry_points(group=GROUP) if entry.name not in own}


def _find(name: Any) -> BackendFactory:
    if is_reference(name):
        return resolve(name, "backend")
    known = _registered()
    if name not in known:
        close = difflib.get_close_matches(str(name), known, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ConfigurationError(
            f"Unknown backend {name!r}; expected one of {', '.join(known)}, or module:name of a function that makes "
            f"one.{hint}"
        )
    try:
        return known[name].load()
    except AttributeError as error:
        raise ConfigurationError(f"Backend {name!r} is registered as {known[name].value!r}: {error}") from error


def _check_options(backend: Any, factory: Any, request: BackendRequest, options: dict[str, Any]) -> None:
    try:
        inspect.signature(factory).bind(request, **options)
    except TypeError as error:
        own = ", ".join(list(inspect.signature(factory).parameters)[1:]) or "none"
        raise ConfigurationError(
            f"Backend {backend!r} {error}; beside those of the environment its options are: {own}"
        ) from error
