import numpy as np
import pytest
import torch

from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.dynamics.windows import WindowSet, features
from dexndm_gym.errors import ConfigurationError


def ramp(start: float, periods: int) -> Trajectory:
    """Positions start, start+1, ... and commands 0.5 above them, in two joints of opposite sign."""
    position = start + np.arange(periods + 1.0)[:, None] * [1.0, -1.0]
    return Trajectory(position, position[:-1] + 0.5)


def test_windows_pair_positions_and_repeat_the_first() -> None:
    windows = WindowSet([ramp(0, 3), ramp(100, 2)], window=3)
    assert (len(windows), windows.num_joints) == (5, 2)
    position, command, following = windows.gather(torch.arange(5))
    assert position[0].tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 2], [100, 100, 100], [100, 100, 101]]
    assert command[0].tolist() == [
        [0.5, 0.5, 0.5], [0.5, 0.5, 1.5], [0.5, 1.5, 2.5], [100.5, 100.5, 100.5], [100.5, 100.5, 101.5],
    ]  # fmt: skip
    assert following[1].tolist() == [-1, -2, -3, 99, 98]


def test_future_stays_inside_the_trajectory() -> None:
    windows = WindowSet([ramp(0, 3), ramp(100, 2)], window=3)
    index = windows.with_future(2)
    assert index.tolist() == [0, 1, 3]
    command, position = windows.future(index, 2)
    assert command[0].tolist() == [[0.5, 1.5], [1.5, 2.5], [100.5, 101.5]]
    assert position[0].tolist() == [[1, 2], [2, 3], [101, 102]]


def test_features_are_relative_but_for_the_present_position() -> None:
    values = features(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([1.5, 2.5, 4.5]))
    assert values.tolist() == [-3.0, -2.0, 4.0, -2.5, -1.5, 0.5]


@pytest.mark.parametrize(
    "trajectories", [[], [ramp(0, 0)], [ramp(0, 1), Trajectory(np.zeros((2, 1)), np.zeros((1, 1)))]]
)
def test_unusable_data_is_refused(trajectories: list[Trajectory]) -> None:
    with pytest.raises(ConfigurationError):
        WindowSet(trajectories)
