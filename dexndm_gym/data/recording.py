"""Recordings: HDF5 files that grow while the hand moves and survive a killed process.

Everything lies in flat, growing tables that exist from the start, because HDF5's single-writer mode (SWMR), which keeps
a file readable at any instant, allows no new groups or variable-length values. A file holds:

========================  ======================  =========================================================
``position``              (ticks, joints) float   joint positions, rad, read before the target is applied
``target``                (ticks, joints) float   targets sent, rad; NaN in the last tick of a trajectory
``current``               (ticks, joints) float   servo currents, A, read with the position; NaN where not measured;
                                                  recordings of version 0.1.0 have no such table
``start``                 (trajectories,) int     first tick of each trajectory
``metadata``              (bytes,) uint8          JSON objects, one after the other
``metadata_end``          (trajectories,) int     where the JSON of each trajectory ends
========================  ======================  =========================================================
"""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, overload

import h5py
import numpy as np
import numpy.typing as npt

from dexndm_gym.data.salvage import copy_unclosed, is_unclosed
from dexndm_gym.data.trajectory import CONTROL_HZ, Trajectory, as_row
from dexndm_gym.errors import ConfigurationError, FileFormatError
from dexndm_gym.leap.joints import JOINT_NAMES, FloatArray

FORMAT = "dexndm-recording"
VERSION = 1

_FLUSH_TICKS = 20
_FLUSH_SECONDS = 0.5
_COLUMNS = ("position", "current", "target")
"""What a tick consists of. Targets are written last: a reader takes as many ticks as it finds targets."""
_TABLES = (*_COLUMNS, "start", "metadata", "metadata_end")


class RecordingWriter:
    """Appends trajectories to a new recording; use it as a context manager.

    What was appended up to a second ago can be read after the process was killed, and by others while it is written.
    """

    def __init__(self, path: str | Path, joint_names: Sequence[str] = JOINT_NAMES) -> None:
        """Create the file.

        Args:
            path: file to create; it must not exist yet.
            joint_names: the joints of a tick, in order.

        Raises:
            ConfigurationError: the file exists, or its folder does not.
        """
        self._joints = len(joint_names)
        self._num_ticks = 0
        self._rows: list[tuple[FloatArray, ...]] = []
        self._last: FloatArray | None = None
        self._recording = False
        self._flushed_at = time.monotonic()
        try:
            self._file = h5py.File(path, "x", libver="latest")
        except OSError as error:
            raise ConfigurationError(
                f"cannot create the recording {path}: the file must not exist yet and its folder must ({error})"
            ) from error
        header = {"format": FORMAT, "version": VERSION, "control_hz": CONTROL_HZ}
        self._file.attrs.update(header | {"joint_names": json.dumps(list(joint_names))})
        width = self._joints
        for name in _COLUMNS:
            self._file.create_dataset(name, (0, width), "f4", maxshape=(None, width), chunks=(1024, width))
        for name, kind in (("start", "i8"), ("metadata_end", "i8"), ("metadata", "u1")):
            self._file.create_dataset(name, (0,), kind, maxshape=(None,), chunks=(1024,))
        self._file.swmr_mode = True

    def __enter__(self) -> "RecordingWriter":
        """The writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file, whatever happened."""
        self.close()

    @property
    def num_ticks(self) -> int:
        """Ticks recorded so far, over all trajectories."""
        return self._num_ticks

    def begin_trajectory(self, metadata: Mapping[str, Any] | None = None) -> None:
        """Start a trajectory, ending the one before.

        Args:
            metadata: anything that JSON can hold.

        Raises:
            ConfigurationError: metadata that JSON cannot hold, or a closed writer.
        """
        try:
            text = json.dumps(dict(metadata or {})).encode()
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"trajectory metadata must be what JSON can hold: {error}") from error
        self._require_open()
        self.end_trajectory()
        self._append("metadata", np.frombuffer(text, np.uint8))
        self._append("metadata_end", np.array([self._table("metadata").shape[0]]))
        self._append("start", np.array([self._num_ticks]))
        self._recording = True

    def append(self, position: npt.ArrayLike, target: npt.ArrayLike, current: npt.ArrayLike | None = None) -> None:
        """Record one control period.

        Args:
            position: joint positions read at the start of the period, (joints,), rad.
            target: targets applied during it, (joints,), rad.
            current: servo currents read with the positions, (joints,), A; None where they are not measured.

        Raises:
            ConfigurationError: wrong shapes, numbers that are not finite, or no trajectory begun.
        """
        row = (*self._measured(position, current), as_row(target, self._joints, "target"))
        if not self._recording:
            raise ConfigurationError("call begin_trajectory() before append()")
        self._push(row)

    def end_trajectory(self, position: npt.ArrayLike | None = None, current: npt.ArrayLike | None = None) -> None:
        """End the trajectory that was begun, if any.

        Args:
            position: where the last target led, (joints,), rad; without it the last target is dropped on reading.
            current: as in ``append``.
        """
        if self._recording and position is not None:
            self._push((*self._measured(position, current), np.full(self._joints, np.nan)))
        self._recording = False
        self._flush()

    def close(self) -> None:
        """End the trajectory and close the file. Safe to call twice."""
        if self._file:
            self.end_trajectory()
            self._file.close()

    def _measured(self, position: npt.ArrayLike, current: npt.ArrayLike | None) -> tuple[FloatArray, FloatArray]:
        unknown = np.full(self._joints, np.nan)
        return (
            as_row(position, self._joints, "position"),
            unknown if current is None else as_row(current, self._joints, "current"),
        )

    def _push(self, row: tuple[FloatArray, ...]) -> None:
        self._require_open()
        self._rows.append(row)
        self._num_ticks += 1
        if len(self._rows) >= _FLUSH_TICKS or time.monotonic() - self._flushed_at > _FLUSH_SECONDS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            for column, name in enumerate(_COLUMNS):
                self._append(name, np.array([row[column] for row in self._rows]))
            self._rows.clear()
        self._flushed_at = time.monotonic()

    def _append(self, name: str, values: npt.NDArray[Any]) -> None:
        table = self._table(name)
        size = table.shape[0]
        table.resize(size + len(values), axis=0)
        table[size:] = values
        table.flush()

    def _table(self, name: str) -> h5py.Dataset:
        table = self._file[name]
        if not isinstance(table, h5py.Dataset):  # cannot be: we created it
            raise FileFormatError(f"{name} is not a table")
        return table

    def _require_open(self) -> None:
        if not self._file:
            raise ConfigurationError("the recording is closed; open a new RecordingWriter")


class RecordingReader(Sequence[Trajectory]):
    """The trajectories of a recording, each read when it is asked for; use it as a context manager.

    It also reads a recording that is being written or whose writer was killed.
    """

    def __init__(self, path: str | Path, joint_names: Sequence[str] = JOINT_NAMES) -> None:
        """Open the file.

        Args:
            path: the file.
            joint_names: the joints that it must hold, in order.

        Raises:
            FileFormatError: no such file, not a recording, a damaged one, or one of other joints.
        """
        if not Path(path).is_file():
            raise FileFormatError(f"no recording at {path}: expected an HDF5 file written by RecordingWriter")
        self._path, self._resources = path, ExitStack()
        try:
            readable: str | Path = path
            if is_unclosed(path):
                readable = Path(self._resources.enter_context(TemporaryDirectory()), "copy.h5")
                copy_unclosed(path, readable)
            file = self._resources.enter_context(h5py.File(readable, "r"))
            self._open(file, joint_names)
        except (OSError, KeyError, RuntimeError) as error:
            self.close()
            raise FileFormatError(f"{path} is no recording, or a damaged one: {error}") from error
        except FileFormatError:
            self.close()
            raise

    def __enter__(self) -> "RecordingReader":
        """The reader itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self._resources.close()

    def __len__(self) -> int:
        """Number of trajectories with at least one control period."""
        return len(self._index)

    @overload
    def __getitem__(self, index: int) -> Trajectory: ...
    @overload
    def __getitem__(self, index: slice) -> list[Trajectory]: ...
    def __getitem__(self, index: int | slice) -> Trajectory | list[Trajectory]:
        """Read one trajectory, or several."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        number, rows, text = self._index[index]
        try:
            position = self._tables["position"][rows].astype(np.float64)
            target = self._tables["target"][rows][:-1].astype(np.float64)
            current = (
                self._tables["current"][rows].astype(np.float64) if "current" in self._tables else np.full(1, np.nan)
            )
            metadata = json.loads(self._tables["metadata"][text].tobytes())
            return Trajectory(position, target, metadata, current if np.isfinite(current).all() else None)
        except (OSError, RuntimeError, ValueError) as error:
            raise FileFormatError(f"{self._path} is damaged in trajectory {number}: {error}") from error

    def _open(self, file: h5py.File, joint_names: Sequence[str]) -> None:
        found = (file.attrs.get("format"), file.attrs.get("version"))
        if found != (FORMAT, VERSION):
            raise FileFormatError(
                f"{self._path}: expected format {FORMAT!r} version {VERSION}, found {found[0]!r} {found[1]!r}"
            )
        names = list(json.loads(str(file.attrs["joint_names"])))
        if names != list(joint_names):
            raise FileFormatError(f"{self._path} holds the joints {names}, expected {list(joint_names)}")
        self._tables: dict[str, Any] = {name: file[name] for name in _TABLES if name in file or name != "current"}
        # A killed writer leaves each table as long as it had got; what is not in all of them does not count.
        ticks = min(len(self._tables["position"]), len(self._tables["target"]))
        count = min(len(self._tables["start"]), len(self._tables["metadata_end"]))
        starts, ends = self._tables["start"][:count], np.insert(self._tables["metadata_end"][:count], 0, 0)
        if (np.diff(starts) < 0).any() or (np.diff(ends) < 0).any():
            raise FileFormatError(f"{self._path} is damaged: its trajectory table is out of order")
        bounds = np.minimum(np.append(starts, ticks), ticks)
        self._index = [
            (number, slice(bounds[number], bounds[number + 1]), slice(ends[number], ends[number + 1]))
            for number in range(count)
            if bounds[number + 1] - bounds[number] > 1
        ]


def read_recording(path: str | Path, joint_names: Sequence[str] = JOINT_NAMES) -> list[Trajectory]:
    """Read all trajectories of a recording; see ``RecordingReader``.

    Args:
        path: the file.
        joint_names: the joints that it must hold, in order.

    Raises:
        FileFormatError: no such file, not a recording, a damaged one, or one of other joints.
    """
    with RecordingReader(path, joint_names) as reader:
        return list(reader)
