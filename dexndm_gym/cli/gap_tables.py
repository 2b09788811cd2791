"""The tables that ``dexndm evaluate --suite gap`` prints."""

import math
from typing import Any

import numpy as np

from dexndm_gym.cli.common import table
from dexndm_gym.evaluation.gap.report import GapReport
from dexndm_gym.evaluation.gap.wrist_gaps import WristGaps


def gap_text(report: GapReport) -> str:
    """Everything that the suite has to say, as text."""
    parts = [_rows(report), _hands(report)]
    if len(report.minutes) > 1:
        parts.append(_data_curve(report))
    if report.predictions():
        parts.append(_predictions(report))
    parts.append(
        f"{report.sim.rotation.mean():.1f} rad in simulation, {report.minutes[-1]:g} min of data per hand, "
        f"{len(report.hands)} hands; +- is a 95 % confidence interval over hands"
    )
    return "\n\n".join(parts)


def wrists_text(gaps: WristGaps) -> str:
    """Everything that the suite has to say of several wrists, as text."""
    parts = [f"{wrist}\n\n{gap_text(report)}" for wrist, report in gaps.reports.items()]
    rows = [
        (
            wrist,
            f"{report.sim.rotation.mean():.1f}",
            _percent(report.share_kept().mean()),
            _percent(report.share_kept().min()),
            _percent(report.share_kept(gaps.first).mean()),
            _percent(report.share_kept(gaps.first).min()),
        )
        for wrist, report in gaps.reports.items()
    ]
    head = ("wrist", "simulated, rad", "direct", "worst hand", f"corrected ({gaps.first})", "worst hand")
    parts.append(table(head, rows))
    for row, name in ((None, "direct transfer"), (gaps.first, "corrected")):
        numbers = gaps.summary(row)
        parts.append(
            f"{name}: {_interval(numbers)} of the simulated over hands and wrists; worst {_percent(numbers['worst'])}, "
            f"hand {numbers['worst_hand']} {numbers['worst_wrist']}"
        )
    parts.append(f"wrists in which the correction loses: {', '.join(gaps.losing()) or 'none'}")
    return "\n\n".join(parts)


def _rows(report: GapReport) -> str:
    """A row per correction and policy."""
    first = report.baselines[0]
    head = ("", "of simulated", "worst", "gap closed", "worst", "time to fall", "dropped")
    head += (f"{first} minus it", "p", "hands")
    rows = []
    for name in (None, *report.baselines, *report.others):
        numbers = report.summary(name)
        closed, lead = numbers.get("gap_closed"), numbers.get("first_minus_this")
        rows.append(
            (
                name or "direct transfer",
                _interval(numbers["share"]),
                _percent(numbers["share"]["worst"]),
                _interval(closed) if closed else "",
                _percent(closed["worst"]) if closed else "",
                f"{numbers['time_to_fall_s']:.1f} s",
                _percent(numbers["dropped_share"]),
                _interval(lead) if lead else "",
                f"{lead['p']:.2g}" if lead and lead["hands"] > 1 else "",
                str(lead["hands"]) if lead else "",
            )
        )
    notes = []
    for name, scores in report.others_in_sim.items():
        kept = np.mean([run.rotation.mean() for run in report.runs(name) if run]) / scores.rotation.mean()
        notes.append(f"{name}: {scores.rotation.mean():.1f} rad in simulation, {kept:.0%} of it on the hands")
    return "\n".join([table(head, rows), *notes])


def _hands(report: GapReport) -> str:
    """Rotation hand by hand."""
    names = (None, *report.baselines, *report.others)
    rows = [
        (
            f"hand {hand.seed}",
            *("" if (run := report.runs(name)[row]) is None else f"{run.rotation.mean():.1f}" for name in names),
        )
        for row, hand in enumerate(report.hands)
    ]
    return table(("rotation, rad", *(name or "direct" for name in names)), rows)


def _data_curve(report: GapReport) -> str:
    rows = [
        (name, *(_interval(report.summary(name, minutes)["gap_closed"]) for minutes in report.minutes))
        for name in report.baselines
    ]
    return table(("gap closed by", *(f"{minutes:g} min" for minutes in report.minutes)), rows)


def _predictions(report: GapReport) -> str:
    columns = ("one_step_rms_mrad", "ten_steps_mean_abs_mrad", "open_loop_1s_mean_abs_mrad")
    rows = [
        (kind, name, *(f"{errors[column]:.2f}" for column in columns))
        for kind, models in report.predictions().items()
        for name, errors in models.items()
    ]
    hands = sum(bool(hand.predictions) for hand in report.hands)
    head = ("motion", f"model ({hands} hands)", "1 step rms, mrad", "10 steps mean abs", "1 s mean abs")
    return table(head, rows, labels=2)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _interval(numbers: dict[str, Any]) -> str:
    """Mean and half width; the mean alone for a single hand."""
    if math.isnan(numbers["half_width"]):
        return _percent(numbers["mean"])
    return f"{100 * numbers['mean']:.0f} +- {100 * numbers['half_width']:.0f} %"
