"""The plots of a report, each a matplotlib figure."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.dynamics.measures import one_step_errors
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.dynamics.windows import WindowSet
from dexndm_gym.evaluation.comparison import RUNS, Comparison
from dexndm_gym.evaluation.episodes import Episode
from dexndm_gym.leap.joints import JOINT_NAMES, NUM_JOINTS, FloatArray

COLOURS = {"sim": "#64748b", "direct": "#e07a2f", "corrected": "#0f8a72"}
_TARGET, _INK, _GRID = "#94a3b8", "#1f2937", "#e5e7eb"
_TRACE_SECONDS = 5.0


def rotation_over_time(comparison: Comparison) -> Figure:
    """Mean rotation of each run with a band of one standard deviation; a lost object turns no further."""
    figure, axes = clean_figure(6.4, 3.6)
    for run, name in RUNS.items():
        curves = _rotation_curves(comparison.runs[run])
        time = np.arange(curves.shape[1]) * CONTROL_PERIOD
        mean, deviation = curves.mean(axis=0), curves.std(axis=0)
        axes.fill_between(time, mean - deviation, mean + deviation, color=COLOURS[run], alpha=0.15, linewidth=0)
        axes.plot(time, mean, color=COLOURS[run], linewidth=2, label=name)
    axes.set(xlabel="time, s", ylabel="rotation, rad")
    axes.margins(x=0)
    axes.legend(frameon=False, loc="upper left")
    return figure


def rotation_per_object(comparison: Comparison) -> Figure:
    """Mean rotation of each run for each object; bars show one standard deviation."""
    figure, axes = clean_figure(4.4, 3.6)
    items = list(dict.fromkeys(episode.object for episode in comparison.runs["sim"]))
    for offset, (run, name) in zip((-0.27, 0.0, 0.27), RUNS.items(), strict=True):
        rotation = [
            [episode.rotation[-1] for episode in comparison.runs[run] if episode.object == item] for item in items
        ]
        mean, deviation = [np.mean(values) for values in rotation], [np.std(values) for values in rotation]
        style = {"ecolor": _INK, "elinewidth": 1, "capsize": 2}
        axes.bar(np.arange(len(items)) + offset, mean, 0.25, yerr=deviation, color=COLOURS[run], error_kw=style)
        axes.patches[-1].set_label(name)
    axes.set_xticks(np.arange(len(items)), items)
    axes.set(ylabel="rotation, rad")
    axes.tick_params(axis="x", length=0)
    axes.grid(visible=False, axis="x")
    return figure


def joint_trace(comparison: Comparison) -> tuple[Figure, str]:
    """One joint at work, direct and corrected; returns the figure and the joint's name.

    Above: what the policy asked for, what was sent, where the joint went. Below: how far it went past or fell short of
    where the simulated joint would have gone in the same control step.
    """
    sim = comparison.models.sim
    shown = {run: comparison.runs[run][0] for run in ("direct", "corrected")}
    steps = round(_TRACE_SECONDS / CONTROL_PERIOD)
    misses = {run: _misses(sim, episode)[:, :steps] for run, episode in shown.items()}
    joint = _most_improved(misses)
    figure = Figure(figsize=(10.8, 4.6), layout="constrained")
    grid = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=(3, 2))
    for column, (run, episode) in enumerate(shown.items()):
        _draw_motion(grid[0, column], episode, joint, run)
        _draw_miss(grid[1, column], misses[run][joint], run)
        grid[0, column].set_title(RUNS[run], loc="left", fontsize=10, color=COLOURS[run], fontweight="bold")
    grid[0, 0].set_ylabel(f"{JOINT_NAMES[joint]}, rad")
    grid[1, 0].set_ylabel("difference, mrad")
    return figure, JOINT_NAMES[joint]


def joint_errors(comparison: Comparison) -> Figure:
    """One-step error of each joint's model on held-out data, before and after the fit."""
    models = comparison.models
    return _joint_bars(1e3 * models.joint_error_before, 1e3 * models.joint_error_after, "one-step error, mrad rms")


def joint_strengths(comparison: Comparison) -> Figure:
    """Torque of each joint per distance to its target, in the simulation and as identified on the hand."""
    sim, hand = (model.physics.double().numpy()[:, 0] for model in (comparison.models.sim, comparison.models.hand))
    return _joint_bars(sim, hand, "stiffness, N m/rad")


def _joint_bars(sim: FloatArray, hand: FloatArray, label: str) -> Figure:
    figure, axes = clean_figure(10.8, 2.9)
    place = np.arange(NUM_JOINTS)
    axes.bar(place - 0.2, sim, 0.38, color=COLOURS["direct"], label="model of the simulation")
    axes.bar(place + 0.2, hand, 0.38, color=COLOURS["corrected"], label="fitted to the hand")
    axes.set_xticks(place, JOINT_NAMES, fontsize=8)
    axes.set(ylabel=label, xlim=(-0.7, NUM_JOINTS - 0.3))
    axes.tick_params(axis="x", length=0)
    axes.grid(visible=False, axis="x")
    axes.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.0)
    return figure


def clean_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of some inches with axes in the style of all plots."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    _clean(axes)
    return figure, axes


def _clean(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_TARGET)
    axes.tick_params(colors=_INK, labelsize=9)
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def _rotation_curves(episodes: Sequence[Episode]) -> FloatArray:
    curves = [episode.rotation for episode in episodes]
    length = max(len(curve) for curve in curves)
    return np.array([np.pad(curve, (0, length - len(curve)), mode="edge") for curve in curves])


def _misses(model: JointwiseModel, episode: Episode) -> FloatArray:
    """Position reached minus the one that a model predicts for the base target, (16, T), rad."""
    windows = WindowSet([Trajectory(episode.position, episode.base_target)])
    with torch.no_grad():
        return -one_step_errors(model, windows).double().numpy()


def _most_improved(misses: dict[str, FloatArray]) -> int:
    before, after = (np.sqrt(np.mean(np.square(values), axis=1)) for values in misses.values())
    return int(np.argmax(before - after))


def _draw_motion(axes: Axes, episode: Episode, joint: int, run: str) -> None:
    _clean(axes)
    steps = round(_TRACE_SECONDS / CONTROL_PERIOD)
    base, sent, position = (
        values[:steps, joint] for values in (episode.base_target, episode.sent_target, episode.position)
    )
    time = np.arange(len(base)) * CONTROL_PERIOD
    axes.step(time, base, where="post", color=_TARGET, linewidth=1.2, label="asked for")
    if run == "corrected":
        axes.step(time, sent, where="post", color=COLOURS[run], linewidth=1.0, alpha=0.6, label="sent")
    axes.plot(time, position[: len(time)], color=_INK, linewidth=1.6, label="position")
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.1, ncols=3, fontsize=8)


def _draw_miss(axes: Axes, miss: FloatArray, run: str) -> None:
    _clean(axes)
    shown = 1e3 * miss
    time = np.arange(1, len(shown) + 1) * CONTROL_PERIOD
    axes.axhline(0.0, color=_TARGET, linewidth=0.8)
    axes.fill_between(time, shown, color=COLOURS[run], alpha=0.45, linewidth=0)
    axes.plot(time, shown, color=COLOURS[run], linewidth=1.0)
    axes.set(xlabel="time, s", xlim=(0, _TRACE_SECONDS))
    rms = np.sqrt(np.mean(np.square(shown)))
    axes.set_title(f"{rms:.1f} mrad rms", loc="right", fontsize=8, color=_INK)
