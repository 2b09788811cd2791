"""The report of a demonstration: one HTML file with everything in it."""

import base64
import html
import io
from pathlib import Path

from matplotlib.figure import Figure

from dexndm_gym import __version__
from dexndm_gym.evaluation.demo.demo_result import RUNS, DemoResult
from dexndm_gym.evaluation.demo.plots import (
    joint_errors,
    joint_strengths,
    joint_trace,
    rotation_over_time,
    rotation_per_object,
)
from dexndm_gym.evaluation.demo.videos import SPEED, STEPS_PER_FRAME, draw_episode, encode, side_by_side
from dexndm_gym.evaluation.episodes import EpisodeRecord
from dexndm_gym.evaluation.plot_style import COLORS
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
        _plot(rotation_over_time(result), "Rotation over time: mean and one standard deviation over episodes."),
        _plot(rotation_per_object(result), "Rotation by object at the end of the episode."),
        "</div>",
        _plot(
            trace,
            f"Joint {joint} in the first episode. Above: targets and position. Below: where the joint got to in each "
            "control step, minus where the simulated joint would have got to.",
        ),
        _plot(
            joint_strengths(result),
            "What the fit found: how hard each joint pulls towards its target. The correction asks more of joints that "
            "are weaker than the simulated ones.",
        ),
        _plot(
            joint_errors(result),
            "How well each joint's next position on the hand, 50 ms ahead, is predicted on held-out trajectories.",
        ),
        _figures(result),
    ]
    write_bytes(path, _PAGE.format(style=_STYLE, body="\n".join(sections)).encode())


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
            f"<tr><th><i style='background:{COLORS[run]}'></i>{name}</th>"
            f"<td>{summary.rotation_rad_mean:.2f} &plusmn; {summary.rotation_rad_std:.2f}</td>"
            f"<td>{summary.rotation_rad_mean / summary.time_to_fall_s_mean:.2f}</td>"
            f"<td>{summary.time_to_fall_s_mean:.1f}</td><td>{summary.episodes}</td></tr>"
        )
    return (
        "<table><thead><tr><th></th><th>rotation, rad</th><th>speed, rad/s</th><th>time to fall, s</th>"
        f"<th>episodes</th></tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


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
    try:
        frames = [draw_episode(episode, renderer, length=length, drawn=drawn) for episode in shown.values()]
        data = base64.b64encode(encode(side_by_side(frames))).decode()
    except (OSError, ImportError, RuntimeError) as error:
        return f"<p class='note'>No video could be made: {html.escape(str(error))}</p>"
    captions = "".join(
        f"<figcaption><b style='color:{COLORS[run]}'>{RUNS[run]}</b> {episode.rotation[-1]:.1f} rad"
        f"{f', lost after {episode.seconds:.0f} s' if episode.dropped else ''}</figcaption>"
        for run, episode in shown.items()
    )
    return (
        "<figure class='video'><video autoplay loop muted playsinline controls "
        f"src='data:video/mp4;base64,{data}'></video><div class='three'>{captions}</div>"
        f"<figcaption>The same object from the same start, shown {SPEED:g} times as fast.</figcaption></figure>"
    )


def _favorite(result: DemoResult, run: str) -> EpisodeRecord:
    episodes = result.runs[run]
    return next((episode for episode in episodes if episode.object == _FAVORITE), episodes[0])


def _plot(figure: Figure, caption: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160)
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f"<figure><img alt='{html.escape(caption, quote=True)}' src='data:image/png;base64,{data}'>"
        f"<figcaption>{caption}</figcaption></figure>"
    )


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
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in items.items())
    return f"<h2>Figures</h2><dl>{rows}</dl>"


def _change(before: dict[str, float] | None, after: dict[str, float], key: str, unit: str) -> str:
    start = f"{before[key]:.2f} &rarr; " if before else ""
    return f"{start}{after[key]:.2f} {unit}"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>dexndm demo</title><style>{style}</style></head>
<body><main>
{body}
</main></body></html>
"""

_STYLE = """
:root { color: #1f2937; background: #fff; font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
body { margin: 0; } main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; letter-spacing: -0.015em; margin: 0 0 0.75rem; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 0.75rem; }
.lead { color: #4b5563; max-width: 46rem; margin: 0 0 1.75rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 0.5rem 0.75rem; border-bottom: 1px solid #e5e7eb; font-weight: 400; }
th:first-child { text-align: left; padding-left: 0; } thead th { color: #6b7280; font-size: 0.85rem; }
tbody th { font-weight: 600; }
i { display: inline-block; width: 0.7rem; height: 0.7rem; border-radius: 2px; margin-right: 0.6rem; }
figure { margin: 2rem 0 0; } img, video { width: 100%; height: auto; display: block; border-radius: 6px; }
figcaption { color: #6b7280; font-size: 0.88rem; margin-top: 0.4rem; }
.two { display: grid; grid-template-columns: 3fr 2fr; gap: 1.5rem; }
.three { display: grid; grid-template-columns: repeat(3, 1fr); } .three figcaption { text-align: center; }
.note { color: #6b7280; border-left: 3px solid #e5e7eb; padding-left: 0.9rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.3rem 1.5rem; margin: 0; }
dt { color: #6b7280; } dd { margin: 0; font-variant-numeric: tabular-nums; }
@media (max-width: 40rem) { .two { grid-template-columns: 1fr; } }
"""
