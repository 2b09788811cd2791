import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from dexndm_gym.data.reading import read_recording
from dexndm_gym.data.recording import RecordingWriter
from dexndm_gym.errors import ConfigurationError, FileFormatError

ZEROS = np.zeros(16)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that has not ended after 5 s is taken for one that never will; a busy machine may need that to start."""
    monkeypatch.setattr("dexndm_gym.data.recovery._SECONDS", 60.0)


def write(path: Path, lengths: list[int], final: bool = True) -> None:
    with RecordingWriter(path) as writer:
        for number, length in enumerate(lengths):
            writer.begin_trajectory({"number": number, "name": "ü"})
            for tick in range(length):
                writer.append(np.full(16, number + tick / 1000), np.full(16, -tick / 1000))
            if final:
                writer.end_trajectory(np.full(16, number + length / 1000))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write(tmp_path / "a.h5", [45, 1, 20])
    trajectories = read_recording(tmp_path / "a.h5")
    assert [len(trajectory) for trajectory in trajectories] == [45, 1, 20]
    assert [trajectory.metadata["number"] for trajectory in trajectories] == [0, 1, 2]
    assert trajectories[0].metadata["name"] == "ü"
    np.testing.assert_allclose(trajectories[2].position[:, 3], 2 + np.arange(21) / 1000, atol=1e-6)
    np.testing.assert_allclose(trajectories[0].command[:, 15], -np.arange(45) / 1000, atol=1e-6)


def test_last_target_without_position_is_dropped(tmp_path: Path) -> None:
    write(tmp_path / "a.h5", [10, 1], final=False)
    (trajectory,) = read_recording(tmp_path / "a.h5")
    assert len(trajectory) == 9
    assert np.isfinite(trajectory.command).all()


def test_readable_while_it_is_written(tmp_path: Path) -> None:
    with RecordingWriter(tmp_path / "a.h5") as writer:
        writer.begin_trajectory()
        for _ in range(41):
            writer.append(ZEROS, ZEROS)
        assert len(read_recording(tmp_path / "a.h5")[0]) >= 20
        assert writer.num_ticks == 41


def test_survives_kill_9(tmp_path: Path) -> None:
    path, marks = tmp_path / "a.h5", tmp_path / "marks"
    script = """if True:
        import sys, time
        import numpy as np
        from dexndm_gym.data.recording import RecordingWriter
        with RecordingWriter(sys.argv[1]) as writer, open(sys.argv[2], "w", buffering=1) as marks:
            for number in range(10**6):
                writer.begin_trajectory({"number": number})
                for tick in range(30):
                    writer.append(np.full(16, number), np.full(16, tick))
                    marks.write(f"{time.time()} {writer.num_ticks}\\n")
                    time.sleep(0.002)
    """
    with subprocess.Popen([sys.executable, "-c", script, path, marks]) as process:
        while not marks.exists() or marks.stat().st_size < 4000:
            assert process.poll() is None
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    times, ticks = np.array([line.split() for line in marks.read_text().splitlines()[:-1]], dtype=float).T
    # The last mark may have come long after its tick, the one before it came before that tick.
    due = ticks[times < times[-2] - 1]
    trajectories = read_recording(path)
    # Every trajectory of 30 ticks, none of which had a final position, gives 29 periods.
    assert [len(trajectory) for trajectory in trajectories[:-1]] == [29] * (len(trajectories) - 1)
    assert [trajectory.metadata["number"] for trajectory in trajectories] == list(range(len(trajectories)))
    assert sum(len(trajectory) + 1 for trajectory in trajectories) >= due.max(initial=1)
    assert all((trajectory.position == trajectory.metadata["number"]).all() for trajectory in trajectories)


def test_refuses_to_overwrite(tmp_path: Path) -> None:
    write(tmp_path / "a.h5", [2])
    with pytest.raises(ConfigurationError, match="must not exist yet"):
        RecordingWriter(tmp_path / "a.h5")
    assert len(read_recording(tmp_path / "a.h5")) == 1


@pytest.mark.parametrize("bad", [np.zeros(15), np.full(16, np.nan), np.zeros((1, 16))])
def test_refuses_bad_ticks_and_keeps_the_good_ones(tmp_path: Path, bad: np.ndarray) -> None:
    with RecordingWriter(tmp_path / "a.h5") as writer:
        writer.begin_trajectory()
        writer.append(ZEROS, ZEROS)
        with pytest.raises(ConfigurationError, match="16 finite numbers"):
            writer.append(bad, ZEROS)
        with pytest.raises(ConfigurationError, match="16 finite numbers"):
            writer.append(ZEROS, bad)
        writer.end_trajectory(ZEROS)
    assert len(read_recording(tmp_path / "a.h5")[0]) == 1


def test_refuses_misuse(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "a.h5")
    with pytest.raises(ConfigurationError, match="begin_trajectory"):
        writer.append(ZEROS, ZEROS)
    with pytest.raises(ConfigurationError, match="JSON"):
        writer.begin_trajectory({"x": object()})
    writer.close()
    writer.close()
    with pytest.raises(ConfigurationError, match="closed"):
        writer.begin_trajectory()


def test_other_joints_are_refused(tmp_path: Path) -> None:
    with RecordingWriter(tmp_path / "a.h5", joint_names=["elbow"]) as writer:
        writer.begin_trajectory()
        writer.append([0.0], [1.0])
        writer.end_trajectory([0.5])
    assert read_recording(tmp_path / "a.h5", ["elbow"])[0].position.tolist() == [[0.0], [0.5]]
    with pytest.raises(FileFormatError, match="elbow"):
        read_recording(tmp_path / "a.h5")


def test_missing_foreign_and_torn_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="no recording at"):
        read_recording(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("not HDF5")
    with pytest.raises(FileFormatError, match=r"text\.h5"):
        read_recording(tmp_path / "text.h5")
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(FileFormatError, match="dexndm-recording"):
        read_recording(tmp_path / "foreign.h5")
    write(tmp_path / "whole.h5", [400])
    whole = (tmp_path / "whole.h5").read_bytes()
    for share in (0.01, 0.3, 0.9):
        (tmp_path / "torn.h5").write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(FileFormatError, match=r"torn\.h5"):
            read_recording(tmp_path / "torn.h5")


def test_damaged_recording_that_was_never_closed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with RecordingWriter(tmp_path / "a.h5") as writer:
        writer.begin_trajectory()
        for _ in range(400):
            writer.append(ZEROS, ZEROS)
        unclosed = (tmp_path / "a.h5").read_bytes()
    (tmp_path / "copy.h5").write_bytes(unclosed)
    assert len(read_recording(tmp_path / "copy.h5")[0]) >= 379
    (tmp_path / "copy.h5").write_bytes(unclosed[:2000])
    monkeypatch.setattr("dexndm_gym.data.recovery._SECONDS", 2.0)
    with pytest.raises(FileFormatError, match=r"copy\.h5 is damaged"):
        read_recording(tmp_path / "copy.h5")


def test_object_poses_are_kept_where_it_was_seen(tmp_path: Path) -> None:
    poses = np.array([[0.01, 0.02, 0.1, 1.0, 0.0, 0.0, 0.0], [np.nan] * 7, [0.02, 0.02, 0.1, 1.0, 0.0, 0.0, 0.0]])
    with RecordingWriter(tmp_path / "a.h5") as writer:
        for seen in (True, False):
            writer.begin_trajectory()
            for pose in poses[:2]:
                writer.append(np.zeros(16), np.zeros(16), None, pose if seen else None)
            writer.end_trajectory(np.zeros(16), None, poses[2] if seen else None)
    with_object, without = read_recording(tmp_path / "a.h5")
    np.testing.assert_allclose(with_object.object_pose, poses, rtol=1e-6)
    np.testing.assert_allclose(with_object.cut(0, 1).object_pose, poses[:2], rtol=1e-6)
    assert without.object_pose is None
