import itertools
from pathlib import Path

import numpy as np
import pytest

from dexndm_gym.errors import CameraError, FileFormatError
from dexndm_gym.tracking.calibration import Calibrator
from dexndm_gym.tracking.camera import UsbCamera, load_lens
from dexndm_gym.tracking.virtual_camera import VIRTUAL_LENS, virtual_board_views


def test_lens_is_recovered_and_kept_in_a_file(tmp_path: Path) -> None:
    calibrator = Calibrator(640, 480)
    for picture in itertools.islice(virtual_board_views(640, 480), 16):
        calibrator.look(picture)
    lens = calibrator.solve()
    assert lens.focal == pytest.approx(VIRTUAL_LENS.focal, rel=0.005)
    assert lens.center == pytest.approx((319.5, 239.5), abs=3.0)
    assert lens.error < 0.2
    lens.save(tmp_path / "camera.json")
    assert load_lens(tmp_path / "camera.json") == lens


def test_the_same_view_counts_once() -> None:
    calibrator = Calibrator(640, 480)
    picture = next(virtual_board_views(640, 480))
    assert calibrator.look(picture)
    assert not calibrator.look(picture)
    assert not calibrator.look(np.zeros_like(picture))
    with pytest.raises(CameraError, match="1 different views"):
        calibrator.solve()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"width": 1}', "null"])
def test_other_files_are_no_calibration(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(FileFormatError, match="not the calibration"):
        load_lens(tmp_path / "x.json")
    with pytest.raises(FileNotFoundError, match="tracker calibrate"):
        load_lens(tmp_path / "y.json")


def test_a_camera_that_is_not_there_is_named() -> None:
    with pytest.raises(CameraError, match="no_such_camera"):
        UsbCamera("/no_such_camera")
