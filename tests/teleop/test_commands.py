import numpy as np
import pytest

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.task.orientations import HandAxis
from dexndm_gym.teleop.commands import Command
from dexndm_gym.teleop.steering import Steering


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("jump", None), ("go", 1.0), ("speed", 0.0), ("speed", 1.5), ("speed", None), ("axis", None)],
        *[("axis", "+q"), ("axis", "random"), ("axis", "principal"), ("axis", [0, 0, 0]), ("axis", [1, 0])],
        *[("wrist", "six"), ("wrist", [1, 0, 0]), ("goal", [0, 0, 0, np.nan])],
    ],
)
def test_what_cannot_be_asked_for_is_refused(name: str, value: object) -> None:
    with pytest.raises(ConfigurationError):
        Command(name, value)


def test_vectors_become_unit_vectors() -> None:
    assert Command("axis", np.array([0.0, 3.0, 4.0])).numbers() == pytest.approx((0.0, 0.6, 0.8))
    assert Command("axis", "-y").numbers() == (0.0, -1.0, 0.0)
    assert isinstance(Command("axis", "hand-z").numbers(), HandAxis)


def test_an_axis_ends_the_way_to_a_goal() -> None:
    steering = Steering()
    steering.take(Command("goal", (0.0, 0.0, 0.0, 2.0)))
    assert (steering.mode, steering.goal) == ("go", (0.0, 0.0, 0.0, 1.0))
    assert steering.task("cube") == "turn the cube to the orientation 0.00 0.00 0.00 1.00"
    steering.take(Command("axis", "hand+z"))
    assert steering.goal is None
    assert steering.task("cube") == "turn the cube about hand+z"
