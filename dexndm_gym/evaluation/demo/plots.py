"""The plots of a report, each a matplotlib figure."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.dynamics.prediction_errors import one_step_errors
from dexndm_gym.dynamics.windows import WindowSet
from dexndm_gym.evaluation.demo.demo_result import RUNS, DemoResult
from dexndm_gym.evaluation.episodes import EpisodeRecord
from dexndm_gym.evaluation.plot_style import COLORS, INK, PALE, clean_axes, clean_figure
from dexndm_gym.hand.joints import JOINT_NAMES, NUM_JOINTS

_TRACE_SECONDS = 5.0


def rotation_over_time(result: DemoResult) -> Figure:
    """Mean rotation of each run with a band of one standard deviation; a lost object turns no further."""
    figure, axes = clean_figure(6.4, 3.6)
    for run, name in RUNS.items():
        curves = _rotation_curves(result.runs[run])
        time = np.arange(curves.shape[1]) * CONTROL_PERIOD
        mean, deviation = curves.mean(axis=0), curves.std(axis=0)
        axes.fill_between(time, mean - deviation, mean + deviation, color=COLORS[run], alpha=0.15, linewidth=0)
        axes.plot(time, mean, color=COLORS[run], linewidth=2, label=name)
    axes.set(xlabel="time, s", ylabel="rotation, rad")
    axes.margins(x=0)
    axes.legend(frameon=False, loc="upper left")
    return figure


def rotation_per_object(result: DemoResult) -> Figure:
    """Mean rotation of each run for each object; bars show one standard deviation."""
    figure, axes = clean_figure(4.4, 3.6)
    items = list(dict.fromkeys(episode.object for episode in result.runs["sim"]))
    for offset, (run, name) in zip((-0.27, 0.0, 0.27), RUNS.items(), strict=True):
        rotation = [[episode.rotation[-1] for episode in result.runs[run] if episode.object == item] for item in items]
        mean, deviation = [np.mean(values) for values in rotation], [np.std(values) for values in rotation]
        style = {"ecolor": INK, "elinewidth": 1, "capsize": 2}
        axes.bar(np.arange(len(items)) + offset, mean, 0.25, yerr=deviation, color=COLORS[run], error_kw=style)
        axes.patches[-1].set_label(name)
    axes.set_xticks(np.arange(len(items)), items)
    axes.set(ylabel="rotation, rad")
    axes.tick_params(axis="x", length=0)
    axes.grid(visible=False, axis="x")
    return figure


def joint_trace(result: DemoResult) -> tuple[Figure, str]:
    """One joint at work, direct and corrected; returns the figure and the joint's name.

    Above: what the policy asked for, what was sent, where the joint went. Below: how far it went past or fell short of
    where the simulated joint would have gone in the same control step.
    """
    sim = result.models.sim
    shown = {run: result.runs[run][0] for run in ("direct", "corrected")}
    steps = round(_TRACE_SECONDS / CONTROL_PERIOD)
    misses = {run: _misses(sim, episode)[:, :steps] for run, episode in shown.items()}
    joint = _most_improved(misses)
    figure = Figure(figsize=(10.8, 4.6), layout="constrained")
    grid = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=(3, 2))
    for column, (run, episode) in enumerate(shown.items()):
        _draw_motion(grid[0, column], episode, joint, run)
        _draw_miss(grid[1, column], misses[run][joint], run)
        grid[0, column].set_title(RUNS[run], loc="left", fontsize=10, color=COLORS[run], fontweight="bold")
    grid[0, 0].set_ylabel(f"{JOINT_NAMES[joint]}, rad")
    grid[1, 0].set_ylabel("difference, mrad")
    return figure, JOINT_NAMES[joint]


def joint_errors(result: DemoResult) -> Figure:
    """One-step error of each joint's model on held-out data, before and after the fit."""
    models = result.models
    return _joint_bars(1e3 * models.joint_error_before, 1e3 * models.joint_error_after, "one-step error, mrad rms")


def joint_strengths(result: DemoResult) -> Figure:
    """Torque of each joint per distance to its target, in the simulation and as identified on the hand."""
    sim, hand = (model.physics.double().numpy()[:, 0] for model in (result.models.sim, result.models.hand))
    return _joint_bars(sim, hand, "stiffness, N m/rad")


def _joint_bars(sim: FloatArray, hand: FloatArray, label: str) -> Figure:
    figure, axes = clean_figure(10.8, 2.9)
    place = np.arange(NUM_JOINTS)
    axes.bar(place - 0.2, sim, 0.38, color=COLORS["direct"], label="model of the simulation")
    axes.bar(place + 0.2, hand, 0.38, color=COLORS["corrected"], label="fitted to the hand")
    axes.set_xticks(place, JOINT_NAMES, fontsize=8)
    axes.set(ylabel=label, xlim=(-0.7, NUM_JOINTS - 0.3))
    axes.tick_params(axis="x", length=0)
    axes.grid(visible=False, axis="x")
    axes.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.0)
    return figure


def _rotation_curves(episodes: Sequence[EpisodeRecord]) -> FloatArray:
    curves = [episode.rotation for episode in episodes]
    length = max(len(curve) for curve in curves)
    return np.array([np.pad(curve, (0, length - len(curve)), mode="edge") for curve in curves])


def _misses(model: JointwiseModel, episode: EpisodeRecord) -> FloatArray:
    """Position reached minus the one that a model predicts for the target, (16, T), rad."""
    windows = WindowSet([Trajectory(episode.position, episode.target)])
    with torch.no_grad():
        return -one_step_errors(model, windows).double().numpy()


def _most_improved(misses: dict[str, FloatArray]) -> int:
    before, after = (np.sqrt(np.mean(np.square(values), axis=1)) for values in misses.values())
    return int(np.argmax(before - after))


def _draw_motion(axes: Axes, episode: EpisodeRecord, joint: int, run: str) -> None:
    clean_axes(axes)
    steps = round(_TRACE_SECONDS / CONTROL_PERIOD)
    target, command, position = (
        values[:steps, joint] for values in (episode.target, episode.command, episode.position)
    )
    time = np.arange(len(target)) * CONTROL_PERIOD
    axes.step(time, target, where="post", color=PALE, linewidth=1.2, label="asked for")
    if run == "corrected":
        axes.step(time, command, where="post", color=COLORS[run], linewidth=1.0, alpha=0.6, label="sent")
    axes.plot(time, position[: len(time)], color=INK, linewidth=1.6, label="position")
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.1, ncols=3, fontsize=8)


def _draw_miss(axes: Axes, miss: FloatArray, run: str) -> None:
    clean_axes(axes)
    shown = 1e3 * miss
    time = np.arange(1, len(shown) + 1) * CONTROL_PERIOD
    axes.axhline(0.0, color=PALE, linewidth=0.8)
    axes.fill_between(time, shown, color=COLORS[run], alpha=0.45, linewidth=0)
    axes.plot(time, shown, color=COLORS[run], linewidth=1.0)
    axes.set(xlabel="time, s", xlim=(0, _TRACE_SECONDS))
    rms = np.sqrt(np.mean(np.square(shown)))
    axes.set_title(f"{rms:.1f} mrad rms", loc="right", fontsize=8, color=INK)
