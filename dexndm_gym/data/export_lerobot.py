"""Recordings as a LeRobot data set: the file layout of its version 3.0, without video.

LeRobot itself is not needed to write it, and cannot be installed beside every Python and PyTorch that this package runs
with; what it writes where was read off its release 0.4.4. A frame is one control period: ``observation.state`` are the
joint positions in rad, ``action`` the commands sent in rad, ``observation.current`` the servo currents in A where all
recordings have them, ``observation.steering`` the axis, wrist and speed that a person asked for where all have that.
The position that the last command of a trajectory led to is in no frame.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import CONTROL_HZ
from dexndm_gym.data.reading import read_recording
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.errors import ConfigurationError, MissingExtraError
from dexndm_gym.hand.joints import JOINT_NAMES
from dexndm_gym.outputs import Output, new_folder

VERSION = "v3.0"

_FILE = "chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
_FILES_PER_CHUNK = 1000
_INDICES = ("frame_index", "episode_index", "index", "task_index")

_STEERING_NAMES = [*(f"axis_{i}" for i in "xyz"), *(f"wrist_{i}" for i in "wxyz"), "speed"]

Columns = dict[str, npt.NDArray[Any]]


def export_lerobot(recordings: Sequence[Path], folder: Path) -> int:
    """Write a data set; each recording becomes one data file, so that none has to fit into memory with the others.

    Args:
        recordings: files written by ``RecordingWriter``.
        folder: folder to create.

    Returns:
        The number of episodes.

    Raises:
        MissingExtraError: pyarrow is not installed.
        ConfigurationError: the folder exists, or there is nothing to export.
        OutputError: it cannot be written; nothing is left of it.
        FileFormatError: an unreadable recording.
    """
    try:
        import pyarrow  # noqa: F401  (an extra)
    except ImportError as error:
        raise MissingExtraError('pyarrow is not installed; run: pip install "dexndm_gym[data]"') from error
    Output(folder=True, new=True).check(folder, "the data set")
    if not any(read_recording(path) for path in recordings):
        raise ConfigurationError("expected recordings with at least one trajectory, got none")
    with new_folder(folder, room=2 * sum(path.stat().st_size for path in recordings)) as unfinished:
        return _write(recordings, unfinished)


def _write(recordings: Sequence[Path], folder: Path) -> int:
    optional = _in_all(recordings)
    tasks, episodes, sums = _Tasks(), [], _Statistics()
    for number, path in enumerate(recordings):
        place = {"chunk_index": number // _FILES_PER_CHUNK, "file_index": number % _FILES_PER_CHUNK}
        frames = []
        for trajectory in read_recording(path):
            begin = episodes[-1]["dataset_to_index"] if episodes else 0
            columns = _frames(trajectory, len(episodes), begin, tasks.number(trajectory), optional)
            frames.append(columns)
            sums.add(columns)
            episodes.append(
                {
                    "episode_index": len(episodes),
                    "tasks": [tasks.name(trajectory)],
                    "length": len(trajectory),
                    "dataset_from_index": begin,
                    "dataset_to_index": begin + len(trajectory),
                    "data/chunk_index": place["chunk_index"],
                    "data/file_index": place["file_index"],
                    "meta/episodes/chunk_index": 0,
                    "meta/episodes/file_index": 0,
                    "metadata": json.dumps(dict(trajectory.metadata)),
                }
            )
        if frames:
            _write_table(folder / "data" / _FILE.format(**place), _joined(frames))
    _write_table(
        folder / "meta" / "episodes" / _FILE.format(chunk_index=0, file_index=0),
        {name: [episode[name] for episode in episodes] for name in episodes[0]},
    )
    tasks.write(folder / "meta" / "tasks.parquet")
    _write_json(folder / "meta" / "stats.json", sums.as_dict())
    _write_json(folder / "meta" / "info.json", _info(len(episodes), sums.count, len(tasks.names), optional))
    return len(episodes)


def _in_all(recordings: Sequence[Path]) -> list[str]:
    """What not every recording has, but all of these."""
    found = {"current", "steering"}
    for path in recordings:
        for one in read_recording(path):
            found -= {name for name in found if getattr(one, name) is None}
    return sorted(found)


def _frames(trajectory: Trajectory, episode: int, begin: int, task: int, optional: Collection[str]) -> Columns:
    length = len(trajectory)
    frame = np.arange(length)
    columns = {"observation.state": trajectory.position[:-1].astype(np.float32)}
    for name in optional:
        columns[f"observation.{name}"] = getattr(trajectory, name)[:length].astype(np.float32)
    columns["action"] = trajectory.command.astype(np.float32)
    columns["timestamp"] = (frame / CONTROL_HZ).astype(np.float32)
    return columns | {
        name: np.broadcast_to(values, length).astype(np.int64)
        for name, values in zip(_INDICES, (frame, np.array(episode), begin + frame, np.array(task)), strict=True)
    }


def _joined(frames: Iterable[Columns]) -> Columns:
    frames = list(frames)
    return {name: np.concatenate([columns[name] for columns in frames]) for name in frames[0]}


class _Tasks:
    """What the hand did, in words, numbered as they come."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}

    def name(self, trajectory: Trajectory) -> str:
        found = trajectory.metadata.get
        if "task" in trajectory.metadata:
            return f"{found('task')}; wrist: {found('wrist')}"
        what = "turn an object" if found("mode") == "policy" else f"replay {found('motion', 'commands')}"
        return f"{what}; surroundings: {found('surroundings', 'free')}; wrist: {found('wrist', 'palm_up')}"

    def number(self, trajectory: Trajectory) -> int:
        return self.names.setdefault(self.name(trajectory), len(self.names))

    def write(self, path: Path) -> None:
        import pyarrow as pa

        # LeRobot looks tasks up by the index of a pandas frame, which this note makes of the second column.
        columns = [
            {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": kind, "metadata": None}
            for name, kind in (("task_index", "int64"), ("task", "unicode"))
        ]
        note = {"index_columns": ["task"], "column_indexes": [], "columns": columns, "pandas_version": "2.0.0"}
        table = pa.table({"task_index": list(self.names.values()), "task": list(self.names)})
        _write_table(path, table.replace_schema_metadata({"pandas": json.dumps(note)}))


class _Statistics:
    """Smallest, largest, mean and standard deviation of every column."""

    def __init__(self) -> None:
        self.count = 0
        self._sums: dict[str, list[FloatArray]] = {}

    def add(self, columns: Columns) -> None:
        for name, values in columns.items():
            rows = values.reshape(len(values), -1).astype(np.float64)
            new = [rows.min(axis=0), rows.max(axis=0), rows.sum(axis=0), np.square(rows).sum(axis=0)]
            old = self._sums.get(name)
            if old is not None:
                new = [np.minimum(old[0], new[0]), np.maximum(old[1], new[1]), old[2] + new[2], old[3] + new[3]]
            self._sums[name] = new
        self.count += len(columns["index"])

    def as_dict(self) -> dict[str, dict[str, list[float]]]:
        found = {}
        for name, (low, high, total, squares) in self._sums.items():
            mean = total / self.count
            deviation = np.sqrt(np.maximum(squares / self.count - mean**2, 0.0))
            found[name] = {"min": low.tolist(), "max": high.tolist(), "mean": mean.tolist(), "std": deviation.tolist()}
            found[name]["count"] = [self.count]
        return found


def _info(episodes: int, frames: int, tasks: int, optional: Collection[str]) -> dict[str, Any]:
    vectors = ("observation.state", *(f"observation.{name}" for name in optional), "action")
    features: dict[str, Any] = {}
    for vector in vectors:
        names = _STEERING_NAMES if vector == "observation.steering" else list(JOINT_NAMES)
        features[vector] = {"dtype": "float32", "shape": [len(names)], "names": names}
    scalars = {"timestamp": "float32"} | dict.fromkeys(_INDICES, "int64")
    return {
        "codebase_version": VERSION,
        "robot_type": "leap_hand",
        "fps": int(CONTROL_HZ),
        "total_episodes": episodes,
        "total_frames": frames,
        "total_tasks": tasks,
        "splits": {"train": f"0:{episodes}"},
        "chunks_size": _FILES_PER_CHUNK,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "data_path": f"data/{_FILE}",
        "video_path": None,
        "features": features | {name: {"dtype": kind, "shape": [1], "names": None} for name, kind in scalars.items()},
    }


def _write_table(path: Path, columns: Any) -> None:
    """Write a pyarrow table, or columns by name; matrices become lists of fixed length."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if isinstance(columns, dict):
        columns = pa.table(
            {
                name: pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
                if isinstance(values, np.ndarray) and values.ndim == 2
                else pa.array(values)
                for name, values in columns.items()
            }
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(columns, path)


def _write_json(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=4), encoding="utf-8")
