"""The report of a demonstration: one HTML file with everything in it."""

from pathlib import Path

from dexndm_gym import __version__
from dexndm_gym.evaluation.demo.demo_result import RUNS, DemoResult
from dexndm_gym.evaluation.demo.plots import (
    joint_errors,
    joint_strengths,
    joint_trace,
    rotation_over_time,
    rotation_per_object,
)
from dexndm_gym.evaluation.episodes import EpisodeRecord
from dexndm_gym.evaluation.plot_style import COLORS
from dexndm_gym.evaluation.report_page import listing, page, plot, table, video
from dexndm_gym.evaluation.videos import SPEED, STEPS_PER_FRAME, draw_episode, side_by_side
from dexndm_gym.outputs import write_bytes
from dexndm_gym.progress import Progress
from dexndm_gym.rendering.renderer import HandRenderer

_FAVORITE = "cube"
"""Whose turning is seen best."""


def write_report(
    result: DemoResult,
    path: Path,
    *,
    videos: bool = True,
    progress: Progress | None = None,
) -> None:
    """Write the report.

    Args:
        result: what was measured.
        path: file to write; an existing one is replaced.
        videos: also show an episode of each run. Where no video can be made the report says why.
        progress: told while videos are drawn.
    """
    trace, joint = joint_trace(result)
    sections = [
        _headline(result),
        _table(result),
        _video(result, progress) if videos else "",
        '<div class="two">',
        plot(rotation_over_time(result), "Rotation over time: mean and one standard deviation over episodes."),
        plot(rotation_per_object(result), "Rotation by object at the end of the episode."),
        "</div>",
        plot(
            trace,
            f"Joint {joint} in the first episode. Above: targets and position. Below: where the joint got to in each "
            "control step, minus where the simulated joint would have got to.",
        ),
        plot(
            joint_strengths(result),
            "What the fit found: how hard each joint pulls towards its target. The correction asks more of joints that "
            "are weaker than the simulated ones.",
        ),
        plot(
            joint_errors(result),
            "How well each joint's next position on the hand, 50 ms ahead, is predicted on held-out trajectories.",
        ),
        _figures(result),
    ]
    write_bytes(path, page("dexndm demo", sections))


def _headline(result: DemoResult) -> str:
    closed = result.gap_closed
    claim = (
        "Direct transfer lost nothing: there is no gap to close"
        if closed is None
        else f"The correction closes {100 * closed:.0f}&nbsp;% of the gap in rotation"
    )
    return f"<h1>{claim}</h1><p class='lead'>{_lead(result)}</p>"


def _lead(result: DemoResult) -> str:
    hand, minutes = result.hand_seed, result.data_minutes
    return (
        "One policy, trained in simulation, turns objects in the simulated hand, then in virtual "
        f"hand {hand} as it is, then in the same hand with each joint's target corrected by a model fitted to "
        f"{minutes:.0f} minutes of that hand's motion. A virtual hand is a second simulation with servos of its "
        "own, driven over its servo protocol; it is not a real hand."
    )


def _table(result: DemoResult) -> str:
    rows = []
    for run, name in RUNS.items():
        summary = result.summary(run)
        rows.append(
            (
                name,
                f"{summary.rotation_rad_mean:.2f} &plusmn; {summary.rotation_rad_std:.2f}",
                f"{summary.rotation_rad_mean / summary.time_to_fall_s_mean:.2f}",
                f"{summary.time_to_fall_s_mean:.1f}",
                str(summary.episodes),
            )
        )
    head = ("", "rotation, rad", "speed, rad/s", "time to fall, s", "episodes")
    return table(head, rows, [COLORS[run] for run in RUNS])


def _video(result: DemoResult, progress: Progress | None) -> str:
    shown = {run: _favorite(result, run) for run in RUNS}
    length = 1 + max(len(episode) for episode in shown.values()) // STEPS_PER_FRAME
    total, done = sum(1 + len(episode) // STEPS_PER_FRAME for episode in shown.values()), 0

    def drawn() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total, "drawing")

    renderer = HandRenderer(width=320, height=240)
    frames = [draw_episode(episode, renderer, length=length, drawn=drawn) for episode in shown.values()]
    captions = [
        f"<b style='color:{COLORS[run]}'>{RUNS[run]}</b> {episode.rotation[-1]:.1f} rad"
        f"{f', lost after {episode.seconds:.0f} s' if episode.dropped else ''}"
        for run, episode in shown.items()
    ]
    return video(side_by_side(frames), captions, f"The same object from the same start, shown {SPEED:g} times as fast.")


def _favorite(result: DemoResult, run: str) -> EpisodeRecord:
    episodes = result.runs[run]
    return next((episode for episode in episodes if episode.object == _FAVORITE), episodes[0])


def _figures(result: DemoResult) -> str:
    report = result.models.report
    before = report.start
    trajectories = f"{report.trajectories + report.held_out_trajectories} trajectories"
    items = {
        "Virtual hand": f"seed {result.hand_seed}",
        "Data": f"{result.data_minutes:.1f} min in {trajectories}, {report.held_out_trajectories} of them held out",
        "One-step error": _change(
            before and before.as_dict(), report.fitted.as_dict(), "one_step_rms_mrad", "mrad rms"
        ),
        "Open loop, 1 s": _change(
            before and before.as_dict(), report.fitted.as_dict(), "open_loop_1s_mean_abs_deg", "deg mean absolute"
        ),
        "Fit": f"{report.epochs} epochs, {report.wall_s:.0f} s",
        "Wall time": f"{result.wall_s:.0f} s without this report",
        "Version": f"dexndm_gym {__version__}",
    }
    return f"<h2>Figures</h2>{listing(items)}"


def _change(before: dict[str, float] | None, after: dict[str, float], key: str, unit: str) -> str:
    start = f"{before[key]:.2f} &rarr; " if before else ""
    return f"{start}{after[key]:.2f} {unit}"
