import json
from typing import Any

import numpy as np
import pytest

from dexndm_gym.cli.evaluate import gap_table
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.envs.target_filter import TargetWindow
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.evaluation import gap
from dexndm_gym.evaluation.gap import GapConfig, GapReport, HandGap, gap_steps, measure_gap
from dexndm_gym.evaluation.plots import rotation_per_hand
from dexndm_gym.evaluation.rivals import RIVALS
from dexndm_gym.evaluation.rollout import Scores
from dexndm_gym.leap.joints import NUM_JOINTS


def scores(rotation: float) -> Scores:
    values = np.array([rotation - 1.0, rotation + 1.0])
    return Scores(
        rotation=values,
        time_to_fall=np.full(2, 20.0),
        dropped=np.zeros(2),
        rotr=20 * values,
        rotp=np.zeros(2),
        ttf=np.ones(2),
    )


@pytest.fixture
def report() -> GapReport:
    hands = [
        HandGap(seed=4, direct=scores(5.0), corrected={"physics": scores(8.0)}),
        HandGap(seed=7, direct=scores(8.0), corrected={"physics": scores(7.0)}),
        HandGap(seed=9, direct=scores(11.0), corrected={"physics": scores(9.0)}),
    ]
    return GapReport(sim=scores(10.0), hands=hands, data_minutes=3.0)


def test_shares_and_gaps_per_hand(report: GapReport) -> None:
    np.testing.assert_allclose(report.share_kept(), [0.5, 0.8, 1.1])
    np.testing.assert_allclose(report.gap_closed("physics"), [0.6, -0.5, np.nan])


def test_what_loses_nothing_does_not_count_in_the_mean(report: GapReport) -> None:
    closed = report.as_dict()["gap_closed"]["physics"]
    assert closed["mean"] == pytest.approx(0.05)
    assert closed["worst"] == pytest.approx(-0.5)
    assert closed["half_width"] == pytest.approx(1.96 * 1.1 / 2)


def test_the_table_shows_every_hand_and_the_worst(report: GapReport) -> None:
    text = gap_table(report)
    assert all(f"hand {seed}" in text for seed in (4, 7, 9))
    assert "-50 %" in text
    json.dumps(report.as_dict())


def test_the_plot_shows_every_hand_under_every_correction(report: GapReport) -> None:
    (axes,) = rotation_per_hand(report).axes
    assert {len(line.get_xdata()) for line in axes.lines if line.get_marker() == "o"} == {3}
    assert [label.get_text() for label in axes.get_yticklabels()] == ["direct transfer", "physics"]


def test_one_hand_from_recording_to_correction(wiggle: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gap, "_SIM_EPISODES", 3)
    config = GapConfig(hands=(5,), rivals=("physics",), episodes=2, data_minutes=1.0)
    told: list[str] = []
    measured = measure_gap(config, wiggle, tell=told.append)
    assert len(told) == gap_steps(config)
    assert measured.data_minutes == pytest.approx(1.0)
    assert len(measured.hands[0].direct.rotation) == 2
    assert (measured.hands[0].corrected["physics"].rotation != measured.hands[0].direct.rotation).any()


@pytest.mark.parametrize("name", ["physics", "network", "shared-network"])
def test_rivals_learn_and_correct(name: str) -> None:
    rng = np.random.default_rng(0)

    def motion(gain: float) -> Trajectory:
        target = np.cumsum(rng.normal(0, 0.02, (120, NUM_JOINTS)), axis=0)
        position = [np.zeros(NUM_JOINTS)]
        for now in target:
            position.append(position[-1] + gain * (now - position[-1]))
        return Trajectory(np.array(position), target)

    rival = RIVALS[name]
    simulated = [motion(0.8) for _ in range(4)]
    sim = rival.fit(simulated, None, 0)
    hand = rival.fit([motion(0.5) for _ in range(4)], sim, 0)
    window = np.zeros((1, 9, NUM_JOINTS))
    correction = rival.correction(hand, sim, simulated, 0)
    target, _ = correction(gap_window(window), np.full((1, NUM_JOINTS), 0.05))
    assert (target > 0.05).mean() > 0.9, "a slower hand is asked for more"


def gap_window(past: np.ndarray) -> TargetWindow:
    return TargetWindow(position=np.zeros((1, 10, NUM_JOINTS)), base_target=past, sent_target=past)


def test_wrong_wishes_are_refused() -> None:
    for wrong in ({"rivals": ("magic",)}, {"hands": ()}, {"episodes": 0}, {"data_minutes": 500.0}):
        with pytest.raises(ConfigurationError, match="at least one hand"):
            GapConfig(**wrong)
