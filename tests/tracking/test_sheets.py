import re
import zlib
from pathlib import Path

import numpy as np
import pytest

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.objects.catalog import OBJECTS
from dexndm_gym.tracking.calibration import BOARD_CELL
from dexndm_gym.tracking.sheets import RULER, write_board_sheet, write_tag_sheets
from dexndm_gym.tracking.tags import base_tags, object_tags

POINT = 25.4 / 72
"""mm."""

NUMBER = rb"(-?[\d.]+)"


def rectangles(path: Path) -> np.ndarray:
    """Widths and heights of all filled rectangles of a PDF, (k, 2), mm."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", path.read_bytes(), re.DOTALL)
    found = []
    for stream in streams:
        try:
            drawn = zlib.decompress(stream)
        except zlib.error:
            continue
        corners = rb" [ml]\n".join([NUMBER + rb" " + NUMBER] * 4)
        for numbers in re.findall(corners + rb" l\nh\n", drawn):
            points = np.array(numbers, dtype=float).reshape(4, 2)
            found.append(np.ptp(points, axis=0) * POINT)
    return np.array(found)


def holds(found: np.ndarray, width: float, height: float) -> int:
    """How many rectangles are that large, mm."""
    return int((np.abs(found - (width, height)).max(axis=1) < 0.005).sum())


@pytest.mark.parametrize("paper", ["a4", "letter"])
@pytest.mark.parametrize("name", ["cube", "cylinder"])
def test_tags_are_printed_at_true_scale(name: str, paper: str, tmp_path: Path) -> None:
    layout = object_tags(OBJECTS[name])
    pages = write_tag_sheets(tmp_path / "x.pdf", layout, paper)
    found = rectangles(tmp_path / "x.pdf")
    assert holds(found, RULER, 0.5) == pages
    for panel in layout.panels:
        side = 1000.0 * panel.tags[0].side
        same = sum(
            len(other.tags) for other in layout.panels if other.tags[0].side == pytest.approx(panel.tags[0].side)
        )
        assert holds(found, side, side) >= same


def test_calibration_board_is_printed_at_true_scale(tmp_path: Path) -> None:
    write_board_sheet(tmp_path / "x.pdf", "a4")
    found = rectangles(tmp_path / "x.pdf")
    assert holds(found, RULER, 0.5) == 1
    cells = found[:, 0] / (1000.0 * BOARD_CELL)
    black = np.abs(found[:, 1] - 1000.0 * BOARD_CELL) < 0.05
    assert black.sum() > 100
    np.testing.assert_allclose(cells[black], np.rint(cells[black]), atol=0.01)


def test_large_objects_take_several_pages(tmp_path: Path) -> None:
    assert write_tag_sheets(tmp_path / "x.pdf", object_tags(OBJECTS["box_40x40x100"]), "a4") >= 1
    with pytest.raises(ConfigurationError, match="larger than the paper"):
        write_tag_sheets(tmp_path / "y.pdf", object_tags(OBJECTS["box_30x30x200"]), "a4")
    assert not (tmp_path / "y.pdf").exists()


def test_base_card_fits_on_one_page(tmp_path: Path) -> None:
    assert write_tag_sheets(tmp_path / "x.pdf", base_tags(), "letter") == 1
