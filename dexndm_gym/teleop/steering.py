"""What is asked of the hand now: the sum of all commands so far."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.task.orientations import AXES, HAND_AXES, WRISTS, HandAxis, Numbers, rotation_to
from dexndm_gym.task.quaternions import multiply, quaternion, turn
from dexndm_gym.teleop.commands import Command

GOAL_TOLERANCE = 0.1 * np.pi
"""Angle within which a goal counts as reached, rad (the paper's)."""

SAME_AXIS = np.radians(3.0)
"""Axes that differ by less are the same to who points along them with a hand, rad."""

MODES = ("go", "hold", "open", "close", "stop")
"""What the fingers do."""


@dataclass
class Steering:
    """The latest values of everything that can be asked for."""

    mode: str = "hold"
    """One of ``MODES``."""

    axis: Numbers | None = None
    """To turn about: a unit vector in the world frame, or a ``HandAxis``; None for that of the episode."""

    wrist: Numbers | None = None
    """Quaternion w x y z from hand frame to world frame; None for that of the episode."""

    goal: Numbers | None = None
    """Orientation of the object in the world frame that is turned to, if one is; then it decides on the axis."""

    speed: float = 1.0
    """Share of the policy's motion."""

    def take(self, command: Command) -> None:
        """Let a command hold from now on; an axis ends the way to a goal, a goal switches the policy on."""
        if command.name in MODES:
            self.mode = command.name
        elif command.name == "speed":
            self.speed = float(command.value)
        elif command.name == "wrist":
            self.wrist = command.numbers()
        elif command.name == "axis":
            self.axis, self.goal = command.numbers(), None
        elif command.name == "goal":
            self.goal, self.mode = command.numbers(), "go"

    def left(self, wrist: FloatArray, object_pose: FloatArray) -> FloatArray | None:
        """The turn from the object to its goal, axis times angle, (3,), rad, world frame.

        Args:
            wrist: quaternion from hand frame to world frame, (4,).
            object_pose: in the hand frame, (7,).

        Returns:
            None where there is no goal, or the object is not seen.
        """
        if self.goal is None or np.isnan(object_pose).any():
            return None
        return rotation_to(np.array([self.goal]), wrist[None], object_pose[None, 3:])[0]

    def segment(self) -> tuple[Any, ...]:
        """What a trajectory of a recording has in common: another one begins where this changes."""
        return self.mode, self.goal, self.axis_text()

    def axis_text(self) -> str:
        """The axis in words."""
        if self.axis is None:
            return "the axis of the episode"
        if isinstance(self.axis, HandAxis):
            return _name_of(self.axis, HAND_AXES) or "an axis of the hand"
        return _name_of(self.axis, AXES) or "a free axis"

    def task(self, item: str) -> str:
        """In words what the hand does with an object; the text of a task in exported data."""
        if self.mode == "go" and self.goal is not None:
            return f"turn the {item} to the orientation {' '.join(f'{number:.2f}' for number in self.goal)}"
        if self.mode == "go":
            return f"turn the {item} about {self.axis_text()}"
        return {"hold": f"hold the {item}", "open": "open the hand", "close": f"close the hand around the {item}"}.get(
            self.mode, "stop"
        )


def turned(wrist: FloatArray, object_pose: FloatArray, about: str, angle: float) -> Numbers:
    """The orientation of an object in the world frame after a turn.

    Args:
        wrist: from hand frame to world frame, quaternion w x y z, (4,).
        object_pose: in the hand frame, (7,).
        about: name of an axis of the world frame.
        angle: rad.
    """
    x, y, z = AXES[about]
    return multiply(turn((x, y, z), angle), multiply(quaternion(wrist, 0), quaternion(object_pose, 3)))


def wrist_text(wrist: FloatArray) -> str | list[float]:
    """The name of a wrist, (4,), or its quaternion."""
    return _name_of(wrist, WRISTS) or [round(number, 4) for number in wrist.tolist()]


def _name_of(value: Numbers | FloatArray, names: Mapping[str, Numbers]) -> str | None:
    return next((name for name, known in names.items() if np.allclose(value, known, atol=1e-9)), None)
