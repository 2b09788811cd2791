"""Start states: what is shipped holds, whichever way gravity pulls."""

from pathlib import Path

import numpy as np
import pytest

from dexndm_gym.backends.mujoco_hand import MujocoHand
from dexndm_gym.constants import GRAVITY
from dexndm_gym.errors import ConfigurationError, FileFormatError
from dexndm_gym.evaluation.grasp_stability import survival
from dexndm_gym.grasps.mesh_grasp_cache import choose_starts
from dexndm_gym.grasps.palm_rest import FINGERTIP_CENTER, START_POSE
from dexndm_gym.grasps.start_states import PALM_UP, StartStates, load_starts
from dexndm_gym.objects.catalog import OBJECT_SETS, OBJECTS
from dexndm_gym.objects.scene import Scene
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.orientations import WRISTS, down_in_hand, draw_unit
from dexndm_gym.task.termination import are_dropped

DOWN = {name: down_in_hand(np.array(wrist)) for name, wrist in WRISTS.items()}


def share_kept(cells: list[tuple[str, tuple[float, float, float]]], steps: int, seed: int = 0) -> np.ndarray:
    """Which objects stay in still hands, given name and direction of gravity; looks at every step."""
    hand = MujocoHand(len(cells))
    scenes = [Scene(object=name, gravity=(GRAVITY * x, GRAVITY * y, GRAVITY * z)) for name, (x, y, z) in cells]
    target = hand.reset(np.arange(len(cells)), scenes, np.random.default_rng(seed))
    kept = np.ones(len(cells), dtype=np.bool_)
    for _ in range(steps):
        hand.step(target)
        pose = hand.state().object_pose
        assert pose is not None
        kept &= ~are_dropped(TaskConfig().record, pose)
    return kept


@pytest.mark.parametrize("name", OBJECT_SETS["basic"])
def test_objects_stay_in_the_still_open_hand(name):
    assert share_kept([(name, PALM_UP)] * 64, 40).mean() >= 0.99


@pytest.mark.parametrize("wrist", WRISTS)
def test_every_object_starts_held_in_every_wrist(wrist):
    assert share_kept([(name, DOWN[wrist]) for name in OBJECTS for _ in range(2)], 10).mean() >= 0.99


def test_every_object_starts_held_in_any_wrist():
    rng = np.random.default_rng(0)
    cells = []
    for name in OBJECTS:
        x, y, z = draw_unit(rng, 3)
        cells.append((name, (x, y, z)))
    assert share_kept(cells, 10).mean() >= 0.98


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_start_states_hold_and_hardly_penetrate():
    found = survival(list(OBJECTS), 100)
    assert {cell: held for cell, held in found.items() if held.share < 0.99 or held.penetration > 0.001} == {}
    assert len(found) == len(OBJECTS) * len(WRISTS)


def test_basic_objects_lie_in_the_open_hand():
    rng = np.random.default_rng(0)
    starts = [load_starts().draw("cube", PALM_UP, rng) for _ in range(50)]
    np.testing.assert_allclose([start.target for start in starts], np.tile(START_POSE, (50, 1)), rtol=1e-12)
    assert (np.std([start.object_pose for start in starts], axis=0) > 1e-4).all()


def test_states_for_one_direction_come_first():
    any_way, palm_down = np.full((3, 40), 0.1), np.full((2, 40), 0.2)
    starts = StartStates({("cube", None): any_way, ("cube", (0.0, 0.0, 1.0)): palm_down})
    rng = np.random.default_rng(0)
    assert starts.draw("cube", (0.0, 0.0, 9.81), rng).joints[0] == 0.2
    assert starts.draw("cube", (0.0, 9.81, 0.0), rng).joints[0] == 0.1
    assert starts.count("cube", (0.0, 0.0, 9.81)) == 2
    with pytest.raises(ConfigurationError, match="'duck'"):
        starts.draw("duck", (0.0, 0.0, 9.81), rng)


def test_files_keep_states_to_their_precision(tmp_path: Path):
    rng = np.random.default_rng(0)
    rows = rng.uniform(-1.0, 1.0, (5, 40))
    rows[:, 32:35] *= 0.2
    rows[:, 35:39] /= np.linalg.norm(rows[:, 35:39], axis=1, keepdims=True)
    StartStates({("cube", None): rows, ("cube", (0.0, 0.0, -1.0)): rows[:2]}).save(tmp_path / "grasp_cache.npz")
    read = StartStates.load(tmp_path / "grasp_cache.npz")
    assert (read.count("cube", (1.0, 0.0, 0.0)), read.count("cube", PALM_UP)) == (5, 2)
    state = read.draw("cube", PALM_UP, np.random.default_rng(0))
    nearest = min(rows, key=lambda row: np.abs(row[:16] - state.joints).max())
    np.testing.assert_allclose(np.concatenate([state.joints, state.target]), nearest[:32], atol=5.1e-5)
    np.testing.assert_allclose(state.object_pose[:3], nearest[32:35], atol=5.1e-6)
    np.testing.assert_allclose(state.object_pose[3:], nearest[35:39], atol=2e-4)


@pytest.mark.parametrize("content", [b"", b"not a file of numbers", b"PK\x03\x04broken"])
def test_other_files_are_named(tmp_path: Path, content: bytes):
    path = tmp_path / "grasp_cache.npz"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"no archive of arrays, or a damaged one.*dexndm grasps"):
        StartStates.load(path)


def test_files_of_other_numbers_are_named(tmp_path: Path):
    path = tmp_path / "grasp_cache.npz"
    np.savez(path, cube=np.zeros((3, 5)))
    with pytest.raises(FileFormatError, match="dexndm grasps"):
        StartStates.load(path)


def test_grasps_only_leave_no_palm_rests() -> None:
    rng = np.random.default_rng(0)
    grasped = choose_starts(["cube"], "grasps").draw("cube", PALM_UP, rng)
    lying = choose_starts(["cube"], None).draw("cube", PALM_UP, rng)
    assert np.linalg.norm(grasped.object_pose[:3] - FINGERTIP_CENTER) < 0.05
    np.testing.assert_allclose(lying.target, START_POSE)
