"""Simulation, direct run and corrected run side by side: the numbers that say how much of the gap is closed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.dynamics.fit import FitReport
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.evaluation.episodes import EpisodeRecord

RUNS = {"sim": "simulation", "direct": "direct transfer", "corrected": "corrected"}
"""The three runs in order, with the names that people read."""


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """What the episodes of one run measured."""

    rotation_rad_mean: float
    """Rotation about the wanted axis until the end of the episode, mean, rad."""

    rotation_rad_std: float
    """Its standard deviation over the episodes, rad."""

    time_to_fall_s_mean: float
    """Time until the object was lost, or the episode's length where it was not, mean, s."""

    episodes: int
    """Number of episodes."""

    @classmethod
    def of(cls, episodes: Sequence[EpisodeRecord]) -> "RunSummary":
        """Summarize episodes."""
        rotation = np.array([episode.rotation[-1] for episode in episodes])
        return cls(
            rotation_rad_mean=float(rotation.mean()),
            rotation_rad_std=float(rotation.std()),
            time_to_fall_s_mean=float(np.mean([episode.seconds for episode in episodes])),
            episodes=len(episodes),
        )

    def as_dict(self) -> dict[str, float]:
        """The summary as JSON can hold it."""
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class FittedModels:
    """The models of the simulated hand and of the hand itself, and how well each predicts the hand."""

    sim: JointwiseModel
    """Of the simulation that the policy knows; the fit started from it."""

    hand: JointwiseModel
    """Fine-tuned on what the hand did."""

    report: FitReport
    """What the fit achieved on held-out trajectories."""

    joint_error_before: FloatArray
    """One-step error of the simulation's model on held-out trajectories of the hand, rms, (16,), rad."""

    joint_error_after: FloatArray
    """The same of the hand's model."""


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """All that one demonstration measured."""

    hand_seed: int
    """Which virtual hand."""

    runs: Mapping[str, Sequence[EpisodeRecord]]
    """Episodes by the names of ``RUNS``; the same objects and seeds in each."""

    models: FittedModels
    """What was fitted, and how well."""

    data_minutes: float
    """Hand time that the fit saw, min."""

    wall_s: float
    """Duration of it all, s."""

    def summary(self, run: str) -> RunSummary:
        """Summary of one run."""
        return RunSummary.of(self.runs[run])

    @property
    def gap_closed(self) -> float | None:
        """(corrected - direct) / (sim - direct) in mean rotation; None where direct transfer loses nothing."""
        sim, direct, corrected = (self.summary(run).rotation_rad_mean for run in RUNS)
        return (corrected - direct) / (sim - direct) if sim > direct else None

    def as_dict(self) -> dict[str, Any]:
        """The numbers as JSON can hold them."""
        return {
            **{run: self.summary(run).as_dict() for run in RUNS},
            "gap_closed": self.gap_closed,
            "data_minutes": self.data_minutes,
            "wall_s": self.wall_s,
            "hand_seed": self.hand_seed,
            "fit": self.models.report.as_dict(),
        }
