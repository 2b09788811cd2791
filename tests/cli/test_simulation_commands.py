"""The commands about objects and start states."""

import json
from pathlib import Path

import pytest
from matplotlib.image import imread

from dexndm_gym.cli import main
from dexndm_gym.envs.make import make_sim_env
from dexndm_gym.objects.catalog import OBJECT_SETS


def test_objects_lists_a_set_with_what_holds_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["objects", "--set", "complex", "--json", str(tmp_path / "objects.json")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(OBJECT_SETS["complex"])
    table = json.loads((tmp_path / "objects.json").read_text())
    assert table["duck"]["shape"] == "7 pieces"
    assert table["duck"]["held"] == "every wrist"
    assert main(["objects", "--set", "komplex"]) == 2
    assert "complex" in capsys.readouterr().err


def test_grasps_found_can_be_used(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "grasp_cache.npz"
    assert main(["grasps", "--object", "cube", "--wrist", "palm_down", "--tries", "8", "--out", str(out)]) == 0
    assert "by fingertips" in capsys.readouterr().out
    env = make_sim_env(object="cube", wrist="palm_down", starts=out)
    _, info = env.reset(seed=0)
    assert info["object"] == "cube"
    assert main(["grasps", "--wrist", "palm_sideways"]) == 2
    assert "palm_down" in capsys.readouterr().err


def test_gallery_draws_every_wrist(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "gallery.png"
    assert main(["gallery", "--object", "duck", "--blocks", "1", "--out", str(out)]) == 0
    assert "6 pictures; 6 objects still held" in capsys.readouterr().out
    picture = imread(out)
    columns = picture[24:, 110:, :3].reshape(160, 6, 200, 3)
    assert all(column.std() > 0.1 for column in columns.swapaxes(0, 1))
