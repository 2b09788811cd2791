"""What the plots of all reports share: colors, and axes without clutter."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLORS = {"sim": "#64748b", "direct": "#e07a2f", "corrected": "#0f8a72"}


PALE, INK, GRID = "#94a3b8", "#1f2937", "#e5e7eb"


def clean_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of some inches with axes in the style of all plots."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    clean_axes(axes)
    return figure, axes


def clean_axes(axes: Axes) -> None:
    """Leave two spines, and a grid behind everything."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(PALE)
    axes.tick_params(colors=INK, labelsize=9)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
