"""Page, camera, gamepad and network die in any order while a hand is steered."""

from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from dexndm_gym.teleop.gamepad import GamepadSource, PadState
from dexndm_gym.teleop.loss import LossConfig
from dexndm_gym.teleop.session import OPEN_POSE, TeleopSession
from dexndm_gym.viewer.controls import ControlEvent

pytest.importorskip("viser", reason="the extra viewer is not installed")

from dexndm_gym.teleop.page import PageSource

HALF = 0.5**0.5
PARTS = ("page", "camera", "gamepad", "network")
ORDERS = list(permutations(PARTS))
WAYS: list[Any] = ["open", "relax", "hold"]
TICK = 1.0 / 16.0
"""Time that a control step takes by the clock of these tests, s; without rounding."""
HOLDS, LETS_GO = 5, 32
"""Steps after a loss in which 0.3 s and 2 s have passed."""
BETWEEN = 3
"""Steps from one death to the next."""


class Page:
    """What a page's process tells of a browser that views it."""

    def __init__(self) -> None:
        self.alive, self.silence = True, 0.0
        self.said = [ControlEvent(name="viewers", value=1)]

    def events(self) -> list[ControlEvent]:
        said, self.said = self.said, []
        return said


class Rig:
    """A hand that turns an object to a goal far away, with everything around it that can die."""

    def __init__(self, env: Any, policy: Any, hand: Any, clock: Any, *, steers: str, loss: LossConfig) -> None:
        self.clock, self.page = clock, Page()
        self.pad: PadState | None = PadState()
        sources = [PageSource(self.page), GamepadSource(lambda: self.pad)]  # type: ignore[arg-type]
        self.session = TeleopSession(env, policy, sources, clock=clock, sleep=lambda _: None, loss=loss)
        self.deaths: dict[str, Callable[[], None]] = {
            "page": lambda: setattr(self.page, "alive", False),
            "network": lambda: setattr(self.page, "silence", np.inf),
            "gamepad": lambda: setattr(self, "pad", None),
            "camera": lambda: hand.tracked.fill(False),
        }
        self.session.advance()
        self.page.said = [ControlEvent(name="goal", value=(HALF, 0.0, 0.0, -HALF))]  # turns away from it
        self.session.advance()
        if steers == "gamepad":
            self.pad = PadState(frozenset({"a"}))
        else:
            self.page.said = [ControlEvent(name="go")]
        self.advance(1)

    def advance(self, steps: int) -> list[str]:
        """Play control steps; what the hand did in each."""
        modes = []
        for _ in range(steps):
            self.clock.now += TICK
            self.session.advance()
            modes.append(self.session.steering.mode)
        return modes


@pytest.mark.parametrize(("number", "order"), list(enumerate(ORDERS)))
@pytest.mark.parametrize("steers", ["page", "gamepad"])
def test_in_any_order_the_hand_does_as_configured(
    env: Any, nudge: Any, hand: Any, clock: Any, number: int, order: tuple[str, ...], steers: str
) -> None:
    let_go = WAYS[number % 3]
    rig = Rig(env, nudge, hand, clock, steers=steers, loss=LossConfig(let_go=let_go))
    modes, acted = [], 0
    for part in order:
        rig.deaths[part]()
        if part == "camera":
            acted = len(nudge.axes)
        modes += rig.advance(BETWEEN)
    modes += rig.advance(3 * LETS_GO if let_go == "open" else LETS_GO)
    ways = ("gamepad",) if steers == "gamepad" else ("page", "network")
    lost = BETWEEN * min(order.index(part) for part in ways) - 1
    assert set(modes[: lost + HOLDS]) == {"go"}
    assert set(modes[lost + HOLDS : lost + LETS_GO]) == {"hold"}
    assert modes[lost + LETS_GO] == {"open": "open", "relax": "stop", "hold": "hold"}[let_go]
    assert (modes[-1], hand.torque) == (("hold", True) if let_go == "hold" else ("stop", False))
    if let_go == "open":
        np.testing.assert_allclose(hand.commands[-1][0], OPEN_POSE, atol=0.01)
    assert len(nudge.axes) <= acted + 1, "after its last picture there is no way to the goal"


@pytest.mark.parametrize("steers", ["page", "gamepad"])
def test_who_does_not_steer_may_die(env: Any, nudge: Any, hand: Any, clock: Any, steers: str) -> None:
    rig = Rig(env, nudge, hand, clock, steers=steers, loss=LossConfig())
    for part in ("page", "network") if steers == "gamepad" else ("gamepad",):
        rig.deaths[part]()
    assert set(rig.advance(LETS_GO + 1)) == {"go"}
