"""Recording where there is no room left; each in a process of its own, as HDF5 would crash only at its end."""

import subprocess
import sys
from pathlib import Path

import pytest

from dexndm_gym.data.reading import read_recording

_RECORD = """
import os, resource, sys
import numpy as np
from dexndm_gym.data import recording
from dexndm_gym.errors import OutputError

def fill(writer, trajectories):
    for number in range(trajectories):
        writer.begin_trajectory({"number": number})
        for tick in range(400):
            writer.append(np.full(16, number), np.full(16, number), np.full(16, number))
        writer.end_trajectory(np.full(16, number))

try:
    with recording.RecordingWriter(sys.argv[1]) as writer:
        BODY
        fill(writer, 100)
except OutputError as error:
    print(error)
"""
LIMIT = "resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))"
UNNOTICED = "recording.require_room = lambda file, size: None"


def run(program: str, path: Path, *prefix: str) -> "subprocess.CompletedProcess[str]":
    command = [*prefix, sys.executable, "-c", program, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def check_kept(path: Path) -> None:
    kept = read_recording(path)
    assert len(kept) >= 2
    assert all((one.position == one.metadata["number"]).all() for one in kept)


def test_what_was_recorded_before_the_limit_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "recording.h5"
    result = run(_RECORD.replace("BODY", LIMIT), path)
    assert (result.returncode, result.stderr) == (0, "")
    assert "cannot go on recording" in result.stdout
    assert "File too large" in result.stdout
    check_kept(path)


@pytest.mark.parametrize("body", ["pass", UNNOTICED])
def test_full_disk_keeps_what_was_recorded(body: str, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    own_disk = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")
    script = f'mount -t tmpfs -o size=600k none {disk} && "$@"; code=$?; cp {disk}/* {tmp_path}; exit $code'
    if subprocess.run([*own_disk, script, "sh", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no disk of limited size can be made here")
    result = run(_RECORD.replace("BODY", body), disk / "recording.h5", *own_disk, script, "sh")
    assert (result.returncode, result.stderr) == (0, "")
    assert "cannot go on recording" in result.stdout
    check_kept(tmp_path / "recording.h5")


def test_a_recording_that_finds_no_room_leaves_nothing(tmp_path: Path) -> None:
    program = _RECORD.replace("try:", f"try:\n    {LIMIT.replace('600_000', '1_000')}").replace("BODY", "pass")
    result = run(program, tmp_path / "a.h5")
    assert "cannot create the recording" in result.stdout
    assert result.returncode == 0
    assert list(tmp_path.iterdir()) == []
