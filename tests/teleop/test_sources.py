"""Terminal, gamepad, page and programs as sources of commands."""

import os
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.teleop.commands import Command
from dexndm_gym.teleop.gamepad import GamepadSource, PadState
from dexndm_gym.teleop.keyboard import KeyboardSource
from dexndm_gym.teleop.sources import CallbackSource, CommandQueue, Script
from dexndm_gym.viewer.controls import ControlEvent


def test_keys_are_read_until_the_terminal_goes() -> None:
    ours, theirs = os.openpty()
    with KeyboardSource(theirs) as keyboard:
        assert keyboard.poll() == []
        os.write(ours, b"\x1a\x1c")  # Ctrl-Z and Ctrl-\ would leave a hand with its torque on
        assert keyboard.poll() == [Command("stop"), Command("stop")]
        os.write(ours, b"gZ?3 ")
        wanted = [Command("go"), Command("axis", "-z"), Command("speed", 0.6), Command("stop")]
        assert keyboard.poll() == wanted
        assert keyboard.connected
    with KeyboardSource(theirs) as keyboard:
        os.close(ours)
        assert keyboard.poll() == []
        assert not keyboard.connected


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        ([b"\x1b[5~\x1bOP\x1b[15~\x1b[3;2~"], []),  # page up, F1, F5, delete with shift
        ([b"\x1bo\x1b\x1b[5~", b"g"], ["go"]),  # with alt
        ([b"\x1b[", b"5~g"], ["go"]),  # in two parts
        ([b"\x1b", b"[15~g"], ["go"]),
        ([b"\x1b", b"g"], ["go"]),  # escape alone
        ([b"\x1b ", b"\x1b[ ", b"\x1bO ", b"\x1b[1; "], ["stop", "stop", "stop", "speed", "stop"]),
    ],
)
def test_keys_without_a_character_do_nothing_but_a_space_always_stops(parts: list[bytes], wanted: list[str]) -> None:
    ours, theirs = os.openpty()
    said: list[str] = []
    with KeyboardSource(theirs) as keyboard:
        for part in parts:
            os.write(ours, part)
            said += [command.name for command in keyboard.poll()]
    assert said == wanted


@given(st.lists(st.text("\x1b[O;5~ogP", max_size=6), max_size=4))
def test_no_sequence_swallows_a_stop(parts: list[str]) -> None:
    ours, theirs = os.openpty()
    try:
        with KeyboardSource(theirs) as keyboard:
            for part in parts:
                os.write(ours, part.encode())
                keyboard.poll()
            os.write(ours, b" ")
            assert Command("stop") in keyboard.poll()
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_file_is_no_terminal(tmp_path: Any) -> None:
    with open(tmp_path / "x", "w") as file, pytest.raises(ConfigurationError, match="terminal"):
        KeyboardSource(file.fileno()).__enter__()


def test_buttons_count_when_they_are_pressed() -> None:
    shown = [
        PadState(frozenset({"a"})),
        PadState(frozenset({"a", "b"})),
        None,
        PadState(frozenset({"a"})),
        PadState(),
        PadState(frozenset({"a"})),
    ]
    pad = GamepadSource(lambda: shown.pop(0))
    assert pad.poll() == [Command("go")]
    assert pad.poll() == [Command("stop")]
    assert (pad.poll(), pad.connected) == ((), False)
    assert (pad.poll(), pad.connected) == ([], True)
    assert [*pad.poll(), *pad.poll()] == [Command("go")]


def test_sticks_point_along_an_axis() -> None:
    shown = [
        PadState(sticks=(0.3, 0.0, 0.0)),
        *[PadState(sticks=(0.6, 0.0, 0.8))] * 2,
        PadState(sticks=(0.0, -1.0, 0.0)),
    ]
    pad = GamepadSource(lambda: shown.pop(0))
    said = [command.value for _ in range(4) for command in pad.poll()]
    assert said == [pytest.approx((0.6, 0.0, 0.8)), (0.0, -1.0, 0.0)]


class Page:
    """What a page process tells."""

    def __init__(self) -> None:
        self.alive, self.silence = True, 0.1
        self.said = [ControlEvent(name="viewers", value=1), ControlEvent(name="axis", value="-x")]

    def events(self) -> list[ControlEvent]:
        said, self.said = self.said, []
        return said


def test_a_page_that_nobody_views_is_lost() -> None:
    source_of = pytest.importorskip("dexndm_gym.teleop.page", reason="the extra viewer is not installed").PageSource
    page = Page()
    source = source_of(page)
    assert not source.connected
    assert source.poll() == [Command("axis", "-x")]
    assert source.connected
    page.said = [ControlEvent(name="viewers", value=0), ControlEvent(name="reset")]
    assert (source.poll(), source.connected) == ([Command("reset")], False)


def test_programs_are_asked_or_leave_commands() -> None:
    arm = CallbackSource(lambda: [Command("wrist", "palm_down")], connected=lambda: False)
    assert (arm.poll(), arm.connected) == ((Command("wrist", "palm_down"),), False)
    queue = CommandQueue()
    thread = threading.Thread(target=queue.put, args=("axis", (1.0, 0.0, 0.0)))
    thread.start()
    thread.join()
    assert queue.poll() == [Command("axis", (1.0, 0.0, 0.0))]
    assert queue.poll() == []
    with pytest.raises(ConfigurationError):
        queue.put("fly")


def test_a_script_says_what_is_due_by_its_clock() -> None:
    times = [0.0, 0.0, 0.1, 0.15, 0.2]
    script = Script([(0.0, Command("go")), (0.15, Command("hold"))], lambda: times.pop(0))
    said = [list(script.poll()) for _ in range(5)]
    assert said == [[Command("go")], [], [], [Command("hold")], []]
    assert script.over
