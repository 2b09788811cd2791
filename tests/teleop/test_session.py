"""What a hand does when it is steered."""

import threading
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest

from dexndm_gym.backends.weak_servos import WeakServos
from dexndm_gym.envs.rotate_env import LeapRotateEnv
from dexndm_gym.errors import ConfigurationError, StopRequestedError
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.teleop.commands import Command
from dexndm_gym.teleop.loss import LossConfig
from dexndm_gym.teleop.session import OPEN_POSE, TeleopSession
from dexndm_gym.teleop.sources import CallbackSource, CommandQueue

HALF = 0.5**0.5


@pytest.fixture
def queue() -> CommandQueue:
    return CommandQueue("pad")


@pytest.fixture
def session(env: Any, nudge: Any, queue: CommandQueue, clock: Any) -> TeleopSession:
    return TeleopSession(env, nudge, [queue], clock=clock, sleep=lambda _: None)


def test_a_hand_holds_until_it_is_told_to_go(session: TeleopSession, queue: CommandQueue, nudge: Any) -> None:
    for _ in range(3):
        np.testing.assert_allclose(session.advance().target, START_POSE)
    assert nudge.axes == []
    queue.put("go")
    np.testing.assert_allclose(session.advance().target, START_POSE + 0.5 / 24)
    queue.put("hold")
    np.testing.assert_allclose(session.advance().target, START_POSE + 0.5 / 24)


def test_the_next_action_is_decided_on_what_was_asked_for_last(
    session: TeleopSession, queue: CommandQueue, nudge: Any
) -> None:
    queue.put("go")
    session.advance()
    for axis in ("-x", (0.0, 3.0, 4.0)):
        queue.put("axis", axis)
        session.advance()
    queue.put("wrist", "thumb_up")
    queue.put("axis", "hand+y")
    shown = session.advance()
    assert nudge.axes == [[0, 0, 1], [-1, 0, 0], [0, 0.6, 0.8], [0, 0, -1]]
    assert nudge.wrists[-2:] == [[1, 0, 0, 0], [round(HALF, 5), round(-HALF, 5), 0, 0]]
    np.testing.assert_allclose(shown.axis, [0, 0, -1], atol=1e-9)
    queue.put("wrist", "palm_up")
    session.advance()
    assert nudge.axes[-1] == [0, 1, 0], "an axis of the hand turns with it"


def test_what_is_asked_for_while_it_decides_still_counts(env: Any, nudge: Any, queue: CommandQueue, hand: Any) -> None:
    pressed: list[tuple[str, Any]] = [("axis", "-x"), ("stop", None)]

    class Slow:
        def predict(self, observation: Any, *, deterministic: bool = True) -> Any:
            if len(nudge.axes) in (1, 3):
                queue.put(*pressed.pop(0))
            return nudge.predict(observation)

    session = TeleopSession(env, Slow(), [queue], sleep=lambda _: None)
    queue.put("go")
    for _ in range(4):
        session.advance()
    assert nudge.axes == [[0, 0, 1], [0, 0, 1], [-1, 0, 0], [-1, 0, 0]], "the second step was decided on twice"
    assert (len(hand.commands), hand.torque, session.stopped) == (2, False, True), "the third was never sent"


def test_speed_scales_the_policy(session: TeleopSession, queue: CommandQueue) -> None:
    queue.put("speed", 0.2)
    queue.put("go")
    np.testing.assert_allclose(session.advance().target, START_POSE + 0.1 / 24)


def test_an_open_hand_closes_before_the_policy_acts(session: TeleopSession, queue: CommandQueue, nudge: Any) -> None:
    queue.put("open")
    for _ in range(60):
        opened = session.advance()
    np.testing.assert_allclose(opened.target, OPEN_POSE, atol=1e-9)
    queue.put("go")
    closed = [session.advance().target for _ in range(60) if not nudge.axes][-2]
    np.testing.assert_allclose(closed, START_POSE, atol=0.01)
    assert nudge.axes


def test_an_emergency_stop_lasts_until_a_reset(session: TeleopSession, queue: CommandQueue, hand: Any) -> None:
    queue.put("go")
    session.advance()
    queue.put("stop")
    queue.put("go")
    shown = session.advance()
    sent = len(hand.commands)
    queue.put("go")
    assert session.advance().paused
    assert (session.stopped, hand.torque, len(hand.commands), sent) == (True, False, 1, 1)
    assert "emergency stop" in shown.note or "reset" in shown.note
    queue.put("reset")
    held = session.advance()
    assert (hand.torque, held.episode, session.steering.mode) == (True, 2, "hold")
    np.testing.assert_allclose(held.target, START_POSE)


class Stoppable(WeakServos):
    """Servos that can be stopped; the second reset presses buttons and then waits for a stop."""

    def __init__(self, press: Callable[[], None]) -> None:
        super().__init__()
        self.press, self.resets, self.stopped, self.reason = press, 0, threading.Event(), ""

    def stop(self, reason: str) -> None:
        self.torque, self.reason = False, reason
        self.stopped.set()

    def release_stop(self) -> None:
        self.stopped.clear()

    def reset(self, *arguments: Any) -> Any:
        self.resets += 1
        started = super().reset(*arguments)
        if self.resets == 2:
            self.press()
            assert self.stopped.wait(30.0)
            raise StopRequestedError(self.reason)
        return started


@pytest.mark.parametrize("presses", [("reset", "stop"), ("reset", "reset", "stop")])
def test_no_reset_before_a_stop_releases_it(nudge: Any, queue: CommandQueue, presses: tuple[str, ...]) -> None:
    hand = Stoppable(lambda: [queue.put(name) for name in presses] and None)
    session = TeleopSession(LeapRotateEnv(hand), nudge, [queue], sleep=lambda _: None)
    session.advance()
    queue.put("reset")
    queue.put("reset")
    for _ in range(3):
        session.advance()
    assert (hand.resets, hand.torque, session.stopped) == (2, False, True)


def test_nobody_knows_who_of_two_was_first_so_the_stop_counts(env: Any, nudge: Any, hand: Any) -> None:
    one, other = CommandQueue("keyboard"), CommandQueue("phone")
    session = TeleopSession(env, nudge, [one, other], sleep=lambda _: None)
    session.advance()
    one.put("stop")
    other.put("reset")
    session.advance()
    assert (session.stopped, hand.torque) == (True, False)


def test_a_source_that_fails_while_an_episode_begins_stops_the_hand(nudge: Any, queue: CommandQueue) -> None:
    def gone() -> Any:
        if hand.resets > 1:
            raise ConnectionError("headset gone")
        return ()

    hand = Stoppable(lambda: None)
    session = TeleopSession(
        LeapRotateEnv(hand), nudge, [queue, CallbackSource(gone, name="headset")], sleep=lambda _: None
    )
    session.advance()
    queue.put("reset")
    with pytest.raises(ConnectionError, match="headset gone"):
        session.advance()
    assert not hand.torque


def test_what_arms_report_leaves_the_reason_of_a_stop(session: TeleopSession, queue: CommandQueue) -> None:
    session.advance()
    queue.put("stop")
    session.advance()
    queue.put("wrist", "thumb_up")
    assert "emergency stop" in session.advance().note


def test_a_goal_that_is_reached_already_needs_no_axis(session: TeleopSession, queue: CommandQueue) -> None:
    session.advance()
    queue.put("goal", tuple(session.info["object_pose"][3:].tolist()))
    queue.put("go")
    assert "reached" in session.advance().note


def lose(session: TeleopSession, queue: CommandQueue, clock: Any, seconds: float) -> list[str]:
    """The modes while whoever steers is gone for so long."""
    queue.connected, modes = False, []
    for _ in range(round(seconds / 0.05)):
        clock.now += 0.05
        session.advance()
        modes.append(session.steering.mode)
    return modes


def test_a_lost_source_holds_then_opens_then_relaxes(
    session: TeleopSession, queue: CommandQueue, clock: Any, hand: Any, caplog: pytest.LogCaptureFixture
) -> None:
    queue.put("go")
    session.advance()
    modes = lose(session, queue, clock, 4.5)
    assert modes[:5] == ["go"] * 5
    assert modes[5:39] == ["hold"] * 34
    assert modes[39] == "open"
    assert modes[-1] == "stop"
    assert not hand.torque
    np.testing.assert_allclose(hand.commands[-1][0], OPEN_POSE, atol=0.01)
    warnings = [record.getMessage() for record in caplog.records]
    assert "pad is gone: the hand holds, and opens" in warnings[0]


class Ending(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An env whose episode is over from some step on, one way or the other."""

    def __init__(self, env: Any, after: int, *, terminated: bool) -> None:
        super().__init__(env)
        self.after, self.over = after, (terminated, not terminated)

    def step(self, action: Any) -> Any:
        observation, reward, _, _, info = self.env.step(action)
        self.after -= 1
        return observation, reward, *(over and self.after < 0 for over in self.over), info


@pytest.mark.parametrize("terminated", [True, False])
@pytest.mark.parametrize("after", [0, 50])
def test_a_hand_without_an_operator_opens_though_the_object_falls_out(
    env: Any, nudge: Any, queue: CommandQueue, clock: Any, hand: Any, after: int, terminated: bool
) -> None:
    ending = Ending(env, after, terminated=terminated)
    session = TeleopSession(ending, nudge, [queue], clock=clock, sleep=lambda _: None)
    queue.put("go")
    session.advance()
    modes = lose(session, queue, clock, 4.5)
    assert "open" in modes
    assert (modes[-1], hand.torque, session.lost) == ("stop", False, terminated)
    np.testing.assert_allclose(hand.commands[-1][0], OPEN_POSE, atol=0.01)


@pytest.mark.parametrize("terminated", [True, False])
def test_an_operator_opens_the_hand_after_the_end_of_an_episode(
    env: Any, nudge: Any, queue: CommandQueue, hand: Any, terminated: bool
) -> None:
    session = TeleopSession(Ending(env, 3, terminated=terminated), nudge, [queue], sleep=lambda _: None)
    queue.put("go")
    for _ in range(8):
        session.advance()
    assert session.steering.mode == "hold"
    queue.put("go")
    session.advance()
    assert session.steering.mode == "hold", "nothing is left to turn"
    queue.put("open")
    for _ in range(60):
        shown = session.advance()
    np.testing.assert_allclose(shown.target, OPEN_POSE, atol=0.01)
    assert hand.torque


def test_axes_of_hand_and_world_are_told_apart(session: TeleopSession, queue: CommandQueue, nudge: Any) -> None:
    session.advance()
    queue.put("wrist", "palm_down")
    queue.put("go")
    for axis in ("+z", "hand+z", "-z", "hand-z"):
        queue.put("axis", axis)
        session.advance()
    assert [axis[2] for axis in nudge.axes] == [1, -1, -1, 1], "palm down, the palm normal points down"


def test_who_comes_back_has_to_ask_anew(session: TeleopSession, queue: CommandQueue, clock: Any) -> None:
    queue.put("go")
    session.advance()
    assert lose(session, queue, clock, 0.5)[-1] == "hold"
    queue.connected = True
    clock.now += 5.0
    session.advance()
    assert session.steering.mode == "hold"
    queue.put("go")
    session.advance()
    assert session.steering.mode == "go"
    assert lose(session, queue, clock, 0.2)[-1] == "go", "a short gap changes nothing"


@pytest.mark.parametrize(("let_go", "mode", "torque"), [("relax", "stop", False), ("hold", "hold", True)])
def test_what_follows_a_loss_is_configured(
    env: Any, nudge: Any, queue: CommandQueue, clock: Any, hand: Any, let_go: Any, mode: str, torque: bool
) -> None:
    loss = LossConfig(hold_after=0.1, let_go_after=0.4, let_go=let_go)
    session = TeleopSession(env, nudge, [queue], clock=clock, sleep=lambda _: None, loss=loss)
    queue.put("go")
    session.advance()
    lose(session, queue, clock, 1.0)
    assert (session.steering.mode, hand.torque) == (mode, torque)


def test_only_who_steers_has_to_be_heard(env: Any, nudge: Any, queue: CommandQueue, clock: Any) -> None:
    arm = CallbackSource(lambda: [Command("wrist", "palm_up")], name="arm")
    other = CommandQueue("page")
    session = TeleopSession(env, nudge, [queue, arm, other], clock=clock)
    queue.put("go")
    other.connected = False
    session.advance()
    clock.now += 10.0
    session.advance()
    assert session.steering.mode == "go", "the page never steered"
    assert lose(session, queue, clock, 0.5)[-1] == "hold", "an arm that reports does not steer"


def test_a_hand_that_lets_go_first_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="let_go_after"):
        LossConfig(hold_after=1.0, let_go_after=0.5)


def test_a_goal_is_turned_to_about_the_rotation_left(session: TeleopSession, queue: CommandQueue, nudge: Any) -> None:
    session.advance()
    queue.put("goal", (HALF, 0.0, 0.0, HALF))  # a quarter about z: the object turns by 0.6 rad/s
    modes = [(session.advance(), session.steering.mode)[1] for _ in range(60)]
    assert set(map(tuple, nudge.axes)) == {(0.0, 0.0, 1.0)}
    turned = 0.6 * 0.05 * (1 + modes.count("go"))
    assert turned == pytest.approx(np.pi / 2 - 0.1 * np.pi, abs=0.04)
    assert session.note == "the goal is reached"


def test_there_is_no_way_to_a_goal_that_is_not_seen(
    session: TeleopSession, queue: CommandQueue, hand: Any, nudge: Any
) -> None:
    hand.tracked[:] = False
    queue.put("goal", (HALF, 0.0, 0.0, HALF))
    np.testing.assert_allclose(session.advance().target, START_POSE)
    assert nudge.axes == []
    assert "not seen" in session.note
