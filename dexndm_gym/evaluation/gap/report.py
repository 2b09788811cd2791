"""What the gap suite measured, and what it comes to over all hands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from dexndm_gym.arrays import FloatArray
from dexndm_gym.dynamics.prediction_errors import PredictionErrors
from dexndm_gym.evaluation.scores import Scores

_CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class HandGap:
    """What one hand showed."""

    seed: int
    """Which hand."""

    direct: Scores
    """Without correction."""

    corrected: Mapping[str, Mapping[float, Scores]]
    """With each correction, by minutes of recordings."""

    others: Mapping[str, Scores] = field(default_factory=dict)
    """Other policies, without correction."""

    predictions: Mapping[str, Mapping[str, PredictionErrors]] = field(default_factory=dict)
    """Errors by kind of motion and model, with the most recordings; nothing where they were not measured."""


@dataclass(frozen=True, kw_only=True)
class GapReport:
    """What all hands showed."""

    sim: Scores
    """In simulation."""

    hands: Sequence[HandGap]
    """Hand by hand."""

    minutes: Sequence[float]
    """Amounts of recorded time per hand, increasing, min."""

    others_in_sim: Mapping[str, Scores] = field(default_factory=dict)
    """The other policies in simulation."""

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of the corrections; the first is the one that the others are compared with."""
        return tuple(self.hands[0].corrected)

    @property
    def others(self) -> tuple[str, ...]:
        """Names of the other policies, those that only some hands have included."""
        return tuple(dict.fromkeys(name for hand in self.hands for name in hand.others))

    def runs(self, row: str | None = None, minutes: float | None = None) -> list[Scores | None]:
        """Scores per hand.

        Args:
            row: a correction or another policy; None for direct transfer.
            minutes: recordings that a correction learned from; None for the most.
        """
        if row is None:
            return [hand.direct for hand in self.hands]
        if row in self.baselines:
            return [hand.corrected[row][minutes or self.minutes[-1]] for hand in self.hands]
        return [hand.others.get(row) for hand in self.hands]

    def share_kept(self, row: str | None = None, minutes: float | None = None) -> FloatArray:
        """Rotation as a share of what the measured policy reaches in simulation, per hand; nan where a run is missing.

        Args:
            row: as for ``runs``.
            minutes: as for ``runs``.
        """
        rotation = [np.nan if run is None else run.rotation.mean() for run in self.runs(row, minutes)]
        return np.array(rotation) / self.sim.rotation.mean()

    def gap_closed(self, row: str, minutes: float | None = None) -> FloatArray:
        """(corrected - direct) / (sim - direct) in mean rotation, per hand; nan where direct transfer loses nothing."""
        direct, corrected = self.share_kept(), self.share_kept(row, minutes)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(direct < 1.0, (corrected - direct) / (1.0 - direct), np.nan)

    def lead_over(self, row: str | None) -> dict[str, float]:
        """The first correction's rotation minus another's, as a share of the simulated, paired over hands.

        Returns:
            Mean difference, half width of its 95 % confidence interval, Student's t and two-sided p of the paired test,
            and the number of hands.
        """
        difference = self.share_kept(self.baselines[0]) - self.share_kept(row)
        known = difference[np.isfinite(difference)]
        t = float(known.mean() / (known.std(ddof=1) / np.sqrt(len(known)))) if len(known) > 1 else np.nan
        return {
            "mean": float(known.mean()),
            "half_width": interval(known)["half_width"],
            "t": t,
            "p": float(2 * stats.t.sf(abs(t), len(known) - 1)),
            "hands": len(known),
        }

    def summary(self, row: str | None = None, minutes: float | None = None) -> dict[str, Any]:
        """What a row of the table says; confidence intervals are 95 %, Student's, over hands.

        Args:
            row: as for ``runs``.
            minutes: as for ``runs``.
        """
        runs = [run for run in self.runs(row, minutes) if run is not None]
        numbers: dict[str, Any] = {
            "share": interval(self.share_kept(row, minutes)),
            "time_to_fall_s": float(np.mean([run.time_to_fall.mean() for run in runs])),
            "dropped_share": float(np.mean([run.dropped.mean() for run in runs])),
        }
        if row is not None and row in self.others_in_sim:
            numbers["in_sim"] = self.others_in_sim[row].summary()
        elif row is not None:
            numbers["gap_closed"] = interval(self.gap_closed(row, minutes))
        if row != self.baselines[0]:
            numbers["first_minus_this"] = self.lead_over(row)
        return numbers

    def predictions(self) -> dict[str, dict[str, dict[str, float]]]:
        """Prediction errors by kind of motion and model, means over the hands on which they were measured."""
        measured = [hand.predictions for hand in self.hands if hand.predictions]
        return {
            kind: {name: _means([one[kind][name].as_dict() for one in measured]) for name in models}
            for kind, models in (measured[0] if measured else {}).items()
        }

    def as_dict(self) -> dict[str, Any]:
        """The numbers as JSON can hold them."""
        return {
            "sim": self.sim.summary(),
            "minutes": list(self.minutes),
            "direct": self.summary(),
            "corrected": {
                name: {f"{minutes:g} min": self.summary(name, minutes) for minutes in self.minutes}
                for name in self.baselines
            },
            "others": {name: self.summary(name) for name in self.others},
            "prediction_errors": self.predictions(),
            "hands": [self._hand_as_dict(row) for row in range(len(self.hands))],
        }

    def _hand_as_dict(self, row: int) -> dict[str, Any]:
        hand = self.hands[row]
        return {
            "seed": hand.seed,
            "direct": hand.direct.summary(),
            "corrected": {
                name: {
                    f"{minutes:g} min": run.summary() | {"gap_closed": float(self.gap_closed(name, minutes)[row])}
                    for minutes, run in runs.items()
                }
                for name, runs in hand.corrected.items()
            },
            "others": {name: run.summary() for name, run in hand.others.items()},
        }


def interval(values: FloatArray) -> dict[str, float]:
    """Mean, half width of its confidence interval (Student's t), and the worst of the values that are numbers."""
    known = values[np.isfinite(values)]
    if not len(known):
        return {"mean": np.nan, "half_width": np.nan, "worst": np.nan}
    half = np.nan
    if len(known) > 1:
        half = stats.t.ppf((1 + _CONFIDENCE) / 2, len(known) - 1) * known.std(ddof=1) / np.sqrt(len(known))
    return {"mean": float(known.mean()), "half_width": float(half), "worst": float(known.min())}


def _means(numbers: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([one[name] for one in numbers])) for name in numbers[0]}
