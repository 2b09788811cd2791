import json
from pathlib import Path

import numpy as np
import pytest

from dexndm_gym.data.export_lerobot import export_lerobot
from dexndm_gym.data.export_minari import export_minari
from dexndm_gym.data.reading import read_recording
from dexndm_gym.data.recording import RecordingWriter
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.hand.joints import JOINT_NAMES

LENGTHS = ((7, 12), (5,))


@pytest.fixture(params=[True, False], ids=["with currents", "without"])
def recordings(request: pytest.FixtureRequest, tmp_path: Path) -> list[Path]:
    rng, paths = np.random.default_rng(0), []
    for number, lengths in enumerate(LENGTHS):
        paths.append(tmp_path / f"part-{number}.h5")
        with RecordingWriter(paths[-1]) as writer:
            for length in lengths:
                writer.begin_trajectory(
                    {"mode": "replay", "surroundings": ("free", "balls")[number], "wrist": "palm_up"}
                )
                for _ in range(length):
                    position, command, current = rng.normal(size=(3, 16))
                    writer.append(position, command, current if request.param else None)
                writer.end_trajectory(rng.normal(size=16), rng.normal(size=16) if request.param else None)
    return paths


def originals(recordings: list[Path]) -> list[Trajectory]:
    return [one for path in recordings for one in read_recording(path)]


def test_lerobot_layout(recordings: list[Path], tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra `data` is not installed")
    assert export_lerobot(recordings, tmp_path / "out") == 3
    info = json.loads((tmp_path / "out/meta/info.json").read_text())
    assert (info["total_episodes"], info["total_frames"], info["total_tasks"]) == (3, 24, 2)
    episodes = parquet.read_table(tmp_path / "out/meta/episodes/chunk-000/file-000.parquet").to_pylist()
    frames = []
    for episode, original in zip(episodes, originals(recordings), strict=True):
        place = {"chunk_index": episode["data/chunk_index"], "file_index": episode["data/file_index"]}
        file = parquet.read_table(tmp_path / "out" / info["data_path"].format(**place)).to_pylist()
        rows = [row for row in file if row["episode_index"] == episode["episode_index"]]
        assert [row["index"] for row in rows] == list(range(episode["dataset_from_index"], episode["dataset_to_index"]))
        assert set(rows[0]) == set(info["features"])
        assert ("observation.current" in rows[0]) == (original.current is not None)
        np.testing.assert_allclose([row["observation.state"] for row in rows], original.position[:-1], rtol=1e-6)
        np.testing.assert_allclose([row["action"] for row in rows], original.command, rtol=1e-6)
        np.testing.assert_allclose([row["timestamp"] for row in rows], np.arange(len(original)) / 20, rtol=1e-6)
        frames += rows
    stats = json.loads((tmp_path / "out/meta/stats.json").read_text())
    actions = np.array([row["action"] for row in frames])
    for name, values in {"mean": actions.mean(0), "std": actions.std(0), "max": actions.max(0)}.items():
        np.testing.assert_allclose(stats["action"][name], values, rtol=1e-5)


def test_lerobot_reads_it_back(recordings: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    reason = "lerobot does not install beside the PyTorch of this package; it is read back where it does"
    module = pytest.importorskip("lerobot.datasets.lerobot_dataset", reason=reason, exc_type=ImportError)
    export_lerobot(recordings, tmp_path / "out")
    data = module.LeRobotDataset("local/leap", root=tmp_path / "out")
    assert (data.num_episodes, len(data), data.fps) == (3, 24, 20)
    assert data.meta.names["action"] == list(JOINT_NAMES)
    original = originals(recordings)[2]
    frame = data[24 - len(original) + 1]
    np.testing.assert_allclose(frame["observation.state"].numpy(), original.position[1], rtol=1e-6)
    np.testing.assert_allclose(frame["action"].numpy(), original.command[1], rtol=1e-6)
    assert "balls" in frame["task"]
    ahead = module.LeRobotDataset("local/leap", root=tmp_path / "out", delta_timestamps={"action": [0.0, 0.05]})
    np.testing.assert_allclose(ahead[0]["action"].numpy(), originals(recordings)[0].command[:2], rtol=1e-6)


def test_minari_reads_it_back(recordings: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    minari = pytest.importorskip("minari", reason="the extra `data` is not installed")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    assert export_minari(recordings, tmp_path / "leap-v0") == 3
    data = minari.load_dataset("leap-v0")
    assert (data.total_episodes, data.total_steps) == (3, 24)
    for episode, original in zip(data, originals(recordings), strict=True):
        np.testing.assert_allclose(episode.observations, original.position, rtol=1e-6)
        np.testing.assert_allclose(episode.actions, original.command, rtol=1e-6)
        assert episode.truncations.tolist() == [False] * (len(original) - 1) + [True]
        if original.current is not None:
            np.testing.assert_allclose(episode.infos["current"], original.current, rtol=1e-6)
    notes = list(data.storage.get_episode_metadata([2]))
    assert json.loads(notes[0]["recording"])["surroundings"] == "balls"


@pytest.mark.parametrize(("export", "needs"), [(export_minari, "minari"), (export_lerobot, "pyarrow")])
def test_what_cannot_be_exported(export, needs: str, tmp_path: Path) -> None:
    pytest.importorskip(needs, reason="the extra `data` is not installed")
    with RecordingWriter(tmp_path / "empty.h5"):
        pass
    (tmp_path / "there-v0").mkdir()
    with pytest.raises(ConfigurationError, match="exists already"):
        export([tmp_path / "empty.h5"], tmp_path / "there-v0")
    with pytest.raises(ConfigurationError, match="at least one trajectory"):
        export([tmp_path / "empty.h5"], tmp_path / "new-v0")


def test_a_minari_name_needs_a_version(tmp_path: Path) -> None:
    pytest.importorskip("minari", reason="the extra `data` is not installed")
    with pytest.raises(ConfigurationError, match="leap-v0"):
        export_minari([], tmp_path / "leap")
