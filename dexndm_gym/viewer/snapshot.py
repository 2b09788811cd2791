"""What the page shows: one moment of one hand."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import FloatArray
from dexndm_gym.hand.joints import NUM_JOINTS

POSE_SIZE = 7


def _unknown(size: int) -> Callable[[], FloatArray]:
    return lambda: np.full(size, np.nan)


_JOINTS_UNKNOWN, _POSE_UNKNOWN, _AXIS_UNKNOWN = _unknown(NUM_JOINTS), _unknown(POSE_SIZE), _unknown(3)


@dataclass(frozen=True, kw_only=True, eq=False)
class Snapshot:
    """One moment of one hand; NaN stands for what is not measured."""

    time: float
    """Since the episode, or the recording, began, s."""

    position: FloatArray
    """Measured joint angles, (16,), rad."""

    target: FloatArray = field(default_factory=_JOINTS_UNKNOWN)
    """What the policy asked for, (16,), rad."""

    command: FloatArray = field(default_factory=_JOINTS_UNKNOWN)
    """What the hand was sent, (16,), rad."""

    object: str = ""
    """Name of the object."""

    object_pose: FloatArray = field(default_factory=_POSE_UNKNOWN)
    """In the hand frame, (7,), m and quaternion w x y z."""

    wrist: FloatArray = field(default_factory=lambda: np.array([1.0, 0.0, 0.0, 0.0]))
    """From hand frame to world frame, quaternion w x y z, (4,)."""

    axis: FloatArray = field(default_factory=_AXIS_UNKNOWN)
    """Axis to turn about, world frame, (3,)."""

    rotation: float = np.nan
    """About the axis so far, rad."""

    current: FloatArray = field(default_factory=_JOINTS_UNKNOWN)
    """Of the servos, (16,), A."""

    temperature: FloatArray = field(default_factory=_JOINTS_UNKNOWN)
    """Of the servos, (16,), degrees Celsius."""

    load: FloatArray = field(default_factory=_JOINTS_UNKNOWN)
    """Torque as a share of the most that a servo gives, (16,), -1 to 1."""

    episode: int = 0
    """Number of the episode, or of the trajectory of a recording; another one begins anew."""

    paused: bool = False
    """Time stands still."""

    task: str = ""
    """What the hand is asked to do, for people."""

    note: str = ""
    """What else there is to say, for people: a fault, the end of an episode."""


_NAMES = tuple(entry.name for entry in fields(Snapshot))
_JOINTS = ("f8", (NUM_JOINTS,))

RECORD = np.dtype(
    [
        ("time", "f8"),
        *((name, *_JOINTS) for name in ("position", "target", "command")),
        ("object", "U64"),
        ("object_pose", "f8", (POSE_SIZE,)),
        ("wrist", "f8", (4,)),
        ("axis", "f8", (3,)),
        ("rotation", "f8"),
        *((name, *_JOINTS) for name in ("current", "temperature", "load")),
        ("episode", "i8"),
        ("paused", "?"),
        ("task", "U200"),
        ("note", "U200"),
    ]
)
"""A snapshot in memory of fixed size; longer texts are cut."""

Fields = dict[str, npt.NDArray[Any]]
"""The fields of one ``RECORD`` by name, where they lie."""


def fields_of(records: npt.NDArray[Any]) -> Fields:
    """The fields of the first of some records, to be written to."""
    return {name: records[name][0] if records[name].ndim > 1 else records[name][:1] for name in _NAMES}


def write(snapshot: Snapshot, to: Fields) -> None:
    """Put a snapshot into a record, in microseconds."""
    for name, place in to.items():
        place[...] = getattr(snapshot, name)


def read(records: npt.NDArray[Any]) -> Snapshot:
    """The snapshot in the first of some records."""
    values: dict[str, Any] = {name: records[name][0] for name in _NAMES}
    return Snapshot(**{name: value if np.ndim(value) else value.item() for name, value in values.items()})
