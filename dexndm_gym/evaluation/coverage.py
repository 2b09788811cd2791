"""What recordings cover: where the joints were, how fast they moved and how hard their servos pulled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import CONTROL_HZ
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.hand.joints import JOINT_NAMES, LOWER_LIMITS, UPPER_LIMITS

SETTING = ("surroundings", "wrist", "motion")
"""Metadata by which hand time is counted."""

_BINS = 40
_SPEED, _LOAD = 3.0, 0.6  # ends of the histograms, rad/s and A; what lies beyond counts into the last bin
_OUTER = (0.01, 0.99)


@dataclass(frozen=True, kw_only=True, eq=False)
class Quantity:
    """One measured quantity of every joint."""

    edges: FloatArray
    """Edges of the bins, (bins + 1,); of positions as a share of the joint's range."""

    share: FloatArray
    """Share of the time in each bin, (joints, bins)."""

    quantiles: FloatArray
    """1 %, median and 99 %, (3, joints), in the quantity's own unit."""


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What recordings cover."""

    minutes: dict[str, float]
    """Hand time of each setting, min."""

    position: Quantity
    """Joint positions, rad."""

    speed: Quantity
    """Joint speeds, rad/s, from one control period to the next."""

    load: Quantity | None
    """Sizes of the servo currents, A; None where they were not recorded."""

    @property
    def share_of_range(self) -> FloatArray:
        """How much of each joint's range lies between the 1 % and the 99 % quantile of its positions, (joints,)."""
        low, _, high = self.position.quantiles
        return (high - low) / (UPPER_LIMITS - LOWER_LIMITS)

    def as_dict(self) -> dict[str, Any]:
        """The numbers as JSON can hold them."""
        quantities = {"position_rad": self.position, "speed_rad_s": self.speed, "load_a": self.load}
        return {
            "minutes": self.minutes,
            "joints": list(JOINT_NAMES),
            "share_of_range": self.share_of_range.tolist(),
            **{
                name: quantity
                and {field: getattr(quantity, field).tolist() for field in ("edges", "share", "quantiles")}
                for name, quantity in quantities.items()
            },
        }


def measure_coverage(trajectories: Sequence[Trajectory]) -> Coverage:
    """Measure what trajectories of a hand cover.

    Raises:
        ConfigurationError: there are none.
    """
    if not trajectories:
        raise ConfigurationError("expected at least one trajectory to measure the coverage of, got none")
    minutes: dict[str, float] = {}
    for one in trajectories:
        name = ", ".join(str(one.metadata[key]) for key in SETTING if key in one.metadata) or "not noted"
        minutes[name] = minutes.get(name, 0.0) + one.seconds / 60
    position = np.concatenate([one.position for one in trajectories])
    speed = np.concatenate([np.abs(np.diff(one.position, axis=0)) * CONTROL_HZ for one in trajectories])
    currents = [np.abs(one.current) for one in trajectories if one.current is not None]
    relative = (position - LOWER_LIMITS) / (UPPER_LIMITS - LOWER_LIMITS)
    return Coverage(
        minutes=minutes,
        position=_quantity(relative, position, 1.0),
        speed=_quantity(speed, speed, _SPEED),
        load=_quantity(np.concatenate(currents), np.concatenate(currents), _LOAD) if currents else None,
    )


def _quantity(binned: FloatArray, values: FloatArray, end: float) -> Quantity:
    edges = np.linspace(0.0, end, _BINS + 1)
    counts = [np.histogram(np.clip(column, 0.0, end), edges)[0] for column in binned.T]
    low, high = _OUTER
    return Quantity(
        edges=edges, share=np.array(counts) / len(binned), quantiles=np.quantile(values, [low, 0.5, high], axis=0)
    )


def coverage_figure(coverage: Coverage) -> Figure:
    """One row per joint, darker where it spent more time; marks at the 1 %, 50 % and 99 % quantiles."""
    panels = [("position, share of the joint's range", coverage.position), ("speed, rad/s", coverage.speed)]
    panels += [] if coverage.load is None else [("servo current, A", coverage.load)]
    figure = Figure(figsize=(1.2 + 3.6 * len(panels), 4.6), layout="constrained")
    rows = np.arange(len(JOINT_NAMES))
    for axes, (label, quantity) in zip(figure.subplots(1, len(panels), sharey=True), panels, strict=True):
        # Shares span decades; their roots show the rare as well.
        axes.pcolormesh(quantity.edges, np.arange(len(rows) + 1) - 0.5, np.sqrt(quantity.share), cmap="Blues")
        marks = quantity.quantiles
        if quantity is coverage.position:
            marks = (marks - LOWER_LIMITS) / (UPPER_LIMITS - LOWER_LIMITS)
        for mark, size in zip(marks, (8, 14, 8), strict=True):
            axes.plot(mark, rows, "|", color="#e07a2f", markersize=size, markeredgewidth=1.5)
        axes.set(xlabel=label, xlim=(0.0, quantity.edges[-1]), ylim=(len(rows) - 0.5, -0.5))
        axes.set_yticks(rows, JOINT_NAMES, fontsize=8)
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
    return figure
