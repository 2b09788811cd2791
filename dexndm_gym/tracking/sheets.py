"""Printed sheets, in PDF at true scale: tags to cut out and glue, and the board that a camera is calibrated with."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import FigureCanvasPdf, PdfPages
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.outputs import replacing
from dexndm_gym.tracking.calibration import BOARD_CELL, board_cells
from dexndm_gym.tracking.panel_picture import tag_modules
from dexndm_gym.tracking.tags import Panel, TagLayout

PAPERS = {"a4": (297.0, 210.0), "letter": (279.4, 215.9)}
"""Width and height of sheets, mm."""

RULER = 100.0
"""Length of the line to measure on every sheet, mm."""

_MARGIN, _GAP, _FOOT, _LABEL = 10.0, 6.0, 16.0, 4.0  # mm
_INCH = 25.4
_OVERLAP = 0.02  # mm, so that no viewer shows a line between two cells of one color


def write_tag_sheets(path: Path, layout: TagLayout, paper: str) -> int:
    """Write all panels of a body to a PDF.

    Args:
        path: of the file.
        layout: what to print.
        paper: a name of ``PAPERS``.

    Returns:
        Number of pages.

    Raises:
        ConfigurationError: a panel is larger than the paper.
        OutputError: the file cannot be written.
    """
    pages = _arranged(layout.panels, PAPERS[paper])
    with replacing(path) as unfinished, PdfPages(unfinished) as pdf:
        for page in pages:
            axes = _new_page(paper, f"{layout.name}: cut along the gray lines")
            for panel, left, bottom in page:
                _draw_panel(axes, panel, left, bottom)
            pdf.savefig(axes.figure)
    return len(pages)


def write_board_sheet(path: Path, paper: str) -> None:
    """Write the board for calibration to a PDF.

    Raises:
        OutputError: the file cannot be written.
    """
    width, height = PAPERS[paper]
    cells, cell = board_cells(), 1000.0 * BOARD_CELL
    axes = _new_page(paper, "Calibration of a camera: glue it to something flat and stiff")
    rows, columns = cells.shape
    left, bottom = (width - columns * cell) / 2, _FOOT + (height - _FOOT - rows * cell) / 2
    _draw_cells(axes, ~cells, left, bottom, cell, "black")
    with replacing(path) as unfinished, PdfPages(unfinished) as pdf:
        pdf.savefig(axes.figure)


def _arranged(panels: Sequence[Panel], paper: tuple[float, float]) -> list[list[tuple[Panel, float, float]]]:
    """Panels in rows, page after page: with their left and bottom, mm."""
    pages: list[list[tuple[Panel, float, float]]] = [[]]
    left, top, row = _MARGIN, paper[1] - _MARGIN, 0.0
    for panel in panels:
        width, height = 1000.0 * panel.width, 1000.0 * panel.height
        if width > paper[0] - 2 * _MARGIN or height > paper[1] - 2 * _MARGIN - _FOOT - _LABEL:
            raise ConfigurationError(
                f"{panel.name} is {width:.0f} x {height:.0f} mm, larger than the paper of {paper[0]:.0f} x "
                f"{paper[1]:.0f} mm; take a smaller object"
            )
        if left + width > paper[0] - _MARGIN:
            left, top, row = _MARGIN, top - row - _GAP - _LABEL, 0.0
        if top - height < _FOOT + _MARGIN:
            pages.append([])
            left, top, row = _MARGIN, paper[1] - _MARGIN, 0.0
        pages[-1].append((panel, left, top - height))
        left, row = left + width + _GAP, max(row, height)
    return pages


def _new_page(paper: str, title: str) -> Axes:
    """A page with a ruler, whose axes are in mm."""
    width, height = PAPERS[paper]
    figure = Figure(figsize=(width / _INCH, height / _INCH))
    FigureCanvasPdf(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0.0, width), ylim=(0.0, height))
    axes.axis("off")
    axes.add_patch(Rectangle((_MARGIN, 8.0), RULER, 0.5, color="black", linewidth=0))
    for x in (0.0, RULER):
        axes.add_patch(Rectangle((_MARGIN + x - 0.1, 6.5), 0.2, 3.5, color="black", linewidth=0))
    text = f"{title}. Print at 100 %: this line is {RULER:.0f} mm long; measure it."
    axes.text(_MARGIN + RULER + 4.0, 8.0, text, fontsize=7, verticalalignment="center")
    return axes


def _draw_panel(axes: Axes, panel: Panel, left: float, bottom: float) -> None:
    width, height = 1000.0 * panel.width, 1000.0 * panel.height
    line = {"fill": False, "edgecolor": "0.6", "linewidth": 0.3}
    if panel.round:
        axes.add_patch(Circle((left + width / 2, bottom + height / 2), width / 2, **line))
    else:
        axes.add_patch(Rectangle((left, bottom), width, height, **line))
    for tag in panel.tags:
        side = 1000.0 * tag.side
        x = left + width / 2 + 1000.0 * tag.x - side / 2
        y = bottom + height / 2 + 1000.0 * tag.y - side / 2
        modules = tag_modules(tag.id)
        axes.add_patch(Rectangle((x, y), side, side, color="black", linewidth=0))
        _draw_cells(axes, modules, x, y, side / len(modules), "white")
    axes.text(left + width / 2, bottom - 1.0, _note(panel), fontsize=6, horizontalalignment="center", va="top")


def _note(panel: Panel) -> str:
    """Where a panel belongs."""
    if panel.radius is not None:
        return f"{panel.name}: around the object, its top to +z; both ends meet"
    up = ("xyz"[int(np.abs(panel.up).argmax())], max(panel.up, key=abs) > 0.0)
    return f"{panel.name}: its top to {'+' if up[1] else '-'}{up[0]}"


def _draw_cells(axes: Axes, cells: npt.NDArray[np.bool_], left: float, bottom: float, size: float, color: str) -> None:
    """Draw the cells of a grid that are set, row by row in runs."""
    rows = len(cells)
    for row, values in enumerate(cells):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], values, [False]]).astype(int)))
        for begin, end in edges.reshape(-1, 2):
            below = row + 1 < rows and cells[row + 1, begin:end].all()
            overlap = _OVERLAP if below else 0.0
            place = (left + begin * size, bottom + (rows - 1 - row) * size - overlap)
            axes.add_patch(Rectangle(place, (end - begin) * size, size + overlap, color=color, linewidth=0))
