"""What the driver does with a virtual hand in a process of its own."""

import gc
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dexndm_gym.backends.dynamixel_config import DynamixelHandConfig
from dexndm_gym.backends.dynamixel_hand import DynamixelHand
from dexndm_gym.backends.hand_port import connect
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.envs.rotate_env import LeapRotateEnv
from dexndm_gym.errors import ConfigurationError, HardwareError, MissingServoError, SafetyError
from dexndm_gym.grasps.palm_rest import PALM_REST_CENTER, START_POSE
from dexndm_gym.hand.joints import LOWER_LIMITS, UPPER_LIMITS
from dexndm_gym.hand.self_collision import SelfCollision
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.pacing import NoPacer, Pacer
from dexndm_gym.hardware.safety import MAX_COMMAND_STEP, limit_command
from dexndm_gym.hardware.servo_setup import ServoSettings
from dexndm_gym.hardware.units import RAD_PER_TICK, rad_from_ticks
from dexndm_gym.objects.catalog import NO_OBJECT
from dexndm_gym.objects.scene import Scene
from dexndm_gym.virtual_hand.client import VirtualHandProcess


def reset(hand: DynamixelHand, seed: int = 0) -> None:
    hand.reset(np.array([0]), [Scene()], np.random.default_rng(seed))


def step(hand: DynamixelHand) -> None:
    hand.step(START_POSE[None])


def torque(process: VirtualHandProcess) -> list[bool]:
    return process.command("status")["torque_enable"]


def test_reset_cups_the_hand_around_the_object(hand: DynamixelHand, process: VirtualHandProcess) -> None:
    state = hand.state()
    assert state.position.shape == (1, 16)
    assert state.velocity is not None
    assert state.velocity.shape == (1, 16)
    assert state.torque is None
    assert state.object_pose is not None
    assert np.linalg.norm(state.object_pose[0, :3] - PALM_REST_CENTER) < 0.03
    np.testing.assert_array_equal(state.object_pose[0], process.object_pose())
    assert np.median(np.abs(state.position[0] - START_POSE)) < 0.1
    np.testing.assert_allclose(hand.command[0], START_POSE, atol=RAD_PER_TICK / 2)
    assert all(torque(process))


def test_garbage_collector_rests_during_movements(make: Callable[..., DynamixelHand]) -> None:
    gc.unfreeze()
    hand = make()
    assert gc.get_freeze_count() == 0
    reset(hand)
    assert gc.get_freeze_count() > 10_000
    assert len(gc.get_objects()) < 10_000


def test_a_step_is_one_control_period(hand: DynamixelHand, process: VirtualHandProcess) -> None:
    before = process.command("status")["time_s"]
    for _ in range(4):
        step(hand)
    assert process.command("status")["time_s"] - before == pytest.approx(4 * CONTROL_PERIOD)


def test_the_same_seed_gives_the_same_episode() -> None:
    episodes = []
    for _ in range(2):
        hand = connect("virtual", hand_seed=3)
        reset(hand, seed=5)
        for k in range(10):
            hand.step(START_POSE[None] + 0.02 * k)
        episodes.append(hand.state())
        hand.close()
    np.testing.assert_array_equal(episodes[0].position, episodes[1].position)
    np.testing.assert_array_equal(episodes[0].object_pose, episodes[1].object_pose)


def test_states_do_not_share_memory(hand: DynamixelHand) -> None:
    before = hand.state()
    kept = before.position.copy()
    hand.step(START_POSE[None] + 0.1)
    np.testing.assert_array_equal(before.position, kept)


def test_goals_are_at_present_position_before_torque(
    make: Callable[..., DynamixelHand], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    ensure = DynamixelBus.ensure

    def spy(bus: DynamixelBus, name: str, values: Any) -> bool:
        if name == "torque_enable":
            seen.append(bus.sync_read("torque_enable", "goal_position", "present_position"))
        return ensure(bus, name, values)

    monkeypatch.setattr(DynamixelBus, "ensure", spy)
    reset(make())
    (values,) = seen
    assert not values["torque_enable"].any()
    np.testing.assert_array_equal(values["goal_position"], values["present_position"])


def test_the_way_to_the_start_pose_is_slow(make: Callable[..., DynamixelHand], monkeypatch: pytest.MonkeyPatch) -> None:
    goals = []
    sync_write = DynamixelBus.sync_write

    def spy(bus: DynamixelBus, name: str, values: Any) -> None:
        if name == "goal_position":
            goals.append(rad_from_ticks(values))
        sync_write(bus, name, values)

    monkeypatch.setattr(DynamixelBus, "sync_write", spy)
    hand = make()
    reset(hand)
    fastest = np.abs(np.diff(goals, axis=0)).max()
    assert 0.02 < fastest <= 0.5 * CONTROL_PERIOD + RAD_PER_TICK
    # From a pose that an episode has left the hand in, it is slow as well.
    for _ in range(10):
        hand.step(hand.command - 0.1)
    goals.clear()
    reset(hand)
    assert np.abs(np.diff(goals, axis=0)).max() <= 0.5 * CONTROL_PERIOD + RAD_PER_TICK


def test_targets_are_kept_within_limits_and_step(hand: DynamixelHand) -> None:
    hand.step(START_POSE[None] + 10.0)
    expected = np.minimum(START_POSE + 0.25, UPPER_LIMITS)
    np.testing.assert_allclose(hand.command[0], expected, atol=RAD_PER_TICK)


def test_meeting_fingers_are_held_and_observed(make: Callable[..., DynamixelHand]) -> None:
    hand = make()
    env = LeapRotateEnv(hand)
    env.reset(seed=0)
    action = np.zeros(16, dtype=np.float32)
    action[1] = 1.0  # the index finger towards the thumb, and on into the palm
    infos = [env.step(action)[-1] for _ in range(30)]
    held, info = [info["held_fingers"] for info in infos], infos[-1]
    overlap = SelfCollision().overlap
    assert max(overlap(info["command"]).max() for info in infos) <= hand.config.overlap
    assert overlap(info["target"]).max() > hand.config.overlap
    assert held[0] == ""
    assert held[-1] == "index, thumb"
    assert info["self_collisions"] == sum(map(bool, held))
    np.testing.assert_allclose(hand.command[0], info["command"], atol=RAD_PER_TICK)


def test_hand_without_operator_waits_for_the_object(
    make: Callable[..., DynamixelHand], process: VirtualHandProcess
) -> None:
    config = DynamixelHandConfig(reply_timeout=0.02, placement_time=1.0, ramp_speed=10.0)
    hand = make(tracker=None, operator=None, config=config)
    reset(hand)
    assert hand.state().object_pose is None
    assert process.command("status")["time_s"] > 1.5


def test_connect_takes_the_port_from_the_environment(
    process: VirtualHandProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEXNDM_PORT", process.port)
    hand = connect(tracker=process, operator=process, hand_config=DynamixelHandConfig(reply_timeout=0.02))
    assert hand._bus.port.path == process.port
    assert connect("/dev/other")._bus.port.path == "/dev/other"


def test_connect_closes_the_virtual_hand_it_started() -> None:
    hand = connect("virtual")
    companion = hand._companion
    assert isinstance(companion, VirtualHandProcess)
    hand.close()
    assert companion.process.poll() is not None


def test_wrong_options_are_named() -> None:
    with pytest.raises(ConfigurationError, match="Unknown clock 'fast'"):
        connect("virtual", clock="fast")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="between control steps"):
        DynamixelHandConfig(servos=ServoSettings(watchdog=0.06))
    with pytest.raises(ConfigurationError, match="ramp_speed"):
        DynamixelHandConfig(ramp_speed=0.0)
    with pytest.raises(ConfigurationError, match="retries"):
        DynamixelHandConfig(retries=-1)


def test_one_hand_takes_one_scene(make: Callable[..., DynamixelHand]) -> None:
    hand = make()
    with pytest.raises(ConfigurationError, match="one id and one scene"):
        hand.reset(np.array([0, 1]), [Scene(), Scene()], np.random.default_rng(0))
    with pytest.raises(HardwareError, match="call reset first"):
        hand.state()


class OwnedClock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += max(seconds, 1e-5)  # nobody sleeps for no time


@pytest.fixture
def clock() -> OwnedClock:
    return OwnedClock()


@pytest.fixture
def timed(make: Callable[..., DynamixelHand], clock: OwnedClock) -> DynamixelHand:
    """A hand in the start pose that lives by that clock."""
    hand = make(pacer=Pacer(CONTROL_PERIOD, clock, clock.sleep), clock=clock)
    reset(hand)
    return hand


def fall_silent(clock: OwnedClock, process: VirtualHandProcess, seconds: float = 0.25) -> None:
    """Let time pass for driver and hand; without another word for longer than the servos' watchdog bears."""
    clock.sleep(seconds)
    process.pass_time(0.25)


def test_control_step_takes_one_period(timed: DynamixelHand, clock: OwnedClock) -> None:
    begin = clock.now
    for _ in range(10):
        step(timed)
    assert clock.now - begin == pytest.approx(0.5, abs=1e-3)
    assert timed.state().info["pacing_overruns"] == [{}]


def test_another_pacer_can_be_set(hand: DynamixelHand) -> None:
    hand.pacer = NoPacer()
    for _ in range(3):
        step(hand)
    assert hand.pacer.report().ticks == 3


def test_no_command_waits_for_a_look_at_health(
    make: Callable[..., DynamixelHand], monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = make(clock=lambda: 0.0)  # no pauses, however busy the machine is
    hand.reset(np.array([0]), [Scene()], np.random.default_rng(0))
    calls: list[str] = []
    for name in ("sync_write", "sync_read"):
        inner = getattr(DynamixelBus, name)

        def noted(bus: DynamixelBus, *items: Any, inner: Callable[..., Any] = inner, **more: Any) -> Any:
            calls.append(str(items[0]))
            return inner(bus, *items, **more)

        monkeypatch.setattr(DynamixelBus, name, noted)
    steps = []
    for _ in range(25):
        hand.step(START_POSE[None])
        steps.append(calls.copy())
        calls.clear()
    assert {step[0] for step in steps} == {"goal_position"}
    assert sum("torque_enable" in step for step in steps) >= 1


def test_a_pause_within_a_step_costs_that_step(
    timed: DynamixelHand, clock: OwnedClock, process: VirtualHandProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    step(timed)
    with monkeypatch.context() as late:
        late.setattr(timed.pacer, "wait", lambda: fall_silent(clock, process))
        timed.step(START_POSE[None] + 0.2)
    assert set(process.command("status")["bus_watchdog"]) == {4}
    state = timed.state()
    assert state.command is not None
    np.testing.assert_allclose(state.command, state.position, atol=RAD_PER_TICK, err_msg="it is held where it is")
    timed.step(START_POSE[None] + 0.2)
    assert np.abs(timed.state().position - state.position).max() < 0.25


def test_a_pause_before_the_goal_costs_that_step(
    timed: DynamixelHand, clock: OwnedClock, process: VirtualHandProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    step(timed)
    with monkeypatch.context() as late:

        def ponder(command: Any, previous: Any) -> Any:
            fall_silent(clock, process)
            return command, ()

        late.setattr(timed._driver.collisions, "restrain", ponder)
        timed.step(START_POSE[None] + 0.2)
    assert set(process.command("status")["bus_watchdog"]) == {4}
    state = timed.state()
    assert state.command is not None
    np.testing.assert_allclose(state.command, state.position, atol=0.05, err_msg="not 0.2 rad away, as was asked")


def test_a_long_silence_before_a_reset_is_told_as_it_was(
    timed: DynamixelHand, clock: OwnedClock, process: VirtualHandProcess, caplog: pytest.LogCaptureFixture
) -> None:
    fall_silent(clock, process, 30.0)
    reset(timed)
    assert "after a pause of 300" in caplog.text


def test_ways_are_within_limits_and_no_faster_than_commands_may_change(
    make: Callable[..., DynamixelHand], monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = make(config=DynamixelHandConfig(reply_timeout=0.02, max_command_step=0.1))
    reset(hand)
    sent, inner = [hand.command[0]], DynamixelBus.sync_write

    def noted(bus: DynamixelBus, name: str, values: Any, *more: Any) -> Any:
        if name == "goal_position":
            sent.append(rad_from_ticks(values))
        return inner(bus, name, values, *more)

    monkeypatch.setattr(DynamixelBus, "sync_write", noted)
    beyond = START_POSE.copy()
    beyond[1] = -1.6
    hand._driver.move_to(beyond, 40.0)
    assert sent[-1][1] == pytest.approx(LOWER_LIMITS[1], abs=RAD_PER_TICK)
    assert np.abs(np.diff(sent, axis=0)).max() < 0.1 + 2 * RAD_PER_TICK
    with pytest.raises(SafetyError, match="finite"):
        hand._driver.move_to(np.full(16, np.nan), 1.0)


def test_fingers_that_are_held_back_let_up_when_they_are_tired(hand: DynamixelHand) -> None:
    closed, tired = np.minimum(START_POSE + 0.7, UPPER_LIMITS), 11  # a joint of the ring finger
    for _ in range(20):
        hand.step(closed[None])
    wanted = limit_command(hand.state().position[0], hand.command[0], MAX_COMMAND_STEP)
    hand._driver.loads.share[tired] = 0.0
    hand.step(closed[None])
    assert "ring" in hand.state().info["held_fingers"][0]
    assert hand.command[0, tired] == pytest.approx(wanted[tired], abs=RAD_PER_TICK)


def test_a_pause_is_noticed_and_survived(
    timed: DynamixelHand, clock: OwnedClock, process: VirtualHandProcess, caplog: pytest.LogCaptureFixture
) -> None:
    step(timed)
    fall_silent(clock, process)
    assert set(process.command("status")["bus_watchdog"]) == {-1}
    step(timed)
    assert set(process.command("status")["bus_watchdog"]) == {4}
    assert "The servos stopped after a pause of 250 ms" in caplog.text
    info = timed.state().info
    assert info["pacing_overrun"] == ["caller"]
    assert info["pacing_overruns"] == [{"caller": 1}]
    assert 0.0 <= info["pacing_jitter_p50"][0] <= info["pacing_jitter_p99"][0] <= info["pacing_jitter_worst"][0] + 1e-5
    caplog.set_level("INFO")
    timed.close()
    timed.close()
    assert caplog.text.count("ticks at") == 1


def test_the_real_clock_is_the_default() -> None:
    hand = connect("virtual", clock="realtime", hand_config=DynamixelHandConfig(ramp_speed=10.0))
    reset(hand)
    begin = time.monotonic()
    for _ in range(4):
        step(hand)
    assert time.monotonic() - begin > 3.5 * CONTROL_PERIOD
    hand.close()


def test_a_plain_script_sees_the_prompt(make: Callable[..., DynamixelHand], capsys: pytest.CaptureFixture[str]) -> None:
    config = DynamixelHandConfig(reply_timeout=0.02, placement_time=0.1, ramp_speed=10.0)
    reset(make(operator=None, config=config))
    assert capsys.readouterr().err == "Put the cylinder into the hand within 0.1 s.\n"


def test_an_empty_hand_is_not_waited_for(make: Callable[..., DynamixelHand], process: VirtualHandProcess) -> None:
    prompts: list[str] = []
    hand = make(operator=None, prompt=prompts.append)
    hand.reset(np.array([0]), [Scene(object=NO_OBJECT)], np.random.default_rng(0))
    assert prompts == []
    assert process.command("status")["time_s"] < 5.0


@pytest.mark.parametrize(("fault", "message"), [("power_loss", "No servo answers"), ("drop:servo=3", r"3 \(if_dip\)")])
def test_temperatures_of_a_dead_hand_name_the_cause(
    make: Callable[..., DynamixelHand], process: VirtualHandProcess, fault: str, message: str
) -> None:
    hand = make()
    assert hand.temperature().shape == (16,)
    process.inject(fault)
    with pytest.raises(MissingServoError, match=message):
        hand.temperature()


def test_a_clean_up_that_fails_hides_nothing(make: Callable[..., DynamixelHand], hand: DynamixelHand) -> None:
    def fail() -> None:
        raise HardwareError("the clean-up failed")

    hand._bus.torque_off = fail  # type: ignore[method-assign]
    with pytest.raises(SafetyError, match="finite angles"):
        hand.step(np.full((1, 16), np.nan))
