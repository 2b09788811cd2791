"""Tables and a heat map of the general suite."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dexndm_gym.evaluation.general.suite import PAPER
from dexndm_gym.task.orientations import AXES, WRISTS

_FASTEST = 1.0
"""Speed at the end of the color scale, rad/s."""


def cell_rows(cells: Mapping[str, Mapping[str, float]]) -> list[tuple[str, ...]]:
    """Rows of a table of one class of objects: wrists down, axes across, rad/s and share dropped."""
    return [
        (wrist, *(f"{c['speed_rad_s_mean']:.2f} ({c['dropped_share']:.0%})" for c in _row(cells, wrist)))
        for wrist in WRISTS
    ]


def random_rows(results: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Rows of the table of unseen objects in any wrist: ours beside the paper's."""
    rows = []
    for group, c in results["random"].items():
        rotr, ttf, rotp = PAPER[group]
        ours = f"{c['RotR_mean']:.0f} / {c['TTF_mean']:.2f} / {c['RotP_mean']:.2f}"
        rows.append((group, ours, f"{c['dropped_share']:.0%}", f"{rotr:.0f} / {ttf:.2f} / {rotp:.2f}"))
    return rows


def heat_map(results: Mapping[str, Any]) -> Figure:
    """Speed of every cell as a color, with the share dropped beneath it; one panel for each class."""
    classes = results["cells"]
    figure = Figure(figsize=(3.4 * len(classes), 3.6), layout="constrained")
    panels = figure.subplots(1, len(classes), squeeze=False)[0]
    image = None
    for panel, (name, cells) in zip(panels, classes.items(), strict=True):
        speed = np.array([[c["speed_rad_s_mean"] for c in _row(cells, wrist)] for wrist in WRISTS])
        image = panel.imshow(speed, vmin=-_FASTEST, vmax=_FASTEST, cmap="RdYlGn", aspect="auto")
        panel.set_title(name)
        panel.set_xticks(range(len(AXES)), list(AXES))
        panel.set_yticks(range(len(WRISTS)), [wrist.replace("_", " ") for wrist in WRISTS])
        for i, wrist in enumerate(WRISTS):
            for j, cell in enumerate(_row(cells, wrist)):
                text = f"{cell['speed_rad_s_mean']:.2f}\n{cell['dropped_share']:.0%}"
                panel.text(j, i, text, ha="center", va="center", fontsize=7)
    if image is not None:
        figure.colorbar(image, ax=panels, label="rad/s; below it the share dropped")
    return figure


def _row(cells: Mapping[str, Mapping[str, float]], wrist: str) -> list[Mapping[str, float]]:
    return [cells[f"{wrist} {axis}"] for axis in AXES]
