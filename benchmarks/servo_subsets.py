"""How much the error on a log of a real servo depends on which other logs the servo was fitted to.

    python benchmarks/servo_subsets.py [LOGS] [--json FILE] [--jobs N] [--kinds-only]

Fits the physics to every subset of the kinds of motion at every subset of the position gains and predicts the kinds
that were left out at all gains, one step of 50 ms ahead and over the whole log. For each of them it prints the mean
error over all fits, how far it ranges (largest less smallest) and its standard deviation, both in percent of the mean,
and the latter two of single logs: of the median and of the worst one. Logs are those of an XL330-M288 on a pendulum
bench (see ``dexndm_gym.dynamics.servo_bench.logs``; the README says where to get them).
"""

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import combinations
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.dynamics.servo_bench.fit import ServoFitOptions, bring_to_control_rate, fit_physics
from dexndm_gym.dynamics.servo_bench.logs import ServoLog, read_servo_logs
from dexndm_gym.dynamics.servo_bench.physics import ServoPhysics, observe, simulate

UNITS = {"one_step_mrad": "1 step, rms, mrad", "open_loop_deg": "open loop, mean abs, deg"}

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Fit:
    """One subset, what was found with it, and how well each log is predicted; NaN for logs that were fitted to."""

    kinds: tuple[str, ...]
    gains: tuple[float, ...]
    physics: ServoPhysics
    errors: dict[str, FloatArray]  # unit, then one value per log

    def without(self, kind: str) -> bool:
        """Whether that kind of motion was left out as a whole."""
        return kind not in self.kinds


def fit_subset(subset: tuple[tuple[str, ...], tuple[float, ...]], logs: Sequence[ServoLog]) -> Fit:
    """Fit to the logs of some kinds at some gains, predict all others."""
    kinds, gains = subset
    chosen = [log.kind in kinds and log.gain in gains for log in logs]
    options = ServoFitOptions()
    physics = fit_physics([log for log, used in zip(logs, chosen, strict=True) if used], options)
    ticks = bring_to_control_rate(logs)
    truth = ticks.position[1:]
    missed = observe(physics, options.pendulum, ticks)[1] - truth
    strayed = simulate(physics, options.pendulum, ticks, ticks.position[0]) - truth
    errors = {
        "one_step_mrad": 1e3 * np.sqrt(np.mean(missed**2, axis=0)),
        "open_loop_deg": np.degrees(np.abs(strayed).mean(axis=0)),
    }
    left_out = {unit: np.where(chosen, np.nan, values) for unit, values in errors.items()}
    return Fit(kinds, gains, physics, left_out)


def subsets(values: Sequence[_Value]) -> list[tuple[_Value, ...]]:
    """All subsets but the empty one, small ones first."""
    return [chosen for size in range(1, len(values) + 1) for chosen in combinations(values, size)]


def spread(values: Iterable[float]) -> dict[str, float]:
    """Mean, and range and standard deviation in percent of it."""
    found = np.array(list(values))
    mean = found.mean()
    return {
        "mean": float(mean),
        "range_percent": float(100 * np.ptp(found) / mean),
        "deviation_percent": float(100 * found.std() / mean),
    }


def summarize(fits: Sequence[Fit], logs: Sequence[ServoLog], unit: str) -> dict[str, Any]:
    """Errors of kinds of motion that fits had left out as a whole, and of their single logs."""
    pool: Callable[[FloatArray], float] = _rms if unit == "one_step_mrad" else lambda errors: float(errors.mean())
    of_kinds, of_logs, everything = {}, {}, []
    for kind in sorted({log.kind for log in logs}):
        columns = [column for column, log in enumerate(logs) if log.kind == kind]
        errors = np.array([fit.errors[unit][columns] for fit in fits if fit.without(kind)])
        if len(errors) == 0:
            continue
        everything.append(errors.ravel())
        of_kinds[kind] = spread(pool(row) for row in errors)
        of_logs |= {logs[column].name: spread(errors[:, i]) for i, column in enumerate(columns)}
    return {"mean": pool(np.concatenate(everything)), "kinds": of_kinds, "logs": of_logs}


def _rms(errors: FloatArray) -> float:
    return float(np.sqrt(np.mean(errors**2)))


def show(title: str, summary: dict[str, Any]) -> None:
    """Print a table: one row per kind, then that of the single logs."""
    print(f"\n{title}: {summary['mean']:.2f} over all\n{'left out':24s} {'mean':>8s} {'range %':>8s} {'sd %':>8s}")
    for name, row in summary["kinds"].items():
        print(f"{name:24s} {row['mean']:8.2f} {row['range_percent']:8.0f} {row['deviation_percent']:8.0f}")
    ranges, deviations = (
        [row[name] for row in summary["logs"].values()] for name in ("range_percent", "deviation_percent")
    )
    for name, pick in (("single log, median", np.median), ("single log, worst", np.max)):
        print(f"{name:24s} {'':8s} {pick(ranges):8.0f} {pick(deviations):8.0f}")


def main() -> None:
    """Fit, predict, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(__file__).parents[2] / "shared" / "data" / "xl330"
    parser.add_argument("logs", type=Path, nargs="?", default=default, help="folder of servo logs")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--kinds-only", action="store_true", help="all gains in every fit: a few fits instead of many")
    options = parser.parse_args()
    logs = read_servo_logs(options.logs)
    kinds, gains = sorted({log.kind for log in logs}), sorted({log.gain for log in logs})
    of_gains = [tuple(gains)] if options.kinds_only else subsets(gains)
    chosen = [(some, those) for some in subsets(kinds) if len(some) < len(kinds) for those in of_gains]
    fit = partial(fit_subset, logs=logs)
    if options.jobs > 1:
        with get_context("spawn").Pool(options.jobs) as pool:
            fits = pool.map(fit, chosen, chunksize=1)
    else:
        fits = [fit(subset) for subset in chosen]
    selections = {
        "one kind left out, all gains": [
            f for f in fits if len(f.kinds) == len(kinds) - 1 and len(f.gains) == len(gains)
        ],
        "any kinds left out, all gains": [fit for fit in fits if len(fit.gains) == len(gains)],
    }
    if not options.kinds_only:
        selections |= {
            "one kind left out, two gains or more": [
                f for f in fits if len(f.kinds) == len(kinds) - 1 and len(f.gains) > 1
            ],
            "any kinds left out, two gains or more": [f for f in fits if len(f.gains) > 1],
            "any kinds and gains left out": fits,
        }
    report = {name: {unit: summarize(some, logs, unit) for unit in UNITS} for name, some in selections.items()}
    for name, summaries in report.items():
        for unit, summary in summaries.items():
            show(f"{name} ({len(selections[name])} fits), {UNITS[unit]}", summary)
    if options.json is not None:
        rows = [
            {"kinds": f.kinds, "gains": f.gains, "physics": asdict(f.physics), "errors": _by_log(f, logs)} for f in fits
        ]
        options.json.write_text(json.dumps({"summary": report, "fits": rows}, indent=1) + "\n", encoding="utf-8")


def _by_log(fit: Fit, logs: Sequence[ServoLog]) -> dict[str, dict[str, float]]:
    """Errors on the logs that were left out."""
    return {
        unit: {log.name: float(value) for log, value in zip(logs, values, strict=True) if np.isfinite(value)}
        for unit, values in fit.errors.items()
    }


if __name__ == "__main__":
    main()
