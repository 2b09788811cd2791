"""Joints and servos as rows of bars: HTML with pictures in it, without a script."""

from collections.abc import Sequence

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.hand.joints import JOINT_NAMES, LOWER_LIMITS, UPPER_LIMITS
from dexndm_gym.viewer.snapshot import Snapshot

CURRENT_RANGE = 0.6
"""Current that fills a bar, A."""
TEMPERATURE_RANGE = (20.0, 70.0)
"""Temperatures of an empty and of a full bar, degrees Celsius; servos switch off at the upper one."""

_WIDTH, _ROW = 150.0, 17
_MEASURED, _TARGET, _TRACK, _TEXT = "#3b6fb5", "#e07a2f", "#e9edf2", "#475569"
_COOL, _WARM, _HOT = "#0f8a72", "#e0a82f", "#c8402f"
_DIGITS = {"if": "index", "mf": "middle", "rf": "ring", "th": "thumb"}


def joint_bars(snapshot: Snapshot) -> str:
    """Where each joint is within its limits: measured as a bar from zero, the target as a mark."""
    rows = []
    for i, name in enumerate(JOINT_NAMES):
        scale = _WIDTH / (UPPER_LIMITS[i] - LOWER_LIMITS[i])
        zero, here = (np.clip((angle - LOWER_LIMITS[i]) * scale, 0.0, _WIDTH) for angle in (0.0, snapshot.position[i]))
        drawn = _bar(min(zero, here), abs(here - zero), _MEASURED) + _mark(zero, "#94a3b8", 1.0)
        if np.isfinite(snapshot.target[i]):
            drawn += _mark(np.clip((snapshot.target[i] - LOWER_LIMITS[i]) * scale, 0.0, _WIDTH), _TARGET, 3.0)
        rows.append((name, drawn, f"{np.degrees(snapshot.position[i]):.0f}&deg;"))
    legend = _legend([(_MEASURED, "measured"), (_TARGET, "target")])
    return legend + _rows(rows)


def servo_bars(snapshot: Snapshot) -> str:
    """Current, temperature and load of each servo, as far as they are known."""
    low, high = TEMPERATURE_RANGE
    tables = []
    if _known(snapshot.current):
        rows = [_amount(i, abs(value) / CURRENT_RANGE, f"{1e3 * value:.0f} mA") for i, value in _all(snapshot.current)]
        tables.append(_title("current") + _rows(rows))
    if _known(snapshot.temperature):
        rows = [
            _amount(i, (value - low) / (high - low), f"{value:.0f} &deg;C") for i, value in _all(snapshot.temperature)
        ]
        tables.append(_title("temperature") + _rows(rows))
    if _known(snapshot.load):
        rows = [_amount(i, abs(value), f"{100 * value:.0f} %") for i, value in _all(snapshot.load)]
        tables.append(_title("load, share of the most torque") + _rows(rows))
    return "".join(tables) or _title("this hand reports neither current, temperature nor load")


def status_line(snapshot: Snapshot, speed: float) -> str:
    """The numbers that matter most, large, and what else there is to say."""
    cells = [
        ("rotation", f"{snapshot.rotation:.2f}", "rad"),
        ("speed", f"{round(speed, 2) + 0.0:.2f}", "rad/s"),  # there is no -0.00
        ("time", f"{snapshot.time:.1f}", "s"),
    ]
    shown = "".join(
        f"<div style='flex:1'><div style='font-size:11px;color:{_TEXT}'>{name}</div>"
        f"<div style='font-size:22px;font-weight:600;line-height:1.15'>{'&ndash;' if value == 'nan' else value}"
        f"<span style='font-size:11px;font-weight:400;color:{_TEXT}'> {unit}</span></div></div>"
        for name, value, unit in cells
    )
    note = snapshot.note or ("paused" if snapshot.paused else "")
    said = "".join(
        f"<div style='font-size:12px;color:{color};min-height:17px'>{_escaped(text)}</div>"
        for text, color in ((snapshot.task, _TEXT), (note, _HOT))
        if text or color == _HOT
    )
    style = "padding:2px 10px;font-variant-numeric:tabular-nums"
    return f"<div style='{style}'><div style='display:flex'>{shown}</div>{said}</div>"


def _amount(i: int, share: float, text: str) -> tuple[str, str, str]:
    share = float(np.clip(share, 0.0, 1.0))
    color = _COOL if share < 0.5 else _WARM if share < 0.8 else _HOT
    return JOINT_NAMES[i], _bar(0.0, share * _WIDTH, color), text


def _rows(rows: Sequence[tuple[str, str, str]]) -> str:
    lines = []
    for name, drawn, text in rows:
        digit, joint = name.split("_")
        if joint in ("rot", "cmc"):
            style = f"padding-top:4px;color:{_TEXT};font-weight:600"
            lines.append(f"<tr><td colspan=3 style='{style}'>{_DIGITS[digit]}</td></tr>")
        lines.append(
            f"<tr><td style='color:{_TEXT};width:34px'>{joint}</td><td><svg width='100%' height='{_ROW - 6}' "
            f"viewBox='0 0 {_WIDTH:g} 11' preserveAspectRatio='none' style='display:block'>"
            f"<rect width='{_WIDTH:g}' height='11' rx='2' fill='{_TRACK}'/>{drawn}</svg></td>"
            f"<td style='width:56px;text-align:right'>{text}</td></tr>"
        )
    return (
        "<table style='width:100%;padding:0 10px;font-size:11px;line-height:1.2;font-variant-numeric:tabular-nums;"
        f"border-spacing:4px 1px'>{''.join(lines)}</table>"
    )


def _bar(start: float, length: float, color: str) -> str:
    return f"<rect x='{start:.1f}' width='{max(length, 0.0):.1f}' y='1.5' height='8' rx='1.5' fill='{color}'/>"


def _mark(place: float, color: str, width: float) -> str:
    start = np.clip(place - width / 2, 0.0, _WIDTH - width)
    return f"<rect x='{start:.1f}' width='{width:g}' height='11' fill='{color}'/>"


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    shown = "".join(
        f"<span style='margin-right:14px'><span style='display:inline-block;width:10px;height:10px;border-radius:2px;"
        f"background:{color};margin-right:5px'></span>{name}</span>"
        for color, name in entries
    )
    return f"<div style='padding:0 14px;font-size:11px;color:{_TEXT}'>{shown}</div>"


def _title(text: str) -> str:
    return f"<div style='padding:4px 14px 0;font-size:12px;font-weight:600'>{text}</div>"


def _all(values: FloatArray) -> list[tuple[int, float]]:
    return list(enumerate(values.tolist()))


def _known(values: FloatArray) -> bool:
    return bool(np.isfinite(values).all())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
