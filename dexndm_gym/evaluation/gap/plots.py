"""The plots of the gap suite, each a matplotlib figure."""

from collections.abc import Collection, Mapping

import numpy as np
from matplotlib.figure import Figure

from dexndm_gym.arrays import FloatArray
from dexndm_gym.evaluation.gap.report import GapReport
from dexndm_gym.evaluation.plot_style import COLORS, clean_figure

DIRECT = "direct transfer"
"""What runs without correction are called."""

_COLUMNS = {
    "one_step_rms_mrad": "one step, rms",
    "ten_steps_mean_abs_mrad": "ten steps, mean abs",
    "open_loop_1s_mean_abs_mrad": "1 s, mean abs",
}


def gap_plots(report: GapReport) -> dict[str, Figure]:
    """All plots that a report has the numbers for, by name."""
    plots = {"rotation": rotation_per_hand(report)}
    if len(report.minutes) > 1:
        plots["data"] = data_curve(report)
    if report.predictions():
        plots["predictions"] = prediction_errors(report)
    return plots


def rotation_per_hand(report: GapReport) -> Figure:
    """Rotation of every hand under every correction and policy as a share of the simulated, and the means."""
    rows = {DIRECT: report.share_kept()}
    rows |= {name: report.share_kept(name) for name in (*report.baselines, *report.others)}
    return shares_per_hand(rows, report.baselines)


def shares_per_hand(rows: Mapping[str, FloatArray], corrections: Collection[str]) -> Figure:
    """A row of dots for each run, one per hand.

    Args:
        rows: rotation over that in simulation, (hands,), by name of the run.
        corrections: names of the runs that were corrected.
    """
    figure, axes = clean_figure(6.4, 0.9 + 0.4 * len(rows))
    for row, (name, shares) in enumerate(rows.items()):
        color = COLORS["corrected" if name in corrections else "direct"]
        axes.plot(shares, np.full(len(shares), row), "o", color=color, alpha=0.4, markersize=6, markeredgewidth=0)
        axes.plot([np.nanmean(shares)], [row], "|", color=color, markersize=18, markeredgewidth=3)
    axes.axvline(1.0, color=COLORS["sim"], linewidth=1)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set(xlabel="rotation over that in simulation; a dot per hand, a bar for the mean", xlim=(0, None))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    return figure


def data_curve(report: GapReport) -> Figure:
    """Gap closed against minutes of recordings, with 95 % confidence intervals over hands."""
    figure, axes = clean_figure(7.4, 3.4)
    for index, name in enumerate(report.baselines):
        closed = [report.summary(name, minutes)["gap_closed"] for minutes in report.minutes]
        mean, half = (100 * np.array([one[key] for one in closed]) for key in ("mean", "half_width"))
        color = COLORS["corrected"] if index == 0 else f"C{index}"
        axes.errorbar(report.minutes, mean, half, color=color, marker="o", capsize=3, label=name)
    axes.set_xscale("log")
    axes.set_xticks(list(report.minutes), [f"{minutes:g}" for minutes in report.minutes])
    axes.minorticks_off()
    axes.set(xlabel="recordings per hand, min", ylabel="gap closed, %")
    figure.legend(frameon=False, loc="outside right upper")
    return figure


def prediction_errors(report: GapReport) -> Figure:
    """Errors of every model on every kind of motion, one panel per horizon."""
    tables = report.predictions()
    models = list(next(iter(tables.values())))
    figure = Figure(figsize=(10.8, 1.3 + 0.3 * len(models)), layout="constrained")
    for axes, (column, title) in zip(figure.subplots(1, 3, sharey=True), _COLUMNS.items(), strict=True):
        for kind, table in tables.items():
            axes.plot([table[name][column] for name in models], range(len(models)), "o", label=kind)
        axes.set_yticks(range(len(models)), models)
        axes.set_ylim(len(models) - 0.5, -0.5)
        axes.set(xlim=(0, None), xlabel="mrad", title=title)
        axes.grid(color="#e5e7eb")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, loc="outside lower center", ncols=len(labels))
    return figure
