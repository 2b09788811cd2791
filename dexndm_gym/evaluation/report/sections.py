"""The sections of a report, each from what one kind of command wrote."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from dexndm_gym.data.reading import RecordingReader
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.evaluation.coverage import SETTING, coverage_figure, measure_coverage
from dexndm_gym.evaluation.demo.demo_result import RUNS
from dexndm_gym.evaluation.gap.plots import DIRECT, shares_per_hand
from dexndm_gym.evaluation.general.report import cell_rows, heat_map, random_rows
from dexndm_gym.evaluation.plot_style import COLORS, INK, PALE, clean_axes
from dexndm_gym.evaluation.report.findings import Numbers
from dexndm_gym.evaluation.report_page import plot, table, video
from dexndm_gym.evaluation.videos import FPS, SPEED, draw_trajectory, side_by_side
from dexndm_gym.progress import Progress, Tally
from dexndm_gym.rendering.renderer import HandRenderer
from dexndm_gym.task.orientations import AXES

_MOST_VIDEOS = 3
_VIDEO_SECONDS = 6.0


def evaluation_section(files: Mapping[str, Numbers]) -> list[str]:
    """Policies, measured; one row per file. Of a hand without a tracker much is unknown: null in its file."""
    files = {name: {key: np.nan if n is None else n for key, n in one.items()} for name, one in files.items()}
    rows = [
        (
            _name(name),
            html.escape(str(n.get("env", ""))),
            _known(n["rotation_rad_mean"], f"{n['rotation_rad_mean']:.2f} &plusmn; {n['rotation_rad_std']:.2f}"),
            *(_known(n[key], f"{n[key]:.2f}") for key in ("speed_rad_s_mean", "time_to_fall_s_mean")),
            _known(n["dropped_share"], f"{100 * n['dropped_share']:.0f}&nbsp;%"),
            *(_known(n[key], f"{n[key]:.2f}") for key in ("RotR_mean", "RotP_mean", "TTF_mean")),
            str(n["episodes"]),
        )
        for name, n in files.items()
    ]
    head = (
        *("", "where", "rotation, rad", "speed, rad/s", "time to fall, s", "dropped"),
        *("RotR, rad/s", "RotP, rad/s", "TTF", "episodes"),
    )
    caption = "Rotation until the end of the episode, mean and one standard deviation, and the share of objects lost."
    return ["<h2>Evaluation</h2>", table(head, rows), plot(_bars(files), caption)]


def _known(number: float, text: str) -> str:
    return "-" if np.isnan(number) else text


def gap_section(files: Mapping[str, Numbers]) -> list[str]:
    """How much of what a policy does in simulation is left on virtual hands; one table per file."""
    parts = ["<h2>Reality gap on virtual hands</h2>"]
    for name, numbers in files.items():
        corrected = {label: list(runs.values())[-1] for label, runs in numbers["corrected"].items()}
        rows = [_gap_row(DIRECT, numbers["direct"])]
        rows += [_gap_row(label, one) for label, one in (*corrected.items(), *numbers["others"].items())]
        head = ("", "rotation over the simulated", "worst hand", "gap closed", "time to fall, s", "dropped")
        best = next(iter(corrected), None)
        closed = "" if best is None else _interval(corrected[best]["gap_closed"])
        claim = f", of which {html.escape(best)} closes {closed}" if best is not None else ""
        lost = 100 * (1 - numbers["direct"]["share"]["mean"])
        parts += [
            f"<p class='lead'>{_name(name)}: {lost:.0f}&nbsp;% of the rotation is lost in direct transfer to "
            f"{len(numbers['hands'])} virtual hands{claim} (mean and 95&nbsp;% confidence interval over hands).</p>",
            table(head, rows),
            plot(shares_per_hand(_shares(numbers), list(corrected)), f"{_name(name)}: every hand, every run."),
        ]
    return parts


def general_section(files: Mapping[str, Numbers]) -> list[str]:
    """One policy over wrists, axes and objects."""
    parts = ["<h2>Wrists, axes and objects</h2>"]
    for name, results in files.items():
        parts.append(plot(heat_map(results), f"{_name(name)}: speed about the axis, and the share of objects lost."))
        for group, cells in results["cells"].items():
            parts += [f"<p class='note'>{html.escape(group)}: rad/s (dropped)</p>"]
            parts += [table(("", *AXES), [tuple(map(_spoken, row)) for row in cell_rows(cells)])]
        head = ("unseen objects, any wrist", "RotR / TTF / RotP", "dropped", "the paper's, on other objects")
        parts.append(table(head, random_rows(results)))
        if "goals" in results:
            share = f"{results['goals']['success']:.0%}"
            parts.append(f"<p>Goal orientations within 0.1&nbsp;&pi; in 20&nbsp;s: {share}.</p>")
    return parts


def demo_section(files: Mapping[str, Numbers]) -> list[str]:
    """Demonstrations, each with its own report beside it."""
    parts = ["<h2>Demonstrations</h2>"]
    for name, numbers in files.items():
        closed = numbers["gap_closed"]
        rows = [
            (
                label,
                f"{numbers[run]['rotation_rad_mean']:.2f} &plusmn; {numbers[run]['rotation_rad_std']:.2f}",
                f"{numbers[run]['time_to_fall_s_mean']:.1f}",
                str(numbers[run]["episodes"]),
            )
            for run, label in RUNS.items()
        ]
        said = "nothing to close" if closed is None else f"{100 * closed:.0f}&nbsp;% of the gap closed"
        link = html.escape(Path(name).with_name("report.html").as_posix(), quote=True)
        parts += [
            f"<p class='lead'><a href='{link}'>{_name(name)}</a>: virtual hand {numbers['hand_seed']}, {said} with "
            f"{numbers['data_minutes']:.0f} minutes of recordings.</p>",
            table(("", "rotation, rad", "time to fall, s", "episodes"), rows, [COLORS[run] for run in RUNS]),
        ]
    return parts


def collection_section(files: Mapping[str, Path], *, videos: bool, progress: Progress | None = None) -> list[str]:
    """What recordings cover, and some of them moving."""
    trajectories: list[Trajectory] = []
    for path in files.values():
        with RecordingReader(path) as reader:
            trajectories += list(reader)
    coverage = measure_coverage(trajectories)
    rows = [(html.escape(setting), f"{minutes:.1f}") for setting, minutes in coverage.minutes.items()]
    total = sum(coverage.minutes.values())
    return [
        "<h2>Recordings</h2>",
        f"<p class='lead'>{len(trajectories)} trajectories in {len(files)} files, {total:.1f} minutes.</p>",
        table((", ".join(SETTING), "minutes"), rows),
        plot(
            coverage_figure(coverage),
            "Where each joint was, how fast it moved and how hard its servo pulled; darker is more of the time, marks "
            "are the 1, 50 and 99&nbsp;% quantiles.",
        ),
        *([_video(trajectories, progress)] if videos else []),
    ]


def _video(trajectories: Sequence[Trajectory], progress: Progress | None) -> str:
    """The longest recording of each kind, side by side."""
    kinds: dict[str, Trajectory] = {}
    for one in sorted(trajectories, key=len, reverse=True):
        kinds.setdefault(_kind(one), one)
    shown = dict(list(kinds.items())[:_MOST_VIDEOS])
    length = round(min(_VIDEO_SECONDS, max(one.seconds for one in shown.values()) / SPEED) * FPS) + 1
    renderer = HandRenderer(width=320, height=240)
    runs, tally = [], Tally(progress, len(shown))
    for kind, one in shown.items():
        runs.append(draw_trajectory(one, renderer, length=length))
        tally(note=kind)
    return video(side_by_side(runs), [html.escape(kind) for kind in shown], f"Shown {SPEED:g} times as fast.")


def _kind(trajectory: Trajectory) -> str:
    about = [str(trajectory.metadata[key]) for key in ("mode", "object", *SETTING) if key in trajectory.metadata]
    return ", ".join(about) or "recording"


def _bars(files: Mapping[str, Numbers]) -> Figure:
    figure = Figure(figsize=(10.0, 1.0 + 0.4 * len(files)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    place = np.arange(len(files))
    mean, std, lost = (
        np.array([numbers[key] for numbers in files.values()])
        for key in ("rotation_rad_mean", "rotation_rad_std", "dropped_share")
    )
    for axes, label in ((left, "rotation, rad"), (right, "objects lost, %")):
        clean_axes(axes)
        axes.set(xlabel=label, ylim=(len(files) - 0.5, -0.5))
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
    left.barh(place, mean, 0.6, xerr=std, color=COLORS["corrected"], error_kw={"ecolor": INK, "elinewidth": 1})
    right.barh(place, 100 * lost, 0.6, color=PALE)
    right.set_xlim(0, 100)
    left.set_yticks(place, list(files))
    return figure


def _shares(numbers: Numbers) -> dict[str, np.ndarray]:
    """Rotation of every hand over the simulated, by run, with the most recordings."""
    sim, hands = numbers["sim"]["rotation_rad_mean"], numbers["hands"]
    rows = {DIRECT: [hand["direct"]["rotation_rad_mean"] for hand in hands]}
    for name in numbers["corrected"]:
        rows[name] = [list(hand["corrected"][name].values())[-1]["rotation_rad_mean"] for hand in hands]
    for name in numbers["others"]:
        rows[name] = [hand["others"].get(name, {}).get("rotation_rad_mean", np.nan) for hand in hands]
    return {name: np.array(values) / sim for name, values in rows.items()}


def _gap_row(name: str, one: Numbers) -> tuple[str, ...]:
    closed = _interval(one["gap_closed"]) if "gap_closed" in one else ""
    worst = f"{100 * one['share']['worst']:.0f}&nbsp;%"
    fall, lost = f"{one['time_to_fall_s']:.1f}", f"{100 * one['dropped_share']:.0f}&nbsp;%"
    return html.escape(name), _interval(one["share"]), worst, closed, fall, lost


def _interval(numbers: Numbers) -> str:
    half = numbers["half_width"]
    around = "" if half is None or not np.isfinite(half) else f" &plusmn; {100 * half:.0f}"
    return f"{100 * numbers['mean']:.0f}{around}&nbsp;%"


def _name(name: str) -> str:
    return html.escape(name)


def _spoken(cell: str) -> str:
    return html.escape(cell.replace("_", " "))
