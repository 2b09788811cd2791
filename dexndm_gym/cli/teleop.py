"""``dexndm teleop``: somebody steers wrist and axis, a policy moves the fingers."""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Annotated, Any, Union

import gymnasium
import tyro

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.cli.common import (
    announce,
    announce_hand,
    interruptible,
    load_policy_file,
    parse,
    stop_key,
    table,
    write_json,
)
from dexndm_gym.cli.teleop_options import Real, Sim, TeleopOptions, Virtual
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.hardware.pacing import Pacer
from dexndm_gym.objects.object_choice import Choice, choice_name, find_objects
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.task.orientations import AXES, HAND_AXES
from dexndm_gym.teleop.commands import Command
from dexndm_gym.virtual_hand import VIRTUAL_PORT

if TYPE_CHECKING:  # the page and the simulation take long to load
    from dexndm_gym.teleop.demos import Part
    from dexndm_gym.teleop.recorder import TeleopRecorder
    from dexndm_gym.teleop.sources import CommandSource
    from dexndm_gym.viewer.snapshot import Snapshot

_A_DAY = 24 * 3600
"""How long an episode may last, s: whoever steers says when it is over."""


def run(arguments: list[str]) -> None:
    """Run the command."""
    subcommands = Union[tuple(Annotated[c, tyro.conf.subcommand(c.__name__.lower())] for c in _ACTIONS)]  # noqa: UP007
    command: Any = parse(
        subcommands,  # type: ignore[arg-type]
        "teleop",
        arguments,
        description="Steer a hand: keys, page, phone, gamepad or script choose axis and wrist, a policy moves fingers.",
    )
    with interruptible(lambda: "torque is off" if command.out is None else f"torque is off; {command.out} is kept"):
        _ACTIONS[type(command)](command)


def _sim(command: Sim) -> None:
    announce("a simulated hand")
    _teleoperate(command, "LeapRotate-Sim-v0", "Simulated hand", real_time=False, starts=command.starts)


def _virtual(command: Virtual) -> None:
    announce(f"virtual hand {command.hand_seed}")
    clock = "realtime" if command.script == "none" else "lockstep"
    hand = {"port": VIRTUAL_PORT, "hand_seed": command.hand_seed, "clock": clock}
    _teleoperate(command, "LeapRotate-Real-v0", f"Virtual hand {command.hand_seed}", real_time=True, **hand)


def _real(command: Real) -> None:
    address = announce_hand(command.port, command.hand_seed)
    hand = {"port": address.port, "hand_seed": command.hand_seed, "clock": "realtime"}
    _teleoperate(command, "LeapRotate-Real-v0", str(address).capitalize(), real_time=True, **hand)


_ACTIONS: dict[type, Callable[[Any], None]] = {Sim: _sim, Virtual: _virtual, Real: _real}
"""What each subcommand does."""


def _teleoperate(command: TeleopOptions, name: str, title: str, *, real_time: bool, **hand: Any) -> None:
    from dexndm_gym.teleop.recorder import TeleopRecorder

    items = find_objects(command.object)
    options = {"wrist": list(command.wrist), "axis": list(command.axis)}
    EpisodeOptions().updated(options)  # says now what is wrong with them
    policy, config = load_policy_file(command.policy), TaskConfig(episode_steps=round(_A_DAY / CONTROL_PERIOD))
    with ExitStack() as stack:
        env = stack.enter_context(closing(gymnasium.make(name, object=list(items), config=config, **hand)))
        recorder = None
        if command.out is not None:
            recorder = stack.enter_context(TeleopRecorder(command.out, {"hand": title}))
        if command.script == "none":
            _steer(command, env, policy, title, items, options, recorder, stack, real_time=real_time)
        else:
            _play_script(command, env, policy, options, recorder)


def _steer(
    command: TeleopOptions, env: Any, policy: Any, title: str, items: Sequence[Choice], options: dict[str, Any],
    recorder: "TeleopRecorder | None", stack: ExitStack, *, real_time: bool,
) -> None:  # fmt: skip
    from dexndm_gym.teleop.session import TeleopSession

    sources, screens = _sources(command, title, items, stack)
    stack.callback(env.close)  # torque first: pages take their time to close
    pacer = None if real_time else Pacer(CONTROL_PERIOD)
    session = TeleopSession(
        env, policy, sources, options=options, seed=command.seed, loss=command.loss, recorder=recorder, pacer=pacer
    )
    if len(command.axis) == 1 and command.axis[0] in {*AXES, *HAND_AXES}:  # one axis, not a set to draw from
        session.steering.take(Command("axis", command.axis[0]))  # an axis of the hand turns with it
    end = time.monotonic() + command.seconds
    while time.monotonic() < end:
        snapshot = session.advance()
        for show in screens:
            show(snapshot)


def _sources(
    command: TeleopOptions, title: str, items: Sequence[Choice], stack: ExitStack
) -> "tuple[list[CommandSource], list[Callable[[Snapshot], None]]]":
    """Who steers, and what shows them each moment; says how."""
    from dexndm_gym.teleop.keyboard import HELP, KeyboardSource

    sources: list[CommandSource] = []
    screens: list[Callable[[Snapshot], None]] = []
    if command.page:
        from dexndm_gym.teleop.page import PageSource, teleop_page
        from dexndm_gym.viewer.controls import PageSettings
        from dexndm_gym.viewer.page_process import PageProcess

        own = {choice_name(item): item for item in items}
        settings = PageSettings(title=title, host=command.host, port=command.page_port, items=own, stoppable=True)
        page = stack.enter_context(PageProcess(settings, teleop_page))
        sources.append(PageSource(page))
        screens.append(page.show)
        print(f"Page: {page.url}  (Ctrl-C ends it)", flush=True)
    if command.phone is not None:
        from dexndm_gym.teleop.phone import PhoneSource
        from dexndm_gym.teleop.phone_server import PhoneServer

        phone = PhoneSource()
        server = stack.enter_context(PhoneServer(phone, command.phone, command.phone_port))
        sources.append(phone)
        screens.append(phone.show)
        print(f"Phone: {server.url}  (certificate SHA-256 {server.fingerprint})", flush=True)
    if command.gamepad:
        from dexndm_gym.teleop.gamepad import GamepadSource

        sources.append(GamepadSource())
        print("Gamepad: A go, B EMERGENCY STOP, X hold, Y open, back close, start reset, sticks and cross the axis")
    if KeyboardSource.available():
        sources.append(stack.enter_context(KeyboardSource()))
        print(f"Keys: {HELP}", flush=True)
    if not sources:
        raise ConfigurationError(
            "nobody can steer: there is no terminal; leave out --no-page, or give --gamepad or --phone"
        )
    return sources, screens


def _play_script(
    command: TeleopOptions, env: Any, policy: Any, options: dict[str, Any], recorder: "TeleopRecorder | None"
) -> None:
    from dexndm_gym.teleop.demos import reach_goals, turn_bulb

    play: Any = {"bulb": turn_bulb, "goals": reach_goals}[command.script]
    parts: list[Part] = []
    with stop_key(env):
        for part in play(env, policy, seed=command.seed, options=options, recorder=recorder):
            parts.append(part)
            print(f"{part.what}: {'yes' if part.success else 'no'}", file=sys.stderr, flush=True)
    rows = [
        (part.what, *(f"{value:.2f}" if value == value else "-" for value in (part.rotation, part.angle_left)),
         f"{part.seconds:.1f}", "yes" if part.lost else "no", "yes" if part.success else "no")
        for part in parts
    ]  # fmt: skip
    print(table(("part", "turned rad", "left rad", "s", "lost", "success"), rows))
    succeeded = sum(part.success for part in parts)
    print(f"{succeeded} of {len(parts)} parts that were begun succeeded.")
    write_json({"script": command.script, "parts": [part.as_dict() for part in parts]}, command.json)
