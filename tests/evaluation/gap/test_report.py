import json
import math

import numpy as np
import pytest

from dexndm_gym.cli.gap_tables import gap_text
from dexndm_gym.dynamics.prediction_errors import PredictionErrors
from dexndm_gym.evaluation.gap.plots import gap_plots
from dexndm_gym.evaluation.gap.report import GapReport, HandGap, interval
from dexndm_gym.evaluation.scores import Scores


def scores(rotation: float) -> Scores:
    values = np.array([rotation - 1.0, rotation + 1.0])
    return Scores(
        rotation=values, time_to_fall=np.full(2, 20.0), dropped=np.zeros(2), rotr=values, rotp=values, ttf=values
    )


@pytest.fixture
def report() -> GapReport:
    errors = PredictionErrors(one_step_rms=0.002, ten_steps=0.004, open_loop=0.01)
    direct, ours, baseline = (5.0, 8.0, 11.0), (8.0, 7.0, 9.0), (7.0, 5.0, 6.0)
    hands = [
        HandGap(
            seed=seed,
            direct=scores(direct[i]),
            corrected={
                "physics": {1.0: scores(6.0), 3.0: scores(ours[i])},
                "other": dict.fromkeys((1.0, 3.0), scores(baseline[i])),
            },
            others={"own physics": scores(9.5)} if seed == 7 else {},
            predictions={"empty": {"physics": errors}} if seed == 4 else {},
        )
        for i, seed in enumerate((4, 7, 9))
    ]
    return GapReport(sim=scores(10.0), hands=hands, minutes=(1.0, 3.0))


def test_shares_and_gaps_per_hand(report: GapReport) -> None:
    np.testing.assert_allclose(report.share_kept(), [0.5, 0.8, 1.1])
    np.testing.assert_allclose(report.gap_closed("physics"), [0.6, -0.5, np.nan])
    np.testing.assert_allclose(report.share_kept("physics", 1.0), 0.6)
    np.testing.assert_allclose(report.share_kept("own physics"), [np.nan, 0.95, np.nan])


def test_hands_without_gap_leave_the_mean(report: GapReport) -> None:
    closed = report.summary("physics")["gap_closed"]
    assert closed["mean"] == pytest.approx(0.05)
    assert closed["worst"] == pytest.approx(-0.5)
    assert closed["half_width"] == pytest.approx(12.706 * 1.1 / 2, rel=1e-4), "Student's, with one degree of freedom"


def test_first_baseline_is_compared_hand_by_hand(report: GapReport) -> None:
    lead = report.summary("other")["first_minus_this"]
    assert (lead["mean"], lead["hands"]) == (pytest.approx(0.2), 3)
    assert lead["t"] == pytest.approx(0.2 / (0.1 / math.sqrt(3)))
    assert lead["p"] == pytest.approx(0.0742, abs=1e-4)
    assert "first_minus_this" not in report.summary("physics")
    assert math.isnan(report.lead_over("own physics")["p"]), "one hand proves nothing"


def test_nothing_known_has_no_interval() -> None:
    assert all(math.isnan(value) for value in interval(np.array([np.nan])).values())


def test_the_tables_show_every_hand_and_the_worst(report: GapReport) -> None:
    text = gap_text(report)
    assert all(f"hand {seed}" in text for seed in (4, 7, 9))
    assert all(part in text for part in ("-50 %", "physics minus it", "0.074", "gap closed by", "1 step rms"))
    assert "nan" not in text, "a policy that played one hand has a mean without an interval"
    json.dumps(report.as_dict())


def test_the_plots_show_what_was_measured(report: GapReport) -> None:
    plots = gap_plots(report)
    assert set(plots) == {"rotation", "data", "predictions"}
    (axes,) = plots["rotation"].axes
    assert {len(np.asarray(line.get_xdata())) for line in axes.lines if line.get_marker() == "o"} == {3}
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["direct transfer", "physics", "other", "own physics"]
