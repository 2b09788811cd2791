"""What a user may ask of an episode: object, wrist orientation and rotation axis, by name or value."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import GRAVITY
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.objects.catalog import OBJECT_SETS
from dexndm_gym.objects.object_choice import Choice, choice_name, find_objects
from dexndm_gym.objects.scene import Scene
from dexndm_gym.task.orientations import (
    AXES,
    AXIS_SETS,
    HAND_AXES,
    RANDOM,
    WRIST_SETS,
    WRISTS,
    Numbers,
    canonical,
    down_in_hand,
    draw_unit,
    in_world,
)

OPTION_NAMES = ("object", "wrist", "axis")


def by_name(options: Any) -> dict[str, Any]:
    """What ``reset(options=...)`` was given, to be changed.

    Raises:
        ConfigurationError: it is no mapping.
    """
    if options is not None and not isinstance(options, Mapping):
        raise ConfigurationError(f"Expected options={{'object': ..., 'wrist': ..., 'axis': ...}}, got {options!r:.60}")
    return dict(options or {})


@dataclass(frozen=True, kw_only=True)
class EpisodeSetup:
    """One drawn episode."""

    scene: Scene
    wrist: FloatArray
    """(4,), quaternion w x y z from hand frame to world frame."""

    axis: FloatArray
    """(3,), unit vector in the world frame."""


@dataclass(frozen=True, kw_only=True)
class EpisodeOptions:
    """What each new episode is drawn from."""

    objects: tuple[Choice, ...] = OBJECT_SETS["basic"]
    """Built-in objects by name, others themselves: by the time of a reset their names may stand for others."""

    wrists: tuple[Numbers | None, ...] = (WRISTS["palm_up"],)
    """Quaternions w x y z from hand frame to world frame; None is any, drawn uniformly."""

    axes: tuple[Numbers | None, ...] = (AXES["+z"],)
    """Unit vectors in the world frame, or ``HandAxis`` in the hand frame; None is any, drawn uniformly."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigurationError: a wrist is no quaternion, or an axis no vector.
        """
        for option, values, known, size in (("wrist", self.wrists, WRISTS, 4), ("axis", self.axes, AXES, 3)):
            for value in values:
                if value is not None:
                    _vector(option, value, known, size)

    def updated(self, options: Mapping[str, Any] | None) -> "EpisodeOptions":
        """These options with those of ``reset(options=...)`` put over them.

        Raises:
            ConfigurationError: an option's name or value is unknown; the message lists what is known.
        """
        options = by_name(options)
        for name in options:
            if name not in OPTION_NAMES:
                raise ConfigurationError(f"Unknown option {name!r}; expected {_listed(OPTION_NAMES, name)}")
        return EpisodeOptions(
            objects=self.objects if (chosen := options.get("object")) is None else find_objects(chosen, self.objects),
            wrists=_choices("wrist", options.get("wrist"), WRISTS, WRIST_SETS, 4) or self.wrists,
            axes=_choices("axis", options.get("axis"), AXES | HAND_AXES, AXIS_SETS, 3) or self.axes,
        )

    def draw(self, rng: np.random.Generator) -> EpisodeSetup:
        """Draw one episode."""
        chosen_wrist = self.wrists[int(rng.integers(len(self.wrists)))]
        wrist = canonical(draw_unit(rng, 4) if chosen_wrist is None else np.array(chosen_wrist))
        chosen_axis = self.axes[int(rng.integers(len(self.axes)))]
        axis = draw_unit(rng, 3) if chosen_axis is None else np.array(in_world(chosen_axis, wrist))
        x, y, z = down_in_hand(wrist)
        chosen = self.objects[rng.integers(len(self.objects))]
        item = None if isinstance(chosen, str) else chosen
        scene = Scene(object=choice_name(chosen), gravity=(GRAVITY * x, GRAVITY * y, GRAVITY * z), item=item)
        return EpisodeSetup(scene=scene, wrist=wrist, axis=axis)


def object_names(value: Any) -> tuple[str, ...]:
    """Names of the objects that are named or handed over, see ``find_objects``.

    Raises:
        ConfigurationError: a name is unknown, or the list is empty.
    """
    return tuple(map(choice_name, find_objects(value)))


def _choices(
    option: str, value: Any, known: Mapping[str, Numbers], sets: Mapping[str, tuple[Numbers, ...]], size: int
) -> tuple[Numbers | None, ...] | None:
    """One value, or a list of values, each a name, a set or a vector, as unit vectors; None stands for any."""
    if value is None:
        return None
    many = isinstance(value, list | tuple | np.ndarray)
    several = many and any(isinstance(item, str) or np.ndim(item) > 0 for item in value)
    found: list[Numbers | None] = []
    for item in value if several else [value]:
        if isinstance(item, str) and item in sets:
            found += sets[item]
        elif isinstance(item, str):
            found.append(None if item == RANDOM else _named(option, item, known, sets))
        else:
            found.append(_vector(option, item, known, size))
    return tuple(found)


def _named(option: str, name: str, known: Mapping[str, Numbers], sets: Mapping[str, Any]) -> Numbers:
    if name not in known:
        raise ConfigurationError(f"Unknown {option} {name!r}; expected {_listed((*known, *sets, RANDOM), name)}")
    return known[name]


def _vector(option: str, value: Any, known: Mapping[str, Numbers], size: int) -> Numbers:
    try:
        vector: FloatArray = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        vector = np.empty(0)
    norm = float(np.linalg.norm(vector)) if vector.shape == (size,) else 0.0
    if not np.isfinite(norm) or norm < 1e-6:
        raise ConfigurationError(
            f"{option}={value!r} is neither one of {', '.join(known)} nor {size} finite numbers that are not all zero"
        )
    return tuple((vector / norm).tolist())


def _listed(known: Any, value: str) -> str:
    close = difflib.get_close_matches(value, list(known), n=1)
    return f"one of {', '.join(known)}." + (f" Did you mean {close[0]!r}?" if close else "")
