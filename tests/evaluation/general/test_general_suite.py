"""The suite plays what it says, and goes on where it stopped."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dexndm_gym.cli import main
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.evaluation.episodes import record_episode
from dexndm_gym.evaluation.general import episodes, suite, videos
from dexndm_gym.evaluation.general.episodes import Conditions, play, reach_goals
from dexndm_gym.evaluation.general.report import cell_rows, heat_map, random_rows
from dexndm_gym.evaluation.general.suite import CLASSES, GeneralConfig, objects_of, read_results, run_suite
from dexndm_gym.evaluation.general.videos import film_cells, telling_cells
from dexndm_gym.evaluation.scores import Scores
from dexndm_gym.grasps.start_states import load_starts
from dexndm_gym.progress import Tally
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.task.orientations import AXES, WRISTS
from dexndm_gym.training.policy import load_policy

SMALL = GeneralConfig(classes=("regular",), episodes=1, random_episodes=2, goals=2, randomize=False)
SHORT = Conditions(starts=load_starts().in_any_wrist(), randomize=False, config=TaskConfig(episode_steps=10))


class Still:
    """Holds the object."""

    def __init__(self) -> None:
        self.frames: list[np.ndarray] = []

    def predict(self, observation: Any, *, deterministic: bool = True) -> tuple[np.ndarray, None]:
        self.frames.append(observation[:, 320:])
        return np.zeros((len(observation), 16), dtype=np.float32), None


def setups(wrist: str = "palm_down", count: int = 2) -> list[Any]:
    options, rng = EpisodeOptions().updated({"object": "cube", "wrist": wrist, "axis": "+z"}), np.random.default_rng(0)
    return [options.draw(rng) for _ in range(count)]


def test_still_policy_holds_in_every_wrist() -> None:
    scores = play(Still(), [one for wrist in WRISTS for one in setups(wrist)], SHORT, Tally(None, 1))
    assert scores.dropped.sum() == 0
    np.testing.assert_allclose(scores.ttf, 1.0)
    assert np.abs(scores.rotation).max() < 0.2


def test_policy_sees_each_hands_wrist_and_axis() -> None:
    policy = Still()
    play(policy, [*setups("palm_up", 1), *setups("base_up", 1)], SHORT, Tally(None, 1))
    np.testing.assert_allclose(policy.frames[0][:, :4], [WRISTS["palm_up"], WRISTS["base_up"]], atol=1e-6)
    np.testing.assert_allclose(policy.frames[0][:, 4:], [AXES["+z"]] * 2)


def test_goal_axis_is_that_of_the_rotation_left() -> None:
    policy, wanted = Still(), setups(count=1)
    play(policy, wanted, SHORT, Tally(None, 1))
    half = 0.5 * 1.0
    turned = np.array([[np.cos(half), 0.0, np.sin(half), 0.0]])
    watched = Still()
    near = reach_goals(watched, wanted, turned, SHORT, Tally(None, 1), tolerance=np.pi)
    assert near.tolist() == [True]
    assert reach_goals(watched, wanted, turned, SHORT, Tally(None, 1), tolerance=1e-3).tolist() == [False]
    np.testing.assert_allclose(np.linalg.norm(watched.frames[0][:, 4:], axis=1), 1.0, atol=1e-5)


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    return json.loads(json.dumps(list(run_suite(SMALL, Still()))[-1]))


@pytest.mark.timeout(300)
def test_suite_has_every_cell(results: dict[str, Any]) -> None:
    assert len(results["cells"]["regular"]) == 36
    assert set(results["random"]) == {"+-x", "+-y", "+-z", "26 axes"}
    assert results["goals"]["episodes"] == 2
    assert len(cell_rows(results["cells"]["regular"])) == 6
    assert len(random_rows(results)) == 4
    assert len(heat_map(results).axes) == 2


def test_finished_parts_are_not_played_again(results: dict[str, Any], tmp_path: Path) -> None:
    class Never(Still):
        def predict(self, observation: Any, *, deterministic: bool = True) -> Any:
            raise AssertionError("nothing is left to play")

    told: list[tuple[int, int, str]] = []
    assert not list(run_suite(SMALL, Never(), done=results, progress=lambda *state: told.append(state)))
    assert told[-1][:2] == (SMALL.total, SMALL.total)
    (tmp_path / "r.json").write_text(json.dumps(results))
    with pytest.raises(ConfigurationError, match="another policy"):
        read_results(tmp_path / "r.json", SMALL, "mine")
    (tmp_path / "r.json").write_text(json.dumps(results | {"digest": "mine"}))
    assert read_results(tmp_path / "r.json", SMALL, "mine") == results | {"digest": "mine"}
    with pytest.raises(ConfigurationError, match="other options"):
        read_results(tmp_path / "r.json", GeneralConfig(episodes=3), "mine")


@pytest.mark.parametrize("name", CLASSES)
def test_every_object_of_a_class_is_played(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[str] = []

    def play_none(policy: Any, setups: list[Any], *_: Any) -> Any:
        played.extend(str(setup.scene.object) for setup in setups)
        ones = np.ones(len(setups))
        return Scores(rotation=ones, time_to_fall=ones, dropped=ones, rotr=ones, rotp=ones, ttf=ones)

    monkeypatch.setattr(suite, "play", play_none)
    config = GeneralConfig(classes=(name,), episodes=1)
    next(run_suite(config, Still()))
    counts = [played.count(item) for item in objects_of(name)]
    assert max(counts) - min(counts) <= 1, "in turn"


def test_later_hands_start_from_other_states(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(episodes, "_MOST_HANDS", 1)
    starts: list[np.ndarray] = []

    class Seeing(Still):
        def predict(self, observation: Any, *, deterministic: bool = True) -> Any:
            starts.append(observation[:, 288:304])
            return super().predict(observation)

    play(Seeing(), setups(count=1) * 2, SHORT, Tally(None, 1))
    assert np.abs(starts[0] - starts[len(starts) // 2]).max() > 1e-4, "the first step of either hand"


def test_unseen_objects_belong_to_no_other_class() -> None:
    with pytest.raises(ConfigurationError, match="'round'"):
        GeneralConfig(classes=("round",))
    others = {item for name in CLASSES if name != "unseen" for item in objects_of(name)}
    assert not others & set(objects_of("unseen"))
    assert len(objects_of("unseen")) > 10


def test_videos_show_best_median_and_worst_cell() -> None:
    cells = {f"cell {k}": {"rotation_rad_mean": float(value)} for k, value in enumerate((3, -1, 7, 2, 5))}
    assert telling_cells(cells) == ["cell 2", "cell 0", "cell 1"]


def test_classes_are_filmed_in_their_wrists(results: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    class OneHand(Still):
        def predict(self, observation: Any, *, deterministic: bool = True) -> tuple[np.ndarray, None]:
            return np.zeros(16, dtype=np.float32), None

    short = record_episode(OneHand(), gym.make("LeapRotate-Sim-v0", config=TaskConfig(episode_steps=4)), seed=0)
    played, ups = [], []

    def make(**options: Any) -> Any:
        played.append((options["wrist"], options["axis"], options["starts"]))
        return gym.make("LeapRotate-Sim-v0")

    class Renderer(videos.HandRenderer):
        def __init__(self, *, up: Any, **options: Any) -> None:
            ups.append(tuple(up))
            super().__init__(up=up, **options)

    monkeypatch.setattr(videos, "make_sim_env", make)
    monkeypatch.setattr(videos, "record_episode", lambda *_, **__: short)
    monkeypatch.setattr(videos, "HandRenderer", Renderer)
    assert list(film_cells(OneHand(), results, SMALL)) == ["regular"]
    shown = [cell.split() for cell in telling_cells(results["cells"]["regular"])]
    assert played == [(wrist, axis, "grasps") for wrist, axis in shown]
    turns = Rotation.from_quat([np.roll(WRISTS[wrist], -1) for wrist, _ in shown])  # scipy has w last
    np.testing.assert_allclose(ups, turns.inv().apply([0.0, 0.0, 1.0]), atol=1e-9)


def test_finished_suite_is_shown_again(
    results: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, config = tmp_path / "results.json", GeneralConfig(classes=("regular",), episodes=1)
    path.write_text(json.dumps(results | {"config": asdict(config), "digest": load_policy().digest()}))
    assert main(["evaluate", "--suite", "general", "--classes", "regular", "--episodes", "1", "--json", str(path)]) == 0
    assert "regular: rad/s" in capsys.readouterr().out
