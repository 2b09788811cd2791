"""Recordings: HDF5 files that grow while the hand moves and survive a killed process.

Everything lies in flat, growing tables that exist from the start, because HDF5's single-writer mode (SWMR), which keeps
a file readable at any instant, allows no new groups or variable-length values. A file holds:

========================  ======================  =========================================================
``position``              (ticks, joints) float   joint positions, rad, read before the command is applied
``command``                (ticks, joints) float   commands sent, rad; NaN in the last tick of a trajectory
``current``               (ticks, joints) float   servo currents, A, read with the position; NaN where not measured;
                                                  recordings of version 0.1.0 have no such table
``object_pose``           (ticks, 7) float        object in the hand frame, m and quaternion w x y z; NaN where it was
                                                  not seen; recordings of version 0.1.0 have no such table
``steering``              (ticks, 8) float        only where a person steered: axis and wrist (quaternion) in the world
                                                  frame, and the share of the policy's motion, as asked for in the tick
``start``                 (trajectories,) int     first tick of each trajectory
``metadata``              (bytes,) uint8          JSON objects, one after the other
``metadata_end``          (trajectories,) int     where the JSON of each trajectory ends
========================  ======================  =========================================================
"""

import contextlib
import errno
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import uuid4

import h5py
import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import CONTROL_HZ
from dexndm_gym.data.storage import claim, close_safely, reason, require_room
from dexndm_gym.data.trajectory import as_row
from dexndm_gym.errors import ConfigurationError, FileFormatError, OutputError
from dexndm_gym.hand.joints import JOINT_NAMES

FORMAT = "dexndm-recording"
VERSION = 1

_FLUSH_TICKS = 20
_FLUSH_SECONDS = 0.5
_CHUNK = 1024
"""Rows that a table grows by."""
_ROOM_FOR_THE_REST = 2**16
"""Bytes for the small tables, and for where HDF5 notes what lies where."""
_COLUMNS = ("position", "current", "object_pose", "command")
"""What a tick consists of. Targets are written last: a reader takes as many ticks as it finds commands."""
TABLES = (*_COLUMNS, "start", "metadata", "metadata_end")
"""Names of all tables."""
LATER_TABLES = ("current", "object_pose")
"""Those that the oldest recordings lack."""
STEERING = "steering"
"""The table that only recordings of teleoperation have."""
_POSE_SIZE, _STEERING_SIZE = 7, 8


class RecordingWriter:
    """Appends trajectories to a new recording; use it as a context manager.

    What was appended up to a second ago can be read after the process was killed, and by others while it is written.
    """

    def __init__(self, path: str | Path, joint_names: Sequence[str] = JOINT_NAMES, *, steered: bool = False) -> None:
        """Create the file.

        Args:
            path: file to create; it must not exist yet.
            joint_names: the joints of a tick, in order.
            steered: whether every tick has what a person asked for.

        Raises:
            ConfigurationError: the file exists, or its folder does not.
            OutputError: the disk is full.
        """
        self._path = Path(path)
        self._joints = len(joint_names)
        self._columns = (*_COLUMNS[:-1], STEERING, _COLUMNS[-1]) if steered else _COLUMNS
        self._num_ticks = 0
        self._rows: list[tuple[FloatArray, ...]] = []
        self._last: FloatArray | None = None
        self._recording = False
        self._flushed_at = time.monotonic()
        # Nobody may find a recording that is not one yet, and of two that are made at once only one may get the name.
        unfinished = self._path.with_name(f".{self._path.name}.{uuid4().hex}.unfinished")
        try:
            self._file = h5py.File(unfinished, "w", libver="latest")
            self._require_room()
            self._make_tables(joint_names)
            claim(unfinished, self._path)
        except (OSError, RuntimeError) as error:
            if hasattr(self, "_file"):
                close_safely(self._file)
            with contextlib.suppress(OSError):
                unfinished.unlink()
            if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise OutputError(f"cannot create the recording {path}: {reason(error)}; make room") from error
            raise ConfigurationError(
                f"cannot create the recording {path}: the file must not exist yet and its folder must ({reason(error)})"
            ) from error

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
            OutputError: the disk is full; what was recorded before is kept, and the file is closed.
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

    def append(
        self,
        position: npt.ArrayLike,
        command: npt.ArrayLike,
        current: npt.ArrayLike | None = None,
        object_pose: npt.ArrayLike | None = None,
        steering: npt.ArrayLike | None = None,
    ) -> None:
        """Record one control period.

        Args:
            position: joint positions read at the start of the period, (joints,), rad.
            command: commands applied during it, (joints,), rad.
            current: servo currents read with the positions, (joints,), A; None where they are not measured.
            object_pose: of the object in the hand frame, (7,), m and quaternion w x y z; None where it is not seen.
            steering: of a recording that is ``steered``: axis, wrist and share of the policy's motion, (8,).

        Raises:
            ConfigurationError: wrong shapes, numbers that are not finite, or no trajectory begun.
            OutputError: the disk is full; what was recorded before is kept, and the file is closed.
        """
        asked = () if steering is None else (as_row(steering, _STEERING_SIZE, STEERING),)
        if len(asked) != (STEERING in self._columns):
            raise ConfigurationError("a recording that is steered takes steering with every tick, others never")
        row = (*self._measured(position, current, object_pose), *asked, as_row(command, self._joints, "command"))
        if not self._recording:
            raise ConfigurationError("call begin_trajectory() before append()")
        self._push(row)

    def end_trajectory(
        self,
        position: npt.ArrayLike | None = None,
        current: npt.ArrayLike | None = None,
        object_pose: npt.ArrayLike | None = None,
    ) -> None:
        """End the trajectory that was begun, if any.

        Args:
            position: where the last command led, (joints,), rad; without it the last command is dropped on reading.
            current: as in ``append``.
            object_pose: as in ``append``.

        Raises:
            OutputError: the disk is full; what was recorded before is kept, and the file is closed.
        """
        if self._recording and position is not None:
            asked = (np.full(_STEERING_SIZE, np.nan),) if STEERING in self._columns else ()
            self._push((*self._measured(position, current, object_pose), *asked, np.full(self._joints, np.nan)))
        self._recording = False
        self._flush()

    def close(self) -> None:
        """End the trajectory and close the file. Safe to call twice."""
        if self._file:
            try:
                self.end_trajectory()
            finally:
                close_safely(self._file)

    def _measured(
        self, position: npt.ArrayLike, current: npt.ArrayLike | None, object_pose: npt.ArrayLike | None
    ) -> tuple[FloatArray, ...]:
        if object_pose is not None and np.isnan(np.asarray(object_pose, dtype=np.float64)).all():
            object_pose = None
        return (
            as_row(position, self._joints, "position"),
            np.full(self._joints, np.nan) if current is None else as_row(current, self._joints, "current"),
            np.full(_POSE_SIZE, np.nan) if object_pose is None else as_row(object_pose, _POSE_SIZE, "object_pose"),
        )

    def _push(self, row: tuple[FloatArray, ...]) -> None:
        self._require_open()
        self._rows.append(row)
        self._num_ticks += 1
        if len(self._rows) >= _FLUSH_TICKS or time.monotonic() - self._flushed_at > _FLUSH_SECONDS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            for column, name in enumerate(self._columns):
                self._append(name, np.array([row[column] for row in self._rows]))
            self._rows.clear()
        self._flushed_at = time.monotonic()

    def _append(self, name: str, values: npt.NDArray[Any]) -> None:
        try:
            self._require_room()
            table = self._table(name)
            size = table.shape[0]
            table.resize(size + len(values), axis=0)
            table[size:] = values
            table.flush()
        except (OSError, RuntimeError) as error:
            self._rows.clear()
            self._recording = False
            close_safely(self._file)
            raise OutputError(
                f"cannot go on recording to {self._path}: {reason(error)}. What was recorded before is kept; make "
                "room, and run the same again to go on"
            ) from error

    def _make_tables(self, joint_names: Sequence[str]) -> None:
        header = {"format": FORMAT, "version": VERSION, "control_hz": CONTROL_HZ}
        self._file.attrs.update(header | {"joint_names": json.dumps(list(joint_names))})
        for name in self._columns:
            width = self._width(name)
            shape, chunk = (0, width), (_CHUNK, width)
            self._file.create_dataset(name, shape, "f4", maxshape=(None, width), chunks=chunk)
        for name, kind in (("start", "i8"), ("metadata_end", "i8"), ("metadata", "u1")):
            self._file.create_dataset(name, (0,), kind, maxshape=(None,), chunks=(_CHUNK,))
        self._file.swmr_mode = True

    def _require_room(self) -> None:
        chunks = _CHUNK * sum(self._width(name) for name in self._columns) * np.dtype("f4").itemsize
        require_room(self._file, chunks + _ROOM_FOR_THE_REST)

    def _width(self, name: str) -> int:
        return {"object_pose": _POSE_SIZE, STEERING: _STEERING_SIZE}.get(name, self._joints)

    def _table(self, name: str) -> h5py.Dataset:
        table = self._file[name]
        if not isinstance(table, h5py.Dataset):  # cannot be: we created it
            raise FileFormatError(f"{name} is not a table")
        return table

    def _require_open(self) -> None:
        if not self._file:
            raise ConfigurationError("the recording is closed; open a new RecordingWriter")
