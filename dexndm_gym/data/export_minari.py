"""Recordings as a Minari data set.

An observation holds the joint positions in rad, an action the commands sent in rad, ``infos["current"]`` the servo
currents in A where they were recorded. Where a person steered, ``infos`` also holds ``axis``, ``wrist`` and
``speed`` as they were asked for, and the metadata of an episode its ``task`` in words. Nothing tracks an object in most
recordings, so that all rewards are 0.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from gymnasium.spaces import Box

from dexndm_gym.arrays import FloatArray
from dexndm_gym.data.reading import read_recording
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.errors import ConfigurationError, MissingExtraError
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.outputs import Output, new_folder

if TYPE_CHECKING:
    from minari.data_collector import EpisodeBuffer

_NAME = re.compile(r"[-\w]+-v\d+")


def export_minari(recordings: Sequence[Path], folder: Path) -> int:
    """Write a data set, which ``minari.load_dataset`` finds where MINARI_DATASETS_PATH is the folder around it.

    Args:
        recordings: files written by ``RecordingWriter``.
        folder: folder to create; its name is the id of the data set and ends with a version, like ``leap-v0``.

    Returns:
        The number of episodes.

    Raises:
        MissingExtraError: Minari is not installed.
        ConfigurationError: the folder exists or its name is no id, or there is nothing to export.
        OutputError: it cannot be written; nothing is left of it.
        FileFormatError: an unreadable recording.
    """
    try:
        import minari  # noqa: F401  (an extra)
    except ImportError as error:
        raise MissingExtraError('minari is not installed; run: pip install "dexndm_gym[data]"') from error
    if not _NAME.fullmatch(folder.name):
        raise ConfigurationError(
            f"a Minari data set has a name that ends with a version, like leap-v0; got {folder.name}"
        )
    Output(folder=True, new=True).check(folder, "the data set")
    if not any(read_recording(path) for path in recordings):
        raise ConfigurationError("expected recordings with at least one trajectory, got none")
    with new_folder(folder, room=2 * sum(path.stat().st_size for path in recordings)) as unfinished:
        return _write(recordings, unfinished, folder.name)


def _write(recordings: Sequence[Path], folder: Path, name: str) -> int:
    import minari
    from minari.dataset.minari_storage import MinariStorage

    (folder / "data").mkdir()
    space = Box(-np.pi, np.pi, (NUM_JOINTS,), np.float32)
    storage = MinariStorage.new(folder / "data", observation_space=space, action_space=space)
    storage.update_episodes(_episodes(recordings))
    storage.update_episode_metadata(_about(one) for path in recordings for one in read_recording(path))
    storage.update_metadata(
        {
            "dataset_id": name,
            "minari_version": minari.__version__,
            "description": "Joint positions and commands of a LEAP hand, in rad, 20 Hz; all rewards are 0.",
        }
    )
    return int(storage.total_episodes)


def _episodes(recordings: Sequence[Path]) -> "Iterator[EpisodeBuffer]":
    from minari.data_collector import EpisodeBuffer

    for path in recordings:
        for one in read_recording(path):
            nothing, last = np.zeros(len(one)), np.zeros(len(one), dtype=bool)
            last[-1] = True
            yield EpisodeBuffer(
                observations=list(one.position.astype(np.float32)),
                actions=list(one.command.astype(np.float32)),
                rewards=nothing.tolist(),
                terminations=[False] * len(one),
                truncations=last.tolist(),
                infos=_infos(one) or None,
            )


def _about(one: Trajectory) -> dict[str, str]:
    return {"recording": json.dumps(dict(one.metadata)), "task": str(one.metadata.get("task", ""))}


def _infos(one: Trajectory) -> dict[str, list[FloatArray]]:
    """As many of each as there are observations: what is asked for last is repeated."""
    infos = {} if one.current is None else {"current": one.current}
    if one.steering is not None:
        asked = np.concatenate([one.steering, one.steering[-1:]])
        infos |= {"axis": asked[:, :3], "wrist": asked[:, 3:7], "speed": asked[:, 7:]}
    return {name: list(values.astype(np.float32)) for name, values in infos.items()}
