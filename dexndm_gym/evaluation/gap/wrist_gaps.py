"""The gap in several wrist orientations, and what it comes to over all of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.distributed.workers_config import IN_THIS_PROCESS, WorkersConfig
from dexndm_gym.evaluation.gap.report import GapReport, interval
from dexndm_gym.evaluation.gap.suite import GapConfig, Policies, count_runs, measure_gap
from dexndm_gym.progress import Progress, Tally


@dataclass(frozen=True, kw_only=True)
class WristGaps:
    """What the same hands showed in each wrist orientation."""

    reports: Mapping[str, GapReport]
    """By the name of the wrist orientation."""

    @property
    def first(self) -> str:
        """The correction that is summed up."""
        return next(iter(self.reports.values())).baselines[0]

    def shares(self, row: str | None) -> FloatArray:
        """Rotation as a share of that in simulation in the same wrist, (wrists, hands); rows as in ``GapReport``."""
        return np.array([report.share_kept(row) for report in self.reports.values()])

    def summary(self, row: str | None) -> dict[str, Any]:
        """Mean over hands and wrists, its 95 % confidence interval over hands, and the worst (hand, wrist)."""
        shares, names = self.shares(row), list(self.reports)
        wrist, hand = divmod(int(np.argmin(shares)), shares.shape[1])
        return interval(shares.mean(axis=0)) | {
            "worst": float(shares[wrist, hand]),
            "worst_wrist": names[wrist],
            "worst_hand": self.reports[names[wrist]].hands[hand].seed,
        }

    def losing(self) -> list[str]:
        """The wrists in which, on average over hands, the first correction turns less than direct transfer does."""
        lost = self.shares(self.first).mean(axis=1) < self.shares(None).mean(axis=1)
        return [name for name, loses in zip(self.reports, lost, strict=True) if loses]

    def as_dict(self) -> dict[str, Any]:
        """The numbers as JSON can hold them."""
        return {
            "corrected_over_simulated": self.summary(self.first),
            "direct_over_simulated": self.summary(None),
            "correction_loses_in": self.losing(),
            "wrists": {name: report.as_dict() for name, report in self.reports.items()},
        }


def measure_wrists(
    config: GapConfig,
    wrists: Sequence[str],
    policies: Policies,
    *,
    workers: WorkersConfig = IN_THIS_PROCESS,
    progress: Progress | None = None,
) -> Iterator[WristGaps]:
    """``measure_gap`` in one wrist orientation after the other, each with models of its own: a joint's load is another.

    Args:
        config: what to compare; its ``wrist`` does not count.
        wrists: names of the wrist orientations.
        policies: trained in simulation.
        workers: where hands are measured; the numbers do not depend on it.
        progress: told after each run and fit how many there have been, of how many in all wrists, and what it was.

    Yields:
        What has been measured so far, after every wrist.
    """
    tally = Tally(progress, len(wrists) * count_runs(config, policies))
    reports: dict[str, GapReport] = {}
    for wrist in wrists:

        def tell(done: int, total: int, note: str, wrist: str = wrist) -> None:
            tally(note=f"{wrist}: {note}")

        reports[wrist] = measure_gap(replace(config, wrist=wrist), policies, workers=workers, progress=tell)
        yield WristGaps(reports=dict(reports))
