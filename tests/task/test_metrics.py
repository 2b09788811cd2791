import numpy as np
import pytest

from dexndm_gym.task.metrics import RotationMetrics


def test_metrics_are_the_papers():
    metrics = RotationMetrics(2)
    for spin in (1.0, 3.0):
        metrics.add(np.array([spin, -spin]), np.array([5.0, 0.0]))
    values = metrics.values(np.array([2, 2]), 8)
    np.testing.assert_allclose(values["RotR"], [4.0, -4.0])  # summed over the steps
    np.testing.assert_allclose(values["RotP"], [5.0, 0.0])  # their mean
    np.testing.assert_allclose(values["TTF"], 0.25)  # share of the longest episode
    np.testing.assert_allclose(values["speed"], [2.0, -2.0])
    np.testing.assert_allclose(metrics.rotation, [0.2, -0.2])  # two steps of 50 ms


def test_a_new_episode_starts_from_nothing_beside_one_that_goes_on():
    metrics = RotationMetrics(2)
    metrics.add(np.ones(2), np.full(2, np.sqrt(2)))
    kept = metrics.values(np.array([1, 1]), 4)
    metrics.reset(np.array([0]))
    values = metrics.values(np.array([0, 1]), 4)
    assert [values[name].tolist() for name in ("RotR", "TTF")] == [[0.0, 1.0], [0.0, 0.25]]
    assert values["RotP"] == pytest.approx([0.0, np.sqrt(2)])
    assert kept["RotR"].tolist() == [1.0, 1.0], "values are no views"
