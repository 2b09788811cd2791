"""What a user may ask of an episode: object, wrist orientation and rotation axis, by name or value."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.leap.joints import FloatArray
from dexndm_gym.leap.objects import NO_OBJECT, OBJECTS, get_object
from dexndm_gym.leap.scene import GRAVITY, Scene
from dexndm_gym.task.quaternions import conjugate, rotate

WRISTS = {"palm_up": (1.0, 0.0, 0.0, 0.0)}
"""Wrist orientations by name: quaternion w x y z from hand frame to world frame."""

AXES = {
    sign + name: tuple(np.eye(3)[i] * (1.0 if sign == "+" else -1.0))
    for i, name in enumerate("xyz")
    for sign in ("+", "-")
}
"""Rotation axes by name, unit vectors in the world frame."""

OBJECT_SETS = {"basic": tuple(OBJECTS), NO_OBJECT: (NO_OBJECT,)}
"""Named sets of objects to draw from; ``"none"`` leaves the hand empty."""

OPTION_NAMES = ("object", "wrist", "axis")


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One drawn episode."""

    scene: Scene
    wrist: FloatArray
    """(4,), quaternion w x y z from hand frame to world frame."""

    axis: FloatArray
    """(3,), unit vector in the world frame."""

    @property
    def axis_in_hand(self) -> FloatArray:
        """The axis in the hand frame, (3,)."""
        return rotate(conjugate(self.wrist), self.axis)


@dataclass(frozen=True, kw_only=True)
class EpisodeOptions:
    """What each new episode is drawn from."""

    objects: tuple[str, ...] = OBJECT_SETS["basic"]
    wrists: tuple[tuple[float, ...], ...] = (WRISTS["palm_up"],)
    axes: tuple[tuple[float, ...], ...] = (AXES["+z"],)

    def updated(self, options: Mapping[str, Any] | None) -> "EpisodeOptions":
        """These options with those of ``reset(options=...)`` put over them.

        Raises:
            ConfigurationError: an option's name or value is unknown; the message lists what is known.
        """
        options = dict(options or {})
        for name in options:
            if name not in OPTION_NAMES:
                raise ConfigurationError(f"Unknown option {name!r}; expected {_listed(OPTION_NAMES, name)}")
        return EpisodeOptions(
            objects=_objects(options["object"]) if options.get("object") is not None else self.objects,
            wrists=_choices("wrist", options.get("wrist"), WRISTS, 4) or self.wrists,
            axes=_choices("axis", options.get("axis"), AXES, 3) or self.axes,
        )

    def draw(self, rng: np.random.Generator) -> Episode:
        """Draw one episode."""
        wrist = np.array(self.wrists[rng.integers(len(self.wrists))])
        axis = np.array(self.axes[rng.integers(len(self.axes))])
        down = rotate(conjugate(wrist), np.array([0.0, 0.0, -GRAVITY]))
        name = self.objects[rng.integers(len(self.objects))]
        return Episode(scene=Scene(object=name, gravity=(down[0], down[1], down[2])), wrist=wrist, axis=axis)


def _objects(value: str | Sequence[str]) -> tuple[str, ...]:
    if isinstance(value, str):
        return OBJECT_SETS.get(value) or (get_object(value).name,)
    if len(value) == 0:
        raise ConfigurationError("object is an empty list; give at least one name")
    return tuple(get_object(name).name for name in value)


def _choices(
    option: str, value: Any, known: Mapping[str, tuple[float, ...]], size: int
) -> tuple[tuple[float, ...], ...] | None:
    """One value, or a list of values, each a name or a vector, as unit vectors."""
    if value is None:
        return None
    several = isinstance(value, list | tuple) and len(value) > 0 and not np.isscalar(value[0])
    items = value if several or (isinstance(value, list) and isinstance(value[0], str)) else [value]
    return tuple(_choice(option, item, known, size) for item in items)


def _choice(option: str, value: Any, known: Mapping[str, tuple[float, ...]], size: int) -> tuple[float, ...]:
    if isinstance(value, str):
        if value not in known:
            raise ConfigurationError(f"Unknown {option} {value!r}; expected {_listed(known, value)}")
        return known[value]
    try:
        vector: npt.NDArray[np.float64] = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        vector = np.empty(0)
    norm = float(np.linalg.norm(vector)) if vector.shape == (size,) else 0.0
    if not np.isfinite(norm) or norm < 1e-6:
        raise ConfigurationError(
            f"{option}={value!r} is neither one of {', '.join(known)} nor {size} finite numbers that are not all zero"
        )
    return tuple(vector / norm)


def _listed(known: Any, value: str) -> str:
    close = difflib.get_close_matches(value, list(known), n=1)
    return f"one of {', '.join(known)}." + (f" Did you mean {close[0]!r}?" if close else "")
