import numpy as np
import pytest

from dexndm_gym.constants import SIDE_JOINTS
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.data.waves import MIDDLE, wave_trajectories
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.hand.joints import JOINT_NAMES, LOWER_LIMITS, UPPER_LIMITS


@pytest.fixture(scope="module")
def waves() -> list[Trajectory]:
    return wave_trajectories(40, start=START_POSE, largest_step=0.04, steps=400, seed=1)


def test_one_joint_swings_while_others_stand(waves: list[Trajectory]) -> None:
    for wave in waves:
        joint = JOINT_NAMES.index(wave.metadata["joint"])
        assert joint not in SIDE_JOINTS
        later = wave.command[100:]
        still = np.delete(later - MIDDLE, joint, axis=1)
        assert np.abs(still).max() < (0.06 if wave.metadata["wave"] == "noisy square" else 1e-9)
        half = (UPPER_LIMITS - LOWER_LIMITS)[joint] / 2
        assert np.abs(later[:, joint] - MIDDLE[joint]).max() <= half * wave.metadata["amplitude"] + 0.06
        assert np.ptp(later[:, joint]) > 0.5 * half


def test_nothing_jumps_and_all_kinds_occur(waves: list[Trajectory]) -> None:
    for wave in waves:
        steps = np.diff(wave.command, axis=0, prepend=START_POSE[None])
        assert np.abs(steps).max() <= 0.04 + 1e-9
    kinds = [wave.metadata["wave"] for wave in waves]
    assert (kinds.count("sine"), kinds.count("square"), kinds.count("noisy square")) == (20, 10, 10)


def test_the_seed_decides(waves: list[Trajectory]) -> None:
    again = wave_trajectories(2, start=START_POSE, largest_step=0.04, steps=400, seed=1)
    other = wave_trajectories(2, start=START_POSE, largest_step=0.04, steps=400, seed=2)
    np.testing.assert_array_equal(again[1].command, waves[1].command)
    assert (other[1].command != waves[1].command).any()
