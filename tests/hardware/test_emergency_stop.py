"""A switch that stops the hand, and the keys of a terminal that press it."""

import os
import pty
import select
import subprocess
import sys
import termios
import threading
from types import SimpleNamespace

import pytest

from dexndm_gym.errors import StopRequestedError
from dexndm_gym.hardware import emergency_stop
from dexndm_gym.hardware.emergency_stop import StopKey, StopSwitch

PROGRAM = """
import sys, threading
from dexndm_gym.hardware.emergency_stop import StopKey
pressed = threading.Event()
try:
    with StopKey(lambda reason: (print(reason, flush=True), pressed.set())):
        print("ready", flush=True)
        pressed.wait(30.0)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""

PROGRAM_THAT_GOES_ON = """
import threading
from dexndm_gym.hardware.emergency_stop import StopKey
stops, done = [], threading.Event()
def stop(reason):
    stops.append(reason)
    print(f"stopped {len(stops)}", flush=True)  # in one piece: the main thread writes, too
    if len(stops) == 2:
        done.set()
with StopKey(stop):
    print("ready", flush=True)
    done.wait(30.0)
"""

CONFIRMING = """
import threading
from dexndm_gym.hardware.emergency_stop import StopKey
pressed = threading.Event()
with StopKey(lambda reason: (print(reason, flush=True), pressed.set())) as key:
    key.confirmed()
    print("listening" if key.is_listening else "deaf", flush=True)
    while not key.confirmed():
        pass
    print("confirmed", flush=True)
    pressed.wait(30.0)
"""


def test_a_switch_stays_pressed_until_it_is_released() -> None:
    switch = StopSwitch()
    switch.check()
    switch.press("because")
    for _ in range(2):
        with pytest.raises(StopRequestedError, match="because"):
            switch.check()
    switch.release()
    switch.check()
    switch.press("")
    with pytest.raises(StopRequestedError, match="no reason"):
        switch.check()
    assert switch.is_pressed


def read_until(terminal: int, text: bytes) -> bytes:
    seen = b""
    while text not in seen:
        assert select.select([terminal], [], [], 30.0)[0], f"{text!r} did not come after {seen!r}"
        seen += os.read(terminal, 1024)
    return seen


@pytest.mark.parametrize(
    ("key", "text"),
    [*((key, b"a key was pressed") for key in (b" ", b"\x1a", b"\x1c")), (b"\x03", b"interrupted")],
)
def test_key_stops_and_the_terminal_is_restored(key: bytes, text: bytes) -> None:
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    # A session of its own, whose terminal this becomes: as in a shell, or over ssh.
    command = [sys.executable, "-c", "import fcntl, termios\nfcntl.ioctl(0, termios.TIOCSCTTY, 0)" + PROGRAM]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as program:
        read_until(ours, b"ready")
        assert not termios.tcgetattr(theirs)[3] & termios.ICANON, "no Enter is needed"
        os.write(ours, key)
        read_until(ours, text)
        assert program.wait(30.0) == 0
    assert termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("then", [b" ", b"\n"])
def test_enter_confirms_once_where_it_is_asked_for(then: bytes) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "import fcntl, termios\nfcntl.ioctl(0, termios.TIOCSCTTY, 0)" + CONFIRMING]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as program:
        read_until(ours, b"listening")
        os.write(ours, b"\n")
        assert b"a key was pressed" not in read_until(ours, b"confirmed")
        os.write(ours, then)
        read_until(ours, b"a key was pressed")
        assert program.wait(30.0) == 0
    os.close(ours)
    os.close(theirs)


def test_a_question_that_was_given_up_is_no_question(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    now, stopped = [100.0], threading.Event()
    monkeypatch.setattr(emergency_stop, "_in_foreground", lambda _: True)
    monkeypatch.setattr(emergency_stop, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with StopKey(lambda _: stopped.set(), terminal=theirs) as key:
        assert not key.confirmed()
        now[0] += 10.0  # somebody has pressed stop on a page meanwhile
        os.write(ours, b"\n")
        assert stopped.wait(30.0), "Enter is a key like any other"
        assert not key.confirmed(), "nobody has confirmed the next prompt"
    os.close(ours)
    os.close(theirs)


def test_without_a_terminal_there_is_no_key() -> None:
    ended, end = os.pipe()
    os.write(end, b" ")
    stopped = threading.Event()
    with StopKey(lambda _reason: stopped.set(), terminal=ended):
        assert not stopped.wait(0.05)
    os.close(ended)
    os.close(end)


def test_a_terminal_of_somebody_else_is_left_alone() -> None:
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    with StopKey(lambda _reason: None, terminal=theirs):
        assert termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)


def test_every_key_stops_not_only_the_first() -> None:
    ours, theirs = pty.openpty()
    program = PROGRAM_THAT_GOES_ON
    command = [sys.executable, "-c", "import fcntl, termios\nfcntl.ioctl(0, termios.TIOCSCTTY, 0)" + program]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as running:
        read_until(ours, b"ready")
        for time in (b"1", b"2"):
            os.write(ours, b" ")
            read_until(ours, b"stopped " + time)
        assert running.wait(30.0) == 0
    os.close(ours)
    os.close(theirs)
