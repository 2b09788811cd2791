"""Scripted teleoperations, as demonstration and measurement: a bulb into its socket, and six goal orientations."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import gymnasium
import numpy as np

from dexndm_gym.checks import Checked, Positive
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.envs.rollout import Policy
from dexndm_gym.task.orientations import rotation_to
from dexndm_gym.teleop.commands import Command
from dexndm_gym.teleop.recorder import TeleopRecorder
from dexndm_gym.teleop.session import TeleopSession
from dexndm_gym.teleop.sources import CommandQueue, Script
from dexndm_gym.teleop.steering import GOAL_TOLERANCE, turned

BULB_AXES = ("+z", "-y", "-z")
"""The paper's order for turning a bulb into its socket."""

GOALS = tuple((axis, 0.5 * np.pi) for axis in ("+z", "-z", "+x", "-x", "+y", "-y"))
"""Goal orientations: turns of the object about an axis of the world, by an angle, rad, from where it lies at first."""


@dataclass(frozen=True, kw_only=True)
class DemoConfig(Checked):
    """How long a scripted teleoperation may take."""

    part_seconds: Positive = 10.0
    """The bulb is turned about each axis for so long, s."""

    pause_seconds: Positive = 0.5
    """The hand holds for so long between two axes, s."""

    goal_seconds: Positive = 60.0
    """A goal has to be reached within this, s."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a demonstration, as measured."""

    what: str
    """The task in words."""

    rotation: float
    """Turned about the axis, rad; NaN for goals."""

    angle_left: float
    """To the goal at the nearest, rad; NaN without a goal."""

    seconds: float
    """How long it took."""

    success: bool
    """The object was turned about the axis by more than the tolerance, or came as near to the goal; not lost."""

    lost: bool
    """Whether the object was lost in this part."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON, which knows no NaN."""
        return {name: None if value != value else value for name, value in asdict(self).items()}


def bulb_timeline(config: DemoConfig) -> list[tuple[float, Command]]:
    """The commands that turn a bulb into its socket, over time."""
    timeline, now = [], 0.0
    for axis in BULB_AXES:
        timeline += [(now, Command("axis", axis)), (now, Command("go"))]
        now += config.part_seconds
        timeline.append((now, Command("hold")))
        now += config.pause_seconds
    return timeline


def turn_bulb(
    env: gymnasium.Env[Any, Any],
    policy: Policy,
    *,
    seed: int = 0,
    config: DemoConfig | None = None,
    options: Mapping[str, Any] | None = None,
    recorder: TeleopRecorder | None = None,
) -> list[Part]:
    """Turn an object about z, then -y, then -z, as it was asked for over time.

    Args:
        env: one hand; see ``TeleopSession``.
        policy: moves the fingers.
        seed: of the episode.
        config: how long.
        options: of the reset.
        recorder: writes it down.

    Returns:
        What came of each axis; parts that were not begun because the object was lost, or the hand stopped, are missing.
    """
    config = config or DemoConfig()
    script = Script(bulb_timeline(config), lambda: session.steps * CONTROL_PERIOD, name="bulb")
    session = TeleopSession(env, policy, [script], seed=seed, options=options, recorder=recorder)
    parts, steps = [], round((config.part_seconds + config.pause_seconds) / CONTROL_PERIOD)
    for axis in BULB_AXES:
        begin, taken, over = float(session.info.get("rotation", 0.0)), 0, False
        while taken < steps and not over:
            session.advance()
            taken, over = taken + 1, session.lost or session.stopped
        rotation = float(session.info["rotation"]) - begin
        parts.append(
            Part(
                what=f"turn about {axis}",
                rotation=rotation,
                angle_left=float("nan"),
                seconds=taken * CONTROL_PERIOD,
                success=rotation > GOAL_TOLERANCE and not over,
                lost=session.lost,
            )
        )
        if over:
            break
    return parts


def reach_goals(
    env: gymnasium.Env[Any, Any],
    policy: Policy,
    *,
    goals: Sequence[tuple[str, float]] = GOALS,
    seed: int = 0,
    config: DemoConfig | None = None,
    options: Mapping[str, Any] | None = None,
    recorder: TeleopRecorder | None = None,
) -> Iterator[Part]:
    """Turn an object to goals, each in an episode of its own; what came of each, until somebody stops the hand.

    Args:
        env: one hand whose object is tracked; see ``TeleopSession``.
        policy: moves the fingers.
        goals: turns from where the object lies when its episode begins: name of an axis of the world, and angle, rad.
        seed: of the first episode.
        config: how long.
        options: of resets.
        recorder: writes it down.
    """
    config = config or DemoConfig()
    asks = CommandQueue("goals")
    session = TeleopSession(env, policy, [asks], seed=seed, options=options, recorder=recorder)
    for number, (about, angle) in enumerate(goals):
        if number:
            asks.put("reset")
        seen = session.advance()
        goal = turned(seen.wrist, seen.object_pose, about, angle)
        asks.put("goal", goal)
        nearest, over, steps = angle, False, round(config.goal_seconds / CONTROL_PERIOD)
        for step in range(steps):
            seen = session.advance()
            left = rotation_to(np.array([goal]), seen.wrist[None], seen.object_pose[None, 3:])[0]
            nearest = float(np.fmin(nearest, np.linalg.norm(left)))
            over = session.lost or session.stopped
            if over or nearest < GOAL_TOLERANCE:
                steps = step + 1
                break
        yield Part(
            what=f"goal {np.degrees(angle):.0f} degrees about {about}",
            rotation=float("nan"),
            angle_left=nearest,
            seconds=steps * CONTROL_PERIOD,
            success=nearest < GOAL_TOLERANCE and not over,
            lost=session.lost,
        )
        if session.stopped:
            return
