import json
from typing import Any

import numpy as np
import pytest

from dexndm_gym.backends.virtual_hand import VirtualHand
from dexndm_gym.cli.gap_tables import wrists_text
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.evaluation.gap import suite
from dexndm_gym.evaluation.gap.report import GapReport, HandGap
from dexndm_gym.evaluation.gap.suite import GapConfig, Policies
from dexndm_gym.evaluation.gap.wrist_gaps import WristGaps, measure_wrists
from dexndm_gym.evaluation.scores import Scores
from dexndm_gym.grasps.palm_rest import CANONICAL_POSE


def scores(rotation: float) -> Scores:
    return Scores(**dict.fromkeys(("rotation", "time_to_fall", "dropped", "rotr", "rotp", "ttf"), np.full(2, rotation)))


def report(sim: float, direct: tuple[float, float], corrected: tuple[float, float]) -> GapReport:
    hands = [
        HandGap(seed=seed, direct=scores(before), corrected={"default": {1.0: scores(after)}})
        for seed, before, after in zip((4, 7), direct, corrected, strict=True)
    ]
    return GapReport(sim=scores(sim), hands=hands, minutes=(1.0,))


@pytest.fixture
def gaps() -> WristGaps:
    return WristGaps(
        reports={"palm_up": report(10.0, (5.0, 9.0), (10.0, 8.0)), "base_up": report(4.0, (2.0, 2.0), (1.0, 2.0))}
    )


def test_each_wrist_counts_as_a_share_of_its_own_simulation(gaps: WristGaps) -> None:
    np.testing.assert_allclose(gaps.shares("default"), [[1.0, 0.8], [0.25, 0.5]])
    summary = gaps.summary("default")
    assert summary["mean"] == pytest.approx((0.625 + 0.65) / 2)
    assert summary["half_width"] == pytest.approx(12.706 * 0.025 / 2, rel=1e-3), "over hands: 0.625 and 0.65"
    assert (summary["worst"], summary["worst_wrist"], summary["worst_hand"]) == (0.25, "base_up", 4)


def test_wrists_in_which_the_correction_loses_are_named(gaps: WristGaps) -> None:
    assert gaps.losing() == ["base_up"]
    text = wrists_text(gaps)
    assert "wrists in which the correction loses: base_up" in text
    assert "worst 25 %, hand 4 base_up" in text
    assert json.loads(json.dumps(gaps.as_dict()))["correction_loses_in"] == ["base_up"]


def test_hands_are_recorded_and_played_in_the_wrist(wiggle: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded: list[tuple[str, str, np.ndarray]] = []
    played: list[tuple[str, str]] = []
    record = suite.replay_at_once

    def replay(hand: Any, replays: Any, options: Any, *, wrist: str) -> list[Trajectory]:
        found = record(hand, [one.cut(0, 25) for one in replays], options, wrist=wrist)
        recorded.append((type(hand).__name__, wrist, found[0].command[0]))
        return found

    def play(policy: Any, hand: Any, config: GapConfig, correction: Any = None) -> Scores:
        played.append((type(hand).__name__, config.wrist))
        return scores(1.0)

    monkeypatch.setattr(suite, "replay_at_once", replay)
    monkeypatch.setattr(suite, "_play", play)
    monkeypatch.setattr(suite, "simulate", lambda *_, **__: [Trajectory(*still())] * 3)
    config = GapConfig(hands=(5,), baselines=("physics",), data_minutes=(1.0,), starts="grasps")
    *_, last = measure_wrists(config, ("palm_down", "thumb_up"), Policies(main=wiggle))
    assert list(last.reports) == ["palm_down", "thumb_up"]
    assert [(kind, wrist) for kind, wrist, _ in recorded] == [
        (kind, wrist) for wrist in last.reports for kind in ("MujocoHand", "VirtualHand")
    ]
    assert all(np.abs(first - CANONICAL_POSE).max() < 1.0 for _, _, first in recorded)
    assert {wrist for kind, wrist in played if kind == VirtualHand.__name__} == {"palm_down", "thumb_up"}


def still() -> tuple[np.ndarray, np.ndarray]:
    wave = 0.1 * np.sin(np.arange(401) / 5.0)[:, None]
    return CANONICAL_POSE + wave, CANONICAL_POSE + wave[:-1]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"wrist": "palm_sideways"}, "palm_up"),
        ({"objects": ("cub",)}, "cube"),
        ({"axes": ("+w",)}, "axis"),
        ({"predicted_hands": 1, "wrist": "palm_down"}, "palm up"),
    ],
)
def test_wrong_scenes_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        GapConfig(**wrong)
