"""Whatever fails, the driver says so with a typed error, and torque goes off."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from dexndm_gym.backends.dynamixel_config import DynamixelHandConfig
from dexndm_gym.backends.dynamixel_hand import DynamixelHand
from dexndm_gym.envs.rotate_env import LeapRotateEnv
from dexndm_gym.errors import (
    ConfigurationError,
    HardwareError,
    MissingServoError,
    PortError,
    SafetyError,
    ServoAlertError,
    StopRequestedError,
)
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.hardware.pacing import NoPacer
from dexndm_gym.hardware.servo_setup import ServoSettings
from dexndm_gym.hardware.units import rad_from_ticks
from dexndm_gym.objects.scene import Scene
from dexndm_gym.virtual_hand.client import VirtualHandProcess

PATIENCE = 30.0
"""Seconds within which every fault must have become an error, however busy the machine is; mostly it takes 0.1."""


def reset(hand: DynamixelHand) -> None:
    hand.reset(np.array([0]), [Scene()], np.random.default_rng(0))


def step(hand: DynamixelHand) -> None:
    hand.step(START_POSE[None])


def flex_and_hold(hand: DynamixelHand) -> None:
    for step_number in range(60):
        hand.step(hand.command + (0.04 if step_number < 20 else 0.0))


def torque(process: VirtualHandProcess) -> list[bool]:
    return process.command("status")["torque_enable"]


def kill(hand: DynamixelHand, process: VirtualHandProcess) -> None:
    process.process.kill()
    process.process.wait()


def freeze(hand: DynamixelHand, process: VirtualHandProcess) -> None:
    os.kill(process.process.pid, signal.SIGSTOP)


def unplug(hand: DynamixelHand, process: VirtualHandProcess) -> None:
    process.inject("unplug")


def close_port(hand: DynamixelHand, process: VirtualHandProcess) -> None:
    hand._bus.port.close()


def power_loss(hand: DynamixelHand, process: VirtualHandProcess) -> None:
    process.inject("power_loss:servo=5")


def overload(hand: DynamixelHand, process: VirtualHandProcess) -> None:
    process.inject("overload:servo=5")


def corrupt(hand: DynamixelHand, process: VirtualHandProcess) -> None:
    process.inject("corrupt")


IDS = range(16)
Fault = Callable[[DynamixelHand, VirtualHandProcess], None]


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        (kill, PortError, "cable"),
        (freeze, PortError, "does not react"),
        (unplug, PortError, "cable"),
        (close_port, PortError, "closed"),
        (power_loss, MissingServoError, r"5 \(mf_mcp\)"),
        (overload, ServoAlertError, r"5 \(mf_mcp\): overload"),
        (corrupt, HardwareError, "servo"),
    ],
)
def test_a_fault_is_a_typed_error_within_seconds(
    hand: DynamixelHand, process: VirtualHandProcess, fault: Fault, error: type[Exception], message: str
) -> None:
    step(hand)
    fault(hand, process)
    begin = time.monotonic()
    with pytest.raises(error, match=message):
        step(hand)
    assert time.monotonic() - begin < PATIENCE
    with pytest.raises(HardwareError, match="call reset first"):
        step(hand)
    if fault is freeze:
        os.kill(process.process.pid, signal.SIGCONT)
        process.command("status")  # by its answer, what was sent meanwhile has been read
    if fault in (freeze, power_loss, overload, corrupt):
        assert not any(torque(process))


def push_for_long(hand: DynamixelHand, process: VirtualHandProcess) -> list[str]:
    """Bend an index finger that is stuck, for 20 s; the joints that were eased off, step by step."""
    reset(hand)
    process.inject("stuck:servo=1")
    wanted, eased = START_POSE.copy(), []
    wanted[1] += 0.4
    for _ in range(400):
        hand.step(wanted[None])
        eased.append(hand.state().info["eased_joints"][0])
    return eased


def test_pushing_for_long_overloads_no_servo(hand: DynamixelHand, process: VirtualHandProcess) -> None:
    eased = push_for_long(hand, process)
    assert not any(eased[: 3 * 20]), "a short push is no load"
    assert "if_mcp" in eased[-1]


def test_pushing_for_long_overloads_unguarded_servo(
    make: Callable[..., DynamixelHand], process: VirtualHandProcess
) -> None:
    hand = make(config=DynamixelHandConfig(reply_timeout=0.02, lasting_current=10.0))
    with pytest.raises(ServoAlertError, match=r"1 \(if_mcp\): overload"):
        push_for_long(hand, process)


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ("drop", MissingServoError, "No servo"),
        ("drop:servo=5", MissingServoError, r"5 \(mf_mcp\)"),
        ("delay:value=0.2", HardwareError, "answer"),
        ("truncate", HardwareError, "answer"),
        ("wrong_model:servo=5", MissingServoError, r"5 \(mf_mcp\) is model 1190"),
        ("wrong_id:servo=5", MissingServoError, r"5 \(mf_mcp\)"),
        ("unplug:duration=0.3", PortError, "cable"),
        ("reboot:servo=5", SafetyError, r"restarted by themselves: 5 \(mf_mcp\)"),
        ("reboot", SafetyError, "restarted by themselves: 0"),
        ("overheating:servo=5", (ServoAlertError, SafetyError), r"5 \(mf_mcp\)"),
        ("stuck:servo=5", SafetyError, r"without moving: 5 \(mf_mcp\)"),
        ("brown_out", MissingServoError, "No servo"),
        ("brown_out:value=3.3", (ServoAlertError, SafetyError), "voltage|supply"),
    ],
)
def test_faults_end_in_typed_errors_and_recovery(
    hand: DynamixelHand,
    process: VirtualHandProcess,
    fault: str,
    error: type[Exception] | tuple[type[Exception], ...],
    message: str,
) -> None:
    process.inject(fault)
    with pytest.raises(error, match=message) as caught:
        flex_and_hold(hand)
    assert isinstance(caught.value, HardwareError)
    process.command("pass_time", seconds=0.15)
    status = process.command("status")
    safe = [
        watchdog == -1 or not (torque and powered)
        for watchdog, torque, powered in zip(
            status["bus_watchdog"], status["torque_enable"], status["powered"], strict=True
        )
    ]
    assert all(safe), "torque is off, or the servo's own watchdog has stopped it"
    if caught.value.torque_off:
        assert not any(status["torque_enable"])
    process.clear_faults()
    process.command("pass_time", seconds=0.1)
    for servo in IDS:
        process.inject(f"reboot:servo={servo}")
    process.clear_faults()
    reset(hand)
    step(hand)
    assert all(torque(process))


@pytest.mark.parametrize(
    ("fault", "name", "off"), [("reboot:servo=5", "SafetyError", True), ("unplug", "PortError", False)]
)
def test_a_fault_ends_the_episode_with_its_reason(
    make: Callable[..., DynamixelHand], process: VirtualHandProcess, fault: str, name: str, off: bool
) -> None:
    env = LeapRotateEnv(make())
    env.reset(seed=0)
    action = np.zeros(16, dtype=np.float32)
    env.step(action)
    process.inject(fault)
    _, reward, terminated, truncated, info = env.step(action)
    assert (reward, terminated, truncated) == (0.0, False, True)
    assert (info["fault"], info["torque_off"]) == (name, off)
    assert len(info["fault_message"]) > 20
    with pytest.raises(ConfigurationError, match="call reset"):
        env.step(action)


def test_stop_switches_torque_off_for_good(hand: DynamixelHand, process: VirtualHandProcess) -> None:
    hand.stop("a key was pressed")
    assert not any(torque(process))
    for go_on in (step, reset):
        with pytest.raises(StopRequestedError, match="a key was pressed") as caught:
            go_on(hand)
        assert caught.value.torque_off
    hand.release_stop()
    reset(hand)
    assert all(torque(process))


def test_stop_within_a_step_ends_the_episode(make: Callable[..., DynamixelHand], process: VirtualHandProcess) -> None:
    hand = make()
    env = LeapRotateEnv(hand)
    env.reset(seed=0)
    wait = hand.pacer.wait

    def somebody_stops() -> None:
        thread = threading.Thread(target=hand.stop)
        thread.start()
        thread.join(30.0)
        assert not thread.is_alive(), "who stops does not wait"
        wait()

    hand.pacer.wait = somebody_stops  # type: ignore[method-assign]
    _, _, _, truncated, info = env.step(np.zeros(16, dtype=np.float32))
    assert truncated
    assert (info["fault"], info["torque_off"]) == ("StopRequestedError", True)
    assert not any(torque(process))


def test_stop_while_the_object_is_looked_for_ends_the_episode_too(
    make: Callable[..., DynamixelHand], process: VirtualHandProcess
) -> None:
    class Stopping:
        """A tracker that sees nothing; while it looks, somebody stops the hand."""

        def object_pose(self) -> None:
            thread = threading.Thread(target=hand.stop)
            thread.start()
            thread.join(30.0)

    hand = make()
    reset(hand)
    hand._tracker = Stopping()
    with pytest.raises(StopRequestedError):
        step(hand)
    assert not any(torque(process)), "nobody has to try another step for that"


def test_a_fault_tells_how_far_the_episode_had_come(make: Callable[..., DynamixelHand]) -> None:
    env = LeapRotateEnv(make())
    env.reset(seed=0)
    *_, before = env.step(np.zeros(16, dtype=np.float32))
    env.backend.stop()  # type: ignore[attr-defined]
    *_, info = env.step(np.zeros(16, dtype=np.float32))
    assert info["fault"] == "StopRequestedError"
    assert {name: info[name] for name in ("time", "rotation", "object")} == {
        name: before[name] for name in ("time", "rotation", "object")
    }


def test_jammed_joint_is_noticed_within_a_second(hand: DynamixelHand, process: VirtualHandProcess) -> None:

    def swing() -> None:
        for tick in range(100):
            hand.step(START_POSE[None] + 0.35 * np.sin(2.0 * np.pi * tick / 20))

    process.inject("stuck:servo=6")
    begin = process.command("status")["time_s"]
    with pytest.raises(SafetyError, match=r"without moving: 6 \(mf_pip\)"):
        swing()
    assert process.command("status")["time_s"] - begin < 1.1


def test_duplicated_answers_disturb_nothing(hand: DynamixelHand, process: VirtualHandProcess) -> None:
    process.inject("duplicate")
    for _ in range(5):
        step(hand)
    assert hand.state().position[0] == pytest.approx(rad_from_ticks(process.command("status")["position"]), abs=1e-9), (
        "the readings are those of now"
    )


def test_a_few_broken_replies_disturb_nothing(hand: DynamixelHand, process: VirtualHandProcess) -> None:
    for _ in range(5):
        process.inject("corrupt:count=2")
        step(hand)
    assert all(torque(process))


def test_reset_connects_again_after_a_fault(hand: DynamixelHand, process: VirtualHandProcess) -> None:
    process.inject("power_loss:servo=5")
    with pytest.raises(MissingServoError):
        step(hand)
    with pytest.raises(MissingServoError, match=r"5 \(mf_mcp\)"):
        reset(hand)
    process.clear_faults()
    reset(hand)
    step(hand)
    assert all(torque(process))


def test_overloaded_servos_can_be_rebooted(make: Callable[..., DynamixelHand], process: VirtualHandProcess) -> None:
    process.inject("overload:servo=5")
    with pytest.raises(ServoAlertError, match="reboot_alerted"):
        reset(make())
    settings = ServoSettings(reboot_alerted=True)
    reset(make(config=DynamixelHandConfig(reply_timeout=0.02, servos=settings)))
    assert all(torque(process))


def test_reset_after_the_virtual_hand_has_died(hand: DynamixelHand, process: VirtualHandProcess) -> None:
    kill(hand, process)
    with pytest.raises(PortError, match="cable"):
        step(hand)
    with pytest.raises(PortError, match="the virtual hand has ended"):
        reset(hand)


def test_a_missing_servo_is_found_when_connecting(
    make: Callable[..., DynamixelHand], process: VirtualHandProcess
) -> None:
    process.inject("power_loss:servo=12")
    begin = time.monotonic()
    with pytest.raises(MissingServoError, match=r"12 \(th_cmc\)"):
        reset(make())
    assert time.monotonic() - begin < PATIENCE


def test_a_wrong_baud_rate_is_found_when_connecting(make: Callable[..., DynamixelHand]) -> None:
    hand = make(config=DynamixelHandConfig(baudrate=57600, reply_timeout=0.02))
    begin = time.monotonic()
    with pytest.raises(MissingServoError, match="at 57600 baud"):
        reset(hand)
    assert time.monotonic() - begin < PATIENCE


@pytest.mark.parametrize("target", [np.full((1, 16), np.nan), np.zeros((1, 15))])
def test_a_target_that_is_none_ends_the_episode(
    hand: DynamixelHand, process: VirtualHandProcess, target: np.ndarray
) -> None:
    with pytest.raises(SafetyError):
        hand.step(target)
    assert not any(torque(process))


def test_an_exception_from_elsewhere_switches_torque_off(hand: DynamixelHand, process: VirtualHandProcess) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    hand.pacer.wait = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        step(hand)
    assert not any(torque(process))


def test_close_switches_torque_off_and_can_be_repeated(hand: DynamixelHand, process: VirtualHandProcess) -> None:
    hand.close()
    hand.close()
    assert not any(torque(process))
    with pytest.raises(HardwareError, match="has been closed"):
        reset(hand)


def test_a_forgotten_hand_switches_torque_off(process: VirtualHandProcess) -> None:
    config = DynamixelHandConfig(reply_timeout=0.25)
    hand = DynamixelHand(process.port, tracker=process, operator=process, pacer=NoPacer(), config=config)
    reset(hand)
    assert all(torque(process))
    del hand
    gc.collect()
    assert not any(torque(process))


PROGRAM = """
import sys
import numpy as np
from dexndm_gym.backends.dynamixel_hand import DynamixelHand, DynamixelHandConfig
from dexndm_gym.hardware.pacing import NoPacer
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.objects.scene import Scene

config = DynamixelHandConfig(reply_timeout=0.25, placement_time=0.0, ramp_speed=5.0)
hand = DynamixelHand(sys.argv[1], pacer=NoPacer(), config=config)
hand.reset(np.array([0]), [Scene()], np.random.default_rng(0))
print("ready", flush=True)
{ending}
"""
ENDINGS = {
    "signal": "while True:\n    hand.step(START_POSE[None])",
    "exit": "sys.exit(3)",
    "exception": "raise RuntimeError('elsewhere')",
}


def test_after_kill_9_the_servos_stop_by_themselves(process: VirtualHandProcess) -> None:
    command = [sys.executable, "-c", PROGRAM.format(ending=ENDINGS["signal"]), process.port]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"ready\n"
        program.kill()
    process.settle()
    assert all(torque(process))
    process.command("pass_time", seconds=0.1)
    status = process.command("status")
    assert status["bus_watchdog"] == [-1] * 16
    process.command("pass_time", seconds=1.0)
    assert np.abs(np.subtract(process.command("status")["position"], status["position"])).max() <= 40, "it only sags"


@pytest.mark.parametrize(
    ("ending", "number"),
    [("signal", signal.SIGINT), ("signal", signal.SIGTERM), ("signal", signal.SIGHUP), ("exit", 0), ("exception", 0)],
)
def test_however_the_program_ends_torque_is_off(process: VirtualHandProcess, ending: str, number: int) -> None:
    command = [sys.executable, "-c", PROGRAM.format(ending=ENDINGS[ending]), process.port]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"ready\n"
        if number:
            assert all(torque(process))
            time.sleep(0.05)
            program.send_signal(number)
        assert program.wait(60.0) != 0
    assert not any(torque(process))
