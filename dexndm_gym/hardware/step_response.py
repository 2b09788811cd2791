"""What the servos' gains do: the answer of each joint to a step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.hardware.self_collision import OPEN_HAND
from dexndm_gym.hardware.session import HandSession

STEP = 0.2
"""Height of the step, rad."""

_REST = 0.5
_OBSERVED = 1.0
"""How long a joint rests before the step, and is watched after it, s."""
_ARRIVED = 0.9


@dataclass(frozen=True)
class StepResponse:
    """How one joint answered."""

    joint: int
    rise_time: float
    """Until 90 % of the way that it made in the end, s, in whole control periods."""
    overshoot: float
    """Beyond the step, share of it."""
    error: float
    """Goal minus position at the end, rad."""


def step_responses(session: HandSession, joints: Sequence[int] = range(NUM_JOINTS)) -> Iterator[StepResponse]:
    """Give one joint of the flat hand after the other a step, and take it back.

    Raises:
        HardwareError: the hand failed; its torque is off.
    """
    for joint in joints:
        session.move_to(OPEN_HAND)
        begin = session.hold(_REST)[joint]
        goal = OPEN_HAND.copy()
        goal[joint] += STEP
        way = np.array([session.send(goal)[joint] for _ in range(round(_OBSERVED / CONTROL_PERIOD))]) - begin
        wanted = goal[joint] - begin
        rise = (int(np.argmax(way >= _ARRIVED * way[-1])) + 1) * CONTROL_PERIOD
        yield StepResponse(joint, rise, float(max(0.0, way.max() / wanted - 1)), float(wanted - way[-1]))
    session.move_to(OPEN_HAND)
