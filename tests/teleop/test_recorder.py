"""Teleoperation in recordings and in what they are exported to."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dexndm_gym.data.export_lerobot import export_lerobot
from dexndm_gym.data.export_minari import export_minari
from dexndm_gym.data.reading import read_recording
from dexndm_gym.data.recording import RecordingWriter
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.teleop.commands import Command
from dexndm_gym.teleop.recorder import TeleopRecorder
from dexndm_gym.teleop.session import TeleopSession
from dexndm_gym.teleop.sources import Script


@pytest.fixture
def recording(env: Any, nudge: Any, hand: Any, clock: Any, tmp_path: Path) -> Path:
    script = Script(
        [
            (0.1, Command("go")),
            (0.2, Command("axis", "-y")),
            (0.25, Command("speed", 0.4)),
            (0.3, Command("stop")),
            (0.35, Command("reset")),
        ],
        clock,
    )
    with TeleopRecorder(tmp_path / "a.h5", {"hand": "weak"}) as recorder:
        session = TeleopSession(
            env, nudge, [script], options={"object": "cube"}, recorder=recorder, sleep=lambda _: None
        )
        for step in range(9):
            clock.now = 0.05 * step + 0.001
            session.advance()
    return tmp_path / "a.h5"


def test_a_trajectory_ends_where_something_else_is_asked_for(recording: Path, hand: Any) -> None:
    found = read_recording(recording)
    about = "the axis of the episode"
    tasks = ["hold the cube", f"turn the cube about {about}", "turn the cube about -y", "hold the cube"]
    assert [one.metadata["task"] for one in found] == tasks
    assert [len(one) for one in found] == [2, 2, 2, 2]
    assert {one.metadata["wrist"] for one in found} == {"palm_up"}
    turning = found[2].steering
    assert turning is not None
    np.testing.assert_allclose(turning[:, :3], [[0, -1, 0]] * 2)
    np.testing.assert_allclose(turning[:, 3:7], [[1, 0, 0, 0]] * 2)
    np.testing.assert_allclose(turning[:, 7], [1.0, 0.4])
    sent = np.concatenate([one.command for one in found])
    np.testing.assert_allclose(sent, np.concatenate(hand.commands), rtol=1e-6)
    np.testing.assert_array_equal(found[0].position[-1], found[1].position[0])
    assert found[2].cut(1, 2).steering == pytest.approx(turning[1:])


def test_lerobot_gets_commands_and_tasks(recording: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra `data` is not installed")
    assert export_lerobot([recording], tmp_path / "out") == 4
    info = json.loads((tmp_path / "out/meta/info.json").read_text())
    assert info["features"]["observation.steering"]["shape"] == [8]
    assert info["total_tasks"] == 3
    rows = parquet.read_table(tmp_path / "out/data/chunk-000/file-000.parquet").to_pylist()
    np.testing.assert_allclose(rows[5]["observation.steering"], [0, -1, 0, 1, 0, 0, 0, 0.4], rtol=1e-6)
    tasks = parquet.read_table(tmp_path / "out/meta/tasks.parquet").to_pylist()
    assert tasks[rows[5]["task_index"]]["task"] == "turn the cube about -y; wrist: palm_up"


def test_minari_gets_commands_and_tasks(recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    minari = pytest.importorskip("minari", reason="the extra `data` is not installed")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    assert export_minari([recording], tmp_path / "teleop-v0") == 4
    data = minari.load_dataset("teleop-v0")
    assert [one["task"] for one in data.storage.get_episode_metadata([2, 3])] == [
        "turn the cube about -y",
        "hold the cube",
    ]
    infos = data[2].infos
    np.testing.assert_allclose(infos["axis"], [[0, -1, 0]] * 3)
    np.testing.assert_allclose(infos["speed"], [[1.0], [0.4], [0.4]], rtol=1e-6)


def test_steering_is_recorded_always_or_never(tmp_path: Path) -> None:
    for steered, given in ((True, None), (False, np.zeros(8))):
        with RecordingWriter(tmp_path / f"{steered}.h5", steered=steered) as writer:
            writer.begin_trajectory()
            with pytest.raises(ConfigurationError, match="steered"):
                writer.append(np.zeros(16), np.zeros(16), steering=given)
