"""What surrounds the hand."""

from dataclasses import dataclass

from dexndm_gym.constants import GRAVITY
from dexndm_gym.objects.object_model import RotatableObject

FREE, BALLS, TIED_BALL = "free", "balls", "tied_ball"
SURROUNDINGS = (FREE, BALLS, TIED_BALL)
"""What may load the fingers while data are collected: nothing, a box of soft balls, a ball tied to the fingertips."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The object in the hand and the direction in which it is pulled."""

    object: str = "cylinder"
    """Name of an object of ``dexndm_gym.objects.catalog``."""

    gravity: tuple[float, float, float] = (0.0, 0.0, -GRAVITY)
    """Gravity in the hand frame, m/s^2; the default is the palm facing up."""

    item: RotatableObject | None = None
    """The object itself where it is none of the built-in ones; None looks it up by its name."""
