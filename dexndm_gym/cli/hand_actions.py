"""What the subcommands of ``dexndm hand`` do and print."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from dexndm_gym.cli.common import announce_stop_key, ask, table
from dexndm_gym.cli.hand_options import Calibrate, Check, Gains, HandOptions, Mirror, Relax, Scan, Watch
from dexndm_gym.constants import SIDE_GAIN
from dexndm_gym.errors import SafetyError
from dexndm_gym.hand.joints import JOINT_NAMES, NUM_JOINTS
from dexndm_gym.outputs import replacing

if TYPE_CHECKING:
    from dexndm_gym.backends.hand_port import HandPort
    from dexndm_gym.hardware.servo_setup import ServoSettings
    from dexndm_gym.hardware.session import HandSession

YES_MEANS = {
    Calibrate: "the hand is already held flat and open",
    Mirror: "the servos' own sensors are to be trusted",
}
"""What ``--yes`` says to the commands that ask."""

_CLEAR_SCREEN = "\033[H\033[J"
_BETWEEN_READINGS = 0.05
"""Time between two readings of a hand that is held still, s."""


@contextmanager
def _session(
    command: HandOptions, port: "HandPort", settings: "ServoSettings | None" = None
) -> "Iterator[HandSession]":
    from dexndm_gym.hardware.session import HandSession

    with port.open_bus(command.baudrate) as bus, HandSession(bus, port.pacer(), settings) as session:
        yield session


T = TypeVar("T")


def _with_stop_key(session: "HandSession", moves: Iterator[T]) -> Iterator[T]:
    """Let any key stop the hand while it moves, and only then: between two moves there may be questions to answer."""
    from dexndm_gym.hardware.emergency_stop import StopKey

    announce_stop_key()
    while True:
        with StopKey(session.stop):
            move = next(moves, None)
        if move is None:
            return
        yield move


def scan(command: Scan, port: "HandPort") -> None:
    """List the servos that answer."""
    from dexndm_gym.hardware.checkup import model_name
    from dexndm_gym.hardware.scan import BAUDRATES, advise, scan_port

    found = []
    for baudrate, answers in zip(BAUDRATES, scan_port(port.path), strict=False):
        print(f"{baudrate:>8} baud: {len(answers)} servos")
        found += answers
    rows = [(str(s.id), str(s.baudrate), model_name(s.model), str(s.firmware)) for s in found]
    print(table(("id", "baud rate", "model", "firmware"), rows))
    _conclude(advise(found), "All 16 servos answer.")


def check(command: Check, port: "HandPort") -> None:
    """Show and judge the state of every servo."""
    from dexndm_gym.hardware.checkup import check_hand, model_name

    with port.open_bus(command.baudrate) as bus:
        checkup = check_hand(bus)
    values = checkup.values
    rows = [
        (
            *(f"{i}", JOINT_NAMES[i], model_name(int(values["model_number"][i])), f"{values['firmware_version'][i]}"),
            *(f"{values['present_input_voltage'][i] / 10:.1f}", f"{values['present_temperature'][i]}"),
            *(f"{values['hardware_error_status'][i]:#04x}", f"{values['return_delay_time'][i] * 2}"),
            *(f"{values['homing_offset'][i]}", "on" if values["torque_enable"][i] else "off"),
        )
        for i in range(NUM_JOINTS)
    ]
    head = ("id", "joint", "model", "firmware", "V", "deg C", "errors", "delay us", "offset", "torque")
    print(table(head, rows, labels=3))
    for line in checkup.advice:
        print(f"note: {line}")
    _conclude(checkup.problems, "The hand is fit to move.")


def calibrate(command: Calibrate, port: "HandPort") -> None:
    """Store zero."""
    from dexndm_gym.hardware.calibration import confirm_zero, impose_modes, measure_pose, propose_offsets, store_offsets

    wait = partial(port.sleep, _BETWEEN_READINGS)
    with port.open_bus(command.baudrate) as bus:
        bus.scan()
        impose_modes(bus, command.joints)
        if not command.yes:
            question = "Hold the hand flat and open, all fingers straight and parallel, and press Enter. "
            ask(question, YES_MEANS[Calibrate])
        offsets = bus.sync_read("homing_offset", allow_alerts=True)["homing_offset"]
        pose = measure_pose(bus, wait, command.joints)
        wanted = propose_offsets(pose, offsets, command.joints)
        rows = [(f"{i}", JOINT_NAMES[i], f"{offsets[i]}", f"{wanted[i]}") for i in command.joints]
        print(table(("id", "joint", "offset before", "offset now"), rows, labels=2))
        store_offsets(bus, wanted)
        confirm_zero(bus, wait, command.joints)
    print("Stored in the servos, one tick is 0.088 degrees. Next: dexndm hand mirror")


def mirror(command: Mirror, port: "HandPort") -> None:
    """Move joint by joint, with pictures."""
    import imageio.v3 as imageio

    from dexndm_gym.hardware.mirror import MOTIONS
    from dexndm_gym.hardware.mirror import mirror as motions
    from dexndm_gym.rendering.camera import Camera
    from dexndm_gym.rendering.renderer import HandRenderer

    whole_hand = Camera(eye=(0.30, -0.42, 0.55), target=(0.02, 0.01, 0.03), angle=26.0)
    renderer, wrong = HandRenderer(width=480, height=360, camera=whole_hand), []
    with _session(command, port) as session:
        for motion in _with_stop_key(session, motions(session, command.joints)):
            picture = command.out / f"{motion.joint:02d}_{JOINT_NAMES[motion.joint]}.png"
            with replacing(picture) as unfinished:
                imageio.imwrite(unfinished, renderer.draw(motion.pose, None, "cube"))
            print(
                f"{motion.joint:2} {JOINT_NAMES[motion.joint]}: {MOTIONS[motion.joint]} ({picture}); moved "
                f"{motion.moved:+.2f} rad, others at most {motion.others:.2f}"
            )
            seen = command.yes or _agrees(ask("   Did you see that? [Y/n] ", YES_MEANS[Mirror]))
            if not (motion.correct and seen):
                wrong.append(motion.joint)
    names = ", ".join(f"{joint} ({JOINT_NAMES[joint]})" for joint in wrong)
    advice = f"Wrong: {names}. Another finger moved: ids are swapped. The other way: the horn is mounted mirrored."
    _conclude([advice] if wrong else [], "Order, sign and zero are right.")


def _agrees(answer: str) -> bool:
    return answer.strip().lower() in ("", "y", "yes")


def gains(command: Gains, port: "HandPort") -> None:
    """Measure step responses."""
    from dexndm_gym.hardware.servo_setup import ServoSettings
    from dexndm_gym.hardware.step_response import step_responses

    settings = ServoSettings(
        p_gain=command.p_gain,
        side_p_gain=int(SIDE_GAIN * command.p_gain),
        d_gain=command.d_gain,
        side_d_gain=int(SIDE_GAIN * command.d_gain),
        current_limit=command.current_limit,
    )
    with _session(command, port, settings) as session:
        rows = [
            (
                *(f"{r.joint}", JOINT_NAMES[r.joint], f"{r.rise_time:.2f}"),
                *(f"{100 * r.overshoot:.0f}", f"{1000 * r.error:.0f}"),
            )
            for r in _with_stop_key(session, step_responses(session, command.joints))
        ]
    print(table(("id", "joint", "90 % after s", "overshoot %", "error mrad"), rows, labels=2))
    print(
        "Errors of 100 mrad and more: raise P or the current limit. Overshoot of 20 % and more: lower P or raise D. "
        "Keep what you choose in ServoSettings."
    )


def watch(command: Watch, port: "HandPort") -> None:
    """Show readings as they come."""
    from dexndm_gym.hardware.registers import describe_alerts
    from dexndm_gym.hardware.units import rad_from_ticks, rad_per_second_from_units

    head = ("id", "joint", "rad", "rad/s", "mA", "V", "deg C", "torque", "errors")
    with port.open_bus(command.baudrate) as bus:
        bus.require_all()
        begin = time.monotonic()
        while time.monotonic() - begin < command.seconds:
            state = bus.sync_read("torque_enable", "hardware_error_status", allow_alerts=True)
            names = ("present_current", "present_velocity", "present_position", "present_input_voltage")
            state |= bus.sync_read(*names, "present_temperature", allow_alerts=True)
            position, speed = rad_from_ticks(state["present_position"]), state["present_velocity"]
            rows = [
                (
                    *(f"{i}", JOINT_NAMES[i], f"{position[i]:+.3f}", f"{rad_per_second_from_units(speed[i]):+.2f}"),
                    *(f"{state['present_current'][i]}", f"{state['present_input_voltage'][i] / 10:.1f}"),
                    *(f"{state['present_temperature'][i]}", "on" if state["torque_enable"][i] else "off"),
                    describe_alerts(int(errors)) if (errors := state["hardware_error_status"][i]) else "-",
                )
                for i in range(NUM_JOINTS)
            ]
            print((_CLEAR_SCREEN if sys.stdout.isatty() else "") + table(head, rows, labels=2), flush=True)
            time.sleep(1.0 / command.rate)


def relax(command: Relax, port: "HandPort") -> None:
    """Switch torque off."""
    with port.open_bus(command.baudrate) as bus:
        try:
            bus.torque_off()
        except SafetyError as error:
            raise bus.explain(error) from error
    print("Torque is off.")


def _conclude(problems: Sequence[str], well: str) -> None:
    """Say how it went; problems make the command fail."""
    for problem in problems[:-1]:
        print(f"problem: {problem}")
    if problems:
        raise SafetyError(problems[-1])
    print(well)
