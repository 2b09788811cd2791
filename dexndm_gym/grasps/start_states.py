"""States from which episodes start: hands that hold an object, found once by ``grasp_search`` and kept in a file."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from zipfile import BadZipFile, is_zipfile

import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import FloatArray, Vector
from dexndm_gym.errors import ConfigurationError, FileFormatError
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.outputs import write_bytes

ANY_WRIST = "any"
"""Stands for states that hold whichever way gravity pulls."""

PALM_UP = (0.0, 0.0, -1.0)
"""Direction of gravity in the hand frame, palm up."""

NUM_COLUMNS = 2 * NUM_JOINTS + 7 + 1
"""Joints, targets, object pose, size factor."""

# Files hold whole multiples of these: 0.1 mrad, 0.01 mm, and 1e-4 of quaternions and size factors.
_QUANTUM = np.array([1e-4] * 2 * NUM_JOINTS + [1e-5] * 3 + [1e-4] * 5)

SAME_DIRECTION = float(np.cos(np.radians(2.0)))
"""Gravity this near to the direction that states were found for is that direction; cosine of the angle."""


@dataclass(frozen=True, kw_only=True)
class StartState:
    """A hand at rest with an object in it."""

    joints: FloatArray
    """(16,), rad."""

    target: FloatArray
    """Joint targets that keep it at rest, (16,), rad."""

    object_pose: FloatArray
    """(7,), hand frame, m and quaternion w x y z."""

    scale: float
    """Factor on the object's size."""


class StartStates:
    """Start states by object and by the direction in which gravity pulls."""

    def __init__(self, rows: Mapping[tuple[str, Vector | None], FloatArray]) -> None:
        """Take rows of (16 joints, 16 targets, 7 object pose, 1 size factor), (k, 40), by object and direction.

        A direction is that of gravity in the hand frame, a unit vector; None stands for any.
        """
        self._states: dict[str, list[tuple[Vector | None, FloatArray]]] = {}
        for (name, direction), states in rows.items():
            if len(states):
                self._states.setdefault(name, []).append((direction, states))

    def count(self, name: str, gravity: Sequence[float]) -> int:
        """How many states there are for an object under this gravity, hand frame."""
        return len(self._find(name, gravity))

    def of_object(self, name: str) -> tuple[tuple[Vector | None, FloatArray], ...]:
        """All states of an object: the direction that each lot was found for, None for any, and its rows, (k, 40)."""
        return tuple(self._states.get(name, ()))

    def draw(self, name: str, gravity: Sequence[float], rng: np.random.Generator) -> StartState:
        """Draw one of the states of an object under this gravity, (3,), hand frame.

        Raises:
            ConfigurationError: there is none.
        """
        rows = self._find(name, gravity)
        if len(rows) == 0:
            raise ConfigurationError(
                f"No start state holds {name!r} with gravity along {np.round(gravity, 2).tolist()} in the hand frame; "
                f"choose another wrist, or look for more with: dexndm grasps --object {name}"
            )
        row = rows[rng.integers(len(rows))]
        return StartState(joints=row[:16], target=row[16:32], object_pose=row[32:39], scale=float(row[39]))

    def in_open_hand(self, name: str, gravity: Sequence[float]) -> bool:
        """Whether under this gravity, hand frame, the object lies in the open hand when an episode begins."""
        rows = self._find(name, gravity)
        return bool(len(rows)) and np.allclose(rows[:, NUM_JOINTS : 2 * NUM_JOINTS], START_POSE)

    def _find(self, name: str, gravity: Sequence[float]) -> FloatArray:
        """States found for just this direction, else those for any."""
        down = np.divide(gravity, np.linalg.norm(gravity))
        found = np.empty((0, NUM_COLUMNS))
        for direction, rows in self._states.get(name, []):
            if direction is not None and down @ direction > SAME_DIRECTION:
                return rows
            if direction is None:
                found = rows
        return found

    def in_any_wrist(self) -> "StartStates":
        """Those states alone that hold whichever way gravity pulls: grasps, no palm rests."""
        return StartStates(
            {(name, None): rows for name, states in self._states.items() for way, rows in states if way is None}
        )

    def save(self, path: Path) -> None:
        """Write all states to an npz file.

        Raises:
            OutputError: it cannot be written, or the disk is full.
        """
        arrays = {
            _key(name, direction): _whole(rows) for name, states in self._states.items() for direction, rows in states
        }
        packed = io.BytesIO()
        np.savez_compressed(packed, allow_pickle=False, **arrays)
        write_bytes(path, packed.getvalue())

    @classmethod
    def load(cls, *paths: Path) -> "StartStates":
        """Read files of start states; those of later files come on top.

        Raises:
            FileNotFoundError: there is no such file.
            FileFormatError: it holds something else.
        """
        rows: dict[tuple[str, Vector | None], FloatArray] = {}
        for path in paths:
            try:
                if path.exists() and not is_zipfile(path):
                    raise ValueError("it is no archive of arrays, or a damaged one")
                with np.load(path, allow_pickle=False) as file:
                    rows |= {_parse(key): _restored(file[key]) for key in file.files}
            except (ValueError, AttributeError, EOFError, BadZipFile) as error:
                raise FileFormatError(
                    f"{path} is not a file of start states ({error}); make one with dexndm grasps"
                ) from error
        return cls(rows)


def palm_rest_rows(joints: FloatArray, object_pose: FloatArray, scale: FloatArray) -> FloatArray:
    """Rows for hands that hold the target START_POSE, (k, 40)."""
    return np.concatenate([joints, np.tile(START_POSE, (len(joints), 1)), object_pose, scale[:, None]], axis=1)


def rounded(rows: FloatArray) -> FloatArray:
    """Rows as they come out of a file that they were saved to, (k, 40)."""
    return _restored(_whole(rows))


@cache
def load_starts(*extra: Path) -> StartStates:
    """The shipped start states, and on top of them those of other files."""
    assets = resources.files("dexndm_gym.assets")
    with (
        resources.as_file(assets / "grasp_cache.npz") as all_objects,
        resources.as_file(assets / "grasp_cache_basic.npz") as basic,
    ):
        return StartStates.load(all_objects, basic, *extra)


def _key(name: str, direction: Vector | None) -> str:
    return f"{name}/{ANY_WRIST if direction is None else ' '.join(f'{x:.4g}' for x in direction)}"


def _parse(key: str) -> tuple[str, Vector | None]:
    name, slash, wrist = key.rpartition("/")  # names of meshes are paths
    if not slash:
        return key, PALM_UP
    if wrist == ANY_WRIST:
        return name, None
    x, y, z = (float(x) for x in wrist.split())
    return name, (x, y, z)


def _whole(rows: FloatArray) -> npt.NDArray[np.int16]:
    return np.rint(rows / _QUANTUM).astype(np.int16)


def _restored(rows: npt.NDArray[np.generic]) -> FloatArray:
    """Rows of a file as numbers in SI units."""
    if rows.dtype == np.int16 and rows.shape[1:] == (NUM_COLUMNS,):
        values = rows * _QUANTUM
        values[:, 35:39] /= np.linalg.norm(values[:, 35:39], axis=1, keepdims=True)
        return values
    values = rows.astype(np.float64)
    if values.shape[1:] == (NUM_JOINTS + 7 + 1,):  # without targets: the hand holds START_POSE
        return palm_rest_rows(values[:, :16], values[:, 16:23], values[:, 23])
    raise ValueError(f"unexpected rows of shape {rows.shape}")
