import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dexndm_gym.data.reading import read_recording
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.dynamics.model_file import load_model, save_model
from dexndm_gym.errors import ConfigurationError, FileFormatError
from dexndm_gym.evaluation.demo.run import DemoConfig, run_demo


@pytest.fixture
def sim_model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_model(JointwiseModel(), tmp_path / "sim.safetensors")
    return tmp_path / "sim.safetensors"


def test_the_whole_line_over_the_wire(tmp_path: Path, sim_model: Path, wiggle: Any) -> None:
    config = DemoConfig(
        episodes=1, data_minutes=0.36, hand_seed=1, sim_model=sim_model, out=tmp_path / "out", no_videos=True
    )
    config.recordings.mkdir(parents=True)
    (config.recordings / "part-0000.h5").write_text("an earlier demo")
    result = run_demo(config, wiggle, progress=False)
    assert result.data_minutes == pytest.approx(0.36)
    direct, corrected = result.runs["direct"][0], result.runs["corrected"][0]
    recorded = read_recording(config.recordings / "part-0000.h5")
    assert sum(len(trajectory) for trajectory in recorded) == 432
    assert (direct.command == direct.target).all()
    assert (corrected.command != corrected.target).any(), "the correction was in effect"
    assert direct.object_pose is not None
    assert corrected.object_pose is not None
    np.testing.assert_allclose(direct.object_pose[0, 3:], corrected.object_pose[0, 3:], atol=0.15)  # placed alike
    numbers = json.loads(config.numbers_file.read_text())
    assert numbers["hand_seed"] == 1
    assert numbers["wall_s"] > 0.0
    assert load_model(config.model_file).config.provenance["fine_tuned"]
    assert config.report_file.stat().st_size > 10_000


def test_refuses_before_anything_moves(tmp_path: Path, throw: Any) -> None:
    with pytest.raises(ConfigurationError, match="episode"):
        DemoConfig(episodes=0)
    with pytest.raises(FileFormatError, match="dynamics model"):
        run_demo(DemoConfig(sim_model=tmp_path / "none", out=tmp_path / "out"), throw, progress=False)
    assert not (tmp_path / "out").exists()


def test_ctrl_c_leaves_no_process(tmp_path: Path, sim_model: Path) -> None:
    code = f"""if True:
        import numpy as np
        import signal
        from pathlib import Path
        from dexndm_gym.evaluation.demo.run import DemoConfig, run_demo

        class Still:
            steps = 0

            def predict(self, observation, **_):
                self.steps += 1
                if self.steps == 430:
                    print("direct", flush=True)
                    signal.pause()
                return np.zeros(16, np.float32), None

        config = DemoConfig(episodes=1, sim_model=Path({str(sim_model)!r}), out=Path({str(tmp_path / "out")!r}))
        run_demo(config, Still())
    """
    mark = f"DEXNDM_TEST={tmp_path}"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | dict([mark.split("=")]),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "direct\n"
    assert len(_processes_with(mark)) == 2
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    assert _processes_with(mark) == []


def _processes_with(mark: str) -> list[str]:
    """Processes, and what they started, that have this in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark.encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
    return found
