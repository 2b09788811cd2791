"""Start states on a device are those that StartStates would have drawn."""

import mujoco
import numpy as np
import pytest
import torch

from dexndm_gym.backends.warp_starts import StartTable
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.start_states import PALM_UP, StartStates
from dexndm_gym.hand.model import TIP_NAMES, joint_indices
from dexndm_gym.hand.servo import SIM_SERVO
from dexndm_gym.objects.scene_model import build_spec

DOWN, UP, SIDE = (0.0, 0.0, -1.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0)
SIX = [tuple(sign * row) for sign in (1.0, -1.0) for row in np.eye(3)]
MODEL = build_spec(SIM_SERVO, timestep=0.01).compile()


def rows(first, count):
    """States whose size factor is a number of their own."""
    states = np.zeros((count, 40))
    states[:, 39] = first + np.arange(count)
    return states


def drawn(table, index, gravity, count=400):
    """Which states come up."""
    chance = torch.linspace(0.0, 1.0, count + 1)[:-1]
    starts = table.draw(
        torch.full((count,), index), torch.tensor(gravity, dtype=torch.float32).expand(count, 3), chance
    )
    return set(starts.scale[:, 0].tolist())


@pytest.fixture
def table():
    states = {
        ("anyhow", None): rows(0, 3),
        ("both", None): rows(10, 2),
        ("both", PALM_UP): rows(20, 4),
        **{("six", tuple(x)): rows(100 + 10 * i, 2) for i, x in enumerate(SIX)},
    }
    return StartTable(("anyhow", "both", "six"), StartStates(states), MODEL, torch.device("cpu"))


def test_states_for_any_direction_serve_everywhere(table):
    assert drawn(table, 0, DOWN) == drawn(table, 0, SIDE) == {0, 1, 2}


def test_states_of_the_direction_come_first(table):
    assert drawn(table, 1, DOWN) == {20, 21, 22, 23}
    assert drawn(table, 1, UP) == {10, 11}


@pytest.mark.parametrize(("degrees", "expected"), [(1.9, {20, 21, 22, 23}), (2.1, {10, 11})])
def test_two_degrees_are_the_same_direction(table, degrees, expected):
    angle = np.radians(degrees)
    assert drawn(table, 1, (9.81 * np.sin(angle), 0.0, -9.81 * np.cos(angle))) == expected


def test_without_states_for_any_the_nearest_direction_serves(table):
    nearest = [tuple(x) for x in SIX].index((0.0, 1.0, 0.0))
    assert drawn(table, 2, (0.5, 0.8, 0.3)) == {100 + 10 * nearest, 101 + 10 * nearest}


def test_an_object_needs_states_for_every_wrist():
    with pytest.raises(ConfigurationError, match="tilted"):
        StartTable(("tilted",), StartStates({("tilted", PALM_UP): rows(0, 2)}), MODEL, torch.device("cpu"))


def test_fingertips_are_where_the_joints_put_them():
    state = rows(1, 1)
    state[0, :16] = np.linspace(0.1, 0.9, 16)
    table = StartTable(("cube",), StartStates({("cube", None): state}), MODEL, torch.device("cpu"))
    tips = table.draw(torch.zeros(1, dtype=torch.long), torch.tensor([DOWN]), torch.zeros(1)).tips
    data = mujoco.MjData(MODEL)
    data.qpos[joint_indices(MODEL)[0]] = state[0, :16]
    mujoco.mj_forward(MODEL, data)
    expected = np.concatenate([data.site(name).xpos for name in TIP_NAMES])
    np.testing.assert_allclose(tips[0], expected, atol=1e-7)
