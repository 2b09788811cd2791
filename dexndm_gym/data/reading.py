"""Recordings in HDF5, read trajectory by trajectory."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, overload

import h5py
import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.data.recording import FORMAT, LATER_TABLES, STEERING, TABLES, VERSION
from dexndm_gym.data.recovery import copy_unclosed, is_unclosed
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.errors import FileFormatError
from dexndm_gym.hand.joints import JOINT_NAMES


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
            command = self._tables["command"][rows][:-1].astype(np.float64)
            metadata = json.loads(self._tables["metadata"][text].tobytes())
            current, pose = (self._later(name, rows) for name in LATER_TABLES)
            if current is not None and not np.isfinite(current).all():
                current = None
            if pose is not None and np.isnan(pose).all():
                pose = None
            steering = self._later(STEERING, slice(rows.start, rows.stop - 1))
            return Trajectory(position, command, metadata, current, pose, steering)
        except (OSError, RuntimeError, ValueError) as error:
            raise FileFormatError(f"{self._path} is damaged in trajectory {number}: {error}") from error

    def _later(self, name: str, rows: slice) -> FloatArray | None:
        """Part of a table that the oldest recordings lack."""
        return self._tables[name][rows].astype(np.float64) if name in self._tables else None

    def _open(self, file: h5py.File, joint_names: Sequence[str]) -> None:
        found = (file.attrs.get("format"), file.attrs.get("version"))
        if found != (FORMAT, VERSION):
            raise FileFormatError(
                f"{self._path}: expected format {FORMAT!r} version {VERSION}, found {found[0]!r} {found[1]!r}"
            )
        names = list(json.loads(str(file.attrs["joint_names"])))
        if names != list(joint_names):
            raise FileFormatError(f"{self._path} holds the joints {names}, expected {list(joint_names)}")
        self._tables: dict[str, Any] = {
            name: file[name] for name in (*TABLES, STEERING) if name in file or name not in (*LATER_TABLES, STEERING)
        }
        # A killed writer leaves each table as long as it had got; what is not in all of them does not count.
        ticks = min(len(self._tables["position"]), len(self._tables["command"]))
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
