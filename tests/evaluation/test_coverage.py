import json

import numpy as np
import pytest

from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.evaluation.coverage import coverage_figure, measure_coverage
from dexndm_gym.hand.joints import LOWER_LIMITS, UPPER_LIMITS


def ramp(share: float, current: float | None, **metadata: str) -> Trajectory:
    """Every joint runs evenly through the lower share of its range in 10 s."""
    way = np.linspace(0.0, share, 201)[:, None]
    position = LOWER_LIMITS + way * (UPPER_LIMITS - LOWER_LIMITS)
    load = None if current is None else np.full(position.shape, -current)
    return Trajectory(position, position[1:], metadata, load)


def test_range_speed_load_and_time_by_setting() -> None:
    free = ramp(0.5, 0.1, surroundings="free", wrist="palm_up", motion="waves")
    coverage = measure_coverage([free, free, ramp(0.5, 0.3, surroundings="balls"), ramp(0.5, None)])
    assert coverage.minutes == pytest.approx({"free, palm_up, waves": 1 / 3, "balls": 1 / 6, "not noted": 1 / 6})
    np.testing.assert_allclose(coverage.share_of_range, 0.49, atol=0.01)
    np.testing.assert_allclose(coverage.speed.quantiles[1], (UPPER_LIMITS - LOWER_LIMITS) / 20, rtol=1e-6)
    assert coverage.load is not None
    np.testing.assert_allclose(coverage.load.quantiles[:, 0], [0.1, 0.1, 0.3])
    for quantity in (coverage.position, coverage.speed, coverage.load):
        np.testing.assert_allclose(quantity.share.sum(axis=1), 1.0)
    assert (coverage.position.share[:, 21:] == 0).all(), "nothing in the upper half of the range"
    json.dumps(coverage.as_dict())
    assert len(coverage_figure(coverage).axes) == 3


def test_recordings_without_currents() -> None:
    coverage = measure_coverage([ramp(1.0, None)])
    assert coverage.load is None
    assert coverage.as_dict()["load_a"] is None
    assert len(coverage_figure(coverage).axes) == 2


def test_nothing_to_measure() -> None:
    with pytest.raises(ConfigurationError, match="at least one"):
        measure_coverage([])
