"""Gravity rises where it should, falls where it must, and nowhere else."""

import pickle

import numpy as np
import pytest

from dexndm_gym.objects.scene import GRAVITY
from dexndm_gym.task.gravity_curriculum import GravityConfig, GravityCurriculum
from dexndm_gym.task.options import EpisodeOptions

CONFIG = GravityConfig(start=0.2, step=0.1, rotation=4.0, dropped=0.3, episodes=4)
SETS = [("round", ("cylinder", "ellipsoid")), ("square", ("cube",))]


def episode(item: str = "cube", wrist: str = "palm_down", axis: str = "+z"):
    options = EpisodeOptions().updated({"object": item, "wrist": wrist, "axis": axis})
    return options.draw(np.random.default_rng(0))


def play(curriculum: GravityCurriculum, rotations: list[float], drops: list[bool], item: str = "cube") -> None:
    cell = curriculum.cell(episode(item))
    version = curriculum.version(cell)
    for rotation, dropped in zip(rotations, drops, strict=True):
        curriculum.record(cell, version, rotation=rotation, time=20.0, dropped=dropped)


def pull(curriculum: GravityCurriculum, **what: str) -> float:
    return float(np.linalg.norm(curriculum.lightened(episode(**what)).scene.gravity) / GRAVITY)


def test_success_raises_gravity_of_its_cell_only() -> None:
    curriculum = GravityCurriculum(CONFIG, SETS)
    play(curriculum, [5.0] * 4, [False] * 4)
    assert pull(curriculum) == pytest.approx(0.3)
    assert pull(curriculum, wrist="palm_up") == pull(curriculum, axis="-z") == pull(curriculum, item="cylinder") == 0.2


@pytest.mark.parametrize(
    ("rotation", "drops", "expected"),
    [
        (3.9, [False] * 4, 0.2),
        (5.0, [True, True, False, False], 0.2),
        (5.0, [False] * 3, 0.2),
        (5.0, [True, False, False, False], 0.3),
    ],
)
def test_gravity_waits_for_enough_good_episodes(rotation: float, drops: list[bool], expected: float) -> None:
    curriculum = GravityCurriculum(CONFIG, SETS)
    play(curriculum, [rotation] * len(drops), drops)
    assert pull(curriculum) == pytest.approx(expected)


def test_many_drops_lower_gravity_but_not_below_start() -> None:
    curriculum = GravityCurriculum(CONFIG, SETS)
    play(curriculum, [5.0] * 4, [False] * 4)
    play(curriculum, [5.0] * 4, [True, True, True, False])
    assert pull(curriculum) == pytest.approx(0.2)
    play(curriculum, [0.0] * 4, [True] * 4)
    assert pull(curriculum) == pytest.approx(0.2)


def test_episodes_begun_before_a_change_do_not_count() -> None:
    curriculum = GravityCurriculum(CONFIG, SETS)
    cell = curriculum.cell(episode())
    old = curriculum.version(cell)
    play(curriculum, [5.0] * 4, [False] * 4)
    for _ in range(8):
        curriculum.record(cell, old, rotation=9.0, time=20.0, dropped=False)
    assert pull(curriculum) == pytest.approx(0.3)


def test_gravity_never_exceeds_standard_and_keeps_direction() -> None:
    curriculum = GravityCurriculum(CONFIG, SETS)
    for _ in range(20):
        play(curriculum, [5.0] * 4, [False] * 4)
    np.testing.assert_allclose(curriculum.lightened(episode()).scene.gravity, episode().scene.gravity)


def test_report_gives_speed_and_drops() -> None:
    curriculum = GravityCurriculum(CONFIG, SETS)
    play(curriculum, [4.0, 8.0], [False, True])
    (cell,) = curriculum.report()
    assert (cell.wrist, cell.axis, cell.objects, cell.episodes) == ("palm_down", "+z", "square", 2)
    assert (cell.speed, cell.dropped, cell.gravity) == pytest.approx((0.3, 0.5, 0.2))


def test_copies_go_on_alike() -> None:
    curriculum = GravityCurriculum(CONFIG, SETS)
    play(curriculum, [5.0] * 3, [False] * 3)
    copy = pickle.loads(pickle.dumps(curriculum))
    for one in (curriculum, copy):
        play(one, [5.0], [False])
    assert pull(copy) == pull(curriculum) == pytest.approx(0.3)
