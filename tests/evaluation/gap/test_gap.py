from collections import Counter
from typing import Any

import numpy as np
import pytest

from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.distributed import WorkersConfig
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.evaluation.gap import suite
from dexndm_gym.evaluation.gap.baselines import BASELINES
from dexndm_gym.evaluation.gap.suite import GapConfig, Policies, measure_gap
from dexndm_gym.evaluation.scores import Scores
from dexndm_gym.filters.target_filter import TargetWindow
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.training.policy import load_policy


def test_one_hand_from_recording_to_correction(wiggle: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "_SIM_EPISODES", 3)
    config = GapConfig(hands=(5,), baselines=("default",), episodes=2, data_minutes=(1.0,))
    told: list[tuple[int, int, str]] = []
    measured = measure_gap(config, Policies(main=wiggle), progress=lambda *state: told.append(state))
    assert [(done, total) for done, total, _ in told] == [(k + 1, len(told)) for k in range(len(told))]
    (hand,) = measured.hands
    assert len(hand.direct.rotation) == 2
    assert (hand.corrected["default"][1.0].rotation != hand.direct.rotation).any()


@pytest.mark.slow
def test_hands_measured_elsewhere_show_the_same(wiggle: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "_SIM_EPISODES", 3)
    config = GapConfig(hands=(6, 5), baselines=("default",), episodes=2, data_minutes=(1.0,))
    policies = Policies(main=load_policy())
    told: list[tuple[int, int]] = []
    workers = WorkersConfig(processes=2)
    there = measure_gap(config, policies, workers=workers, progress=lambda *state: told.append(state[:2]))
    assert told == [(k + 1, len(told)) for k in range(len(told))]
    assert [hand.seed for hand in there.hands] == [6, 5]
    assert there.as_dict() == measure_gap(config, policies).as_dict()


def test_all_that_can_be_measured_beside(wiggle: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    corrections: list[Any] = []

    def play(policy: Any, hand: Any, config: GapConfig, correction: Any = None) -> Scores:
        corrections.append(correction)
        return Scores(
            **dict.fromkeys(("rotation", "time_to_fall", "dropped", "rotr", "rotp", "ttf"), np.full(2, policy.size))
        )

    recorded = Counter[tuple[str, int]]()
    record = suite.replay_at_once

    def replay(hand: Any, replays: Any, options: Any, **scene: Any) -> list[Trajectory]:
        recorded[type(hand).__name__, hand.num_hands] += 1
        return record(hand, replays, options, **scene)

    monkeypatch.setattr(suite, "_play", play)
    monkeypatch.setattr(suite, "replay_at_once", replay)
    monkeypatch.setattr(suite, "_AT_ONCE", 4)
    monkeypatch.setattr(suite, "_TEST_EPISODES", 1)
    monkeypatch.setattr(suite, "TESTS", {kind: suite.TESTS[kind] for kind in ("empty", "empty, palm down")})
    config = GapConfig(hands=(5,), baselines=("physics",), data_minutes=(2.0, 1.0), predicted_hands=1)
    policies = Policies(main=wiggle, others={"calm": type(wiggle)(0.1)}, ceilings={5: type(wiggle)(0.4), 6: wiggle})
    told: list[tuple[int, int, str]] = []
    measured = measure_gap(config, policies, progress=lambda *state: told.append(state))
    assert [(done, total) for done, total, _ in told] == [(k + 1, len(told)) for k in range(len(told))]
    assert measured.minutes == [1.0, 2.0]
    assert {name: measured.share_kept(name)[0] for name in measured.others} == {"calm": 0.5, suite.CEILING: 2.0}
    assert sum(correction is not None for correction in corrections) == 2
    assert recorded == {("MujocoHand", 4): 1, ("VirtualHand", 4): 1, ("VirtualHand", 2): 1, ("VirtualHand", 1): 2}
    predictions = measured.hands[0].predictions
    upright, turned = (predictions[kind]["physics"].one_step_rms for kind in ("empty", "empty, palm down"))
    assert upright < predictions["empty"]["stays where it is"].one_step_rms
    assert turned > 1.5 * upright, "gravity pulls the other way"


@pytest.mark.parametrize("name", ["default", "physics", "joint-network", "shared-network", "delta-action"])
def test_rivals_learn_and_correct(name: str) -> None:
    rng = np.random.default_rng(0)

    def motion(gain: float) -> Trajectory:
        target = np.cumsum(rng.normal(0, 0.02, (120, NUM_JOINTS)), axis=0)
        position = [np.zeros(NUM_JOINTS)]
        for now in target:
            position.append(position[-1] + gain * (now - position[-1]))
        return Trajectory(np.array(position), target)

    baseline = BASELINES[name]
    simulated = [motion(0.8) for _ in range(4)]
    sim = baseline.fit_simulation(simulated, 0)
    recorded = [motion(0.5) for _ in range(4)]
    window = np.zeros((1, 9, NUM_JOINTS))
    learned = baseline.learn(recorded, sim, simulated, 0)
    target, _ = learned.correction(gap_window(window), np.full((1, NUM_JOINTS), 0.05))
    assert (target > 0.05).mean() > 0.9, "a slower hand is asked for more"


def gap_window(past: np.ndarray) -> TargetWindow:
    return TargetWindow(position=np.zeros((1, 10, NUM_JOINTS)), target=past, command=past)


@pytest.mark.parametrize(
    "wrong",
    [{"baselines": ("magic",)}, {"baselines": ()}, {"hands": ()}, {"episodes": 0}, {"data_minutes": (500.0,)}],
    ids=str,
)
def test_wrong_wishes_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong)).removesuffix("s")):
        GapConfig(**wrong)
