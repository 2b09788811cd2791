"""Many small pictures on one sheet, with labels."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dexndm_gym.outputs import replacing

_LABEL_WIDTH, _HEAD_HEIGHT, _DPI = 110, 24, 100


def write_sheet(
    pictures: Mapping[tuple[str, str], npt.NDArray[np.uint8]],
    rows: Sequence[str],
    columns: Sequence[str],
    path: Path,
    *,
    blocks: int = 1,
) -> None:
    """Write a sheet with one row per object and one column per wrist orientation.

    Args:
        pictures: (height, width, 3) each, all of one size, by row and column; a missing one stays white.
        rows: what the rows are.
        columns: what the columns are.
        path: file to write.
        blocks: how many rows side by side.

    Raises:
        OutputError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height, width = next(iter(pictures.values())).shape[:2]
    per_block = math.ceil(len(rows) / blocks)
    block_width = _LABEL_WIDTH + width * len(columns)
    sheet = np.full((_HEAD_HEIGHT + height * per_block, block_width * blocks, 3), 255, dtype=np.uint8)
    figure = Figure(figsize=(sheet.shape[1] / _DPI, sheet.shape[0] / _DPI), dpi=_DPI)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for index, row in enumerate(rows):
        left, top = index // per_block * block_width, _HEAD_HEIGHT + index % per_block * height
        axes.text(left + _LABEL_WIDTH - 8, top + height / 2, row, ha="right", va="center", fontsize=8)
        for number, column in enumerate(columns):
            x = left + _LABEL_WIDTH + number * width
            if (row, column) in pictures:
                sheet[top : top + height, x : x + width] = pictures[row, column]
            if top == _HEAD_HEIGHT:
                axes.text(x + width / 2, top / 2, column.replace("_", " "), ha="center", va="center", fontsize=9)
    axes.imshow(sheet, interpolation="none", aspect="auto")
    with replacing(path) as unfinished:
        figure.savefig(unfinished, dpi=_DPI)
