"""``dexndm tracker`` on virtual cameras."""

import json
from pathlib import Path

import pytest

from dexndm_gym.cli import main
from dexndm_gym.tracking.rotation_estimator import load_estimator

pytest.importorskip("cv2", reason='needs pip install "dexndm_gym[tracking]"')


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_board_writes_what_has_to_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tracker", "board", "--object", "cube"]) == 0
    written = {path.name for path in Path("runs/tags").iterdir()}
    assert written == {"cube.pdf", "base.pdf", "calibration.pdf"}
    assert "24 tags of 24.2 mm" in capsys.readouterr().out


def test_a_virtual_camera_is_calibrated(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tracker", "calibrate", "--camera", "virtual", "--views", "10"]) == 0
    assert "10 views" in capsys.readouterr().out
    assert json.loads(Path("camera.json").read_text())["focal"] == pytest.approx([620, 620], rel=0.01)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("board --object ellipsoid", "a box or a cylinder"),
        ("board --object no_such_object", "Unknown object"),
        ("board --object box_30x30x200", "larger than the paper"),
        ("calibrate --camera /no_such_camera", "cannot open camera"),
        ("check --calibration none.json", "tracker calibrate"),
        ("check --camera virtual --object all", "one object"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tracker", *arguments.split()]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("dexndm: ")
    assert said in error


@pytest.mark.slow
def test_check_sees_the_object_of_a_virtual_hand(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--camera", "virtual", "--seconds", "3", "--json", "check.json"]
    assert main(["tracker", "check", *arguments]) == 0
    numbers = json.loads(Path("check.json").read_text())
    assert numbers["seen_share"] > 0.9
    assert numbers["spread_mm"] < 1.0


@pytest.mark.slow
def test_learn_writes_an_estimator() -> None:
    assert (
        main(["tracker", "learn", "--num-envs", "4", "--steps", "20", "--epochs", "1", "--out", "x.safetensors"]) == 0
    )
    assert len(load_estimator(Path("x.safetensors")).weights) == 3
