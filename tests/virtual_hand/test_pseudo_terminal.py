"""The pseudo-terminal as a serial port."""

import os
import termios
from collections.abc import Iterator

import pytest
import serial

from dexndm_gym.virtual_hand.pseudo_terminal import Terminal


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


@pytest.mark.parametrize("baud", [57600, 1_000_000, 3_000_000, 4_000_000])
def test_knows_the_baud_rate_of_the_host(terminal: Terminal, baud: int) -> None:
    with serial.Serial(terminal.path, baud):
        assert terminal.baud == baud


def test_unnamed_baud_rate_is_none(terminal: Terminal) -> None:
    with serial.Serial(terminal.path, 4_500_000):
        assert terminal.baud not in (57600, 1_000_000, 4_000_000)


def test_bytes_pass_unchanged_both_ways(terminal: Terminal) -> None:
    everything = bytes(range(256))
    with serial.Serial(terminal.path, 4_000_000, timeout=2) as host:
        host.write(everything)
        assert terminal.read() == everything
        terminal.write(everything)
        assert host.read(256) == everything
    assert terminal.read() == b""


def test_hosts_may_come_and_go(terminal: Terminal) -> None:
    for _ in range(2):
        with serial.Serial(terminal.path, 4_000_000) as host:
            host.write(b"x")
        assert terminal.read() == b"x"


def test_a_host_that_never_reads_does_not_block(terminal: Terminal) -> None:
    for _ in range(64):
        terminal.write(bytes(4096))


def test_closing_hangs_up(terminal: Terminal) -> None:
    host = os.open(terminal.path, os.O_RDWR | os.O_NOCTTY)
    terminal.close()
    terminal.close()
    with pytest.raises(OSError, match="Input/output error"):
        os.write(host, b"x")
    with pytest.raises(termios.error):
        termios.tcgetattr(host)
    os.close(host)
