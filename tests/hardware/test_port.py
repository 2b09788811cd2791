import contextlib
import os
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dexndm_gym.errors import BusTimeoutError, ConfigurationError, HardwareError, PortError
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.port import SerialPort, adapter_latency_ms


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """Our end and the path of the other end of a pseudo-terminal that nobody answers on."""
    ours, theirs = os.openpty()
    yield ours, os.ttyname(theirs)
    for end in (ours, theirs):
        with contextlib.suppress(OSError):
            os.close(end)


def test_no_such_device() -> None:
    with pytest.raises(PortError, match="no such device; serial ports on this machine"):
        SerialPort("/dev/does-not-exist").open()


def test_not_a_serial_port(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(PortError, match="is it a serial port"):
        SerialPort(str(file)).open()


def test_unknown_baud_rate(terminal: tuple[int, str]) -> None:
    with pytest.raises(ConfigurationError, match="4500000 is not a baud rate"):
        SerialPort(terminal[1], 4_500_000).open()


def test_a_port_has_one_user(terminal: tuple[int, str]) -> None:
    first, second = SerialPort(terminal[1]), SerialPort(terminal[1])
    first.open()
    with pytest.raises(PortError, match="another program is using it"):
        second.open()
    first.close()
    second.open()
    second.close()


def test_closing_is_safe_at_any_time(terminal: tuple[int, str]) -> None:
    port = SerialPort(terminal[1])
    port.close()
    port.open()
    port.close()
    port.close()
    with pytest.raises(PortError, match="is closed; open it first"):
        DynamixelBus(port).sync_read("present_position")


def test_without_an_adapter_the_slowest_one_is_assumed(terminal: tuple[int, str]) -> None:
    port = SerialPort(terminal[1])
    port.open()
    assert adapter_latency_ms(terminal[1]) is None
    assert port.reply_timeout == pytest.approx(0.034)
    port.close()


@pytest.mark.parametrize(("latency", "timeout"), [(1, 0.004), (16, 0.034)])
def test_a_slow_adapter_is_waited_for_and_mentioned(
    terminal: tuple[int, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    latency: int,
    timeout: float,
) -> None:
    monkeypatch.setattr("dexndm_gym.hardware.port.adapter_latency_ms", lambda _path: latency)
    port = SerialPort(terminal[1])
    port.open()
    assert port.reply_timeout == pytest.approx(timeout)
    assert ("latency_timer" in caplog.text) == (latency > 1)
    port.close()


def test_silence_ends_after_the_timeout(terminal: tuple[int, str]) -> None:
    bus = DynamixelBus(SerialPort(terminal[1], reply_timeout=0.2), retries=0)
    bus.open()
    begin, busy = time.monotonic(), time.process_time()
    with pytest.raises(BusTimeoutError, match="did not answer within 200 ms"):
        bus.sync_read("present_position")
    assert time.monotonic() - begin >= 0.2
    assert time.process_time() - busy < 0.1, "it sleeps meanwhile"
    bus.close()


def test_babbling_device_does_not_hold_up(servos: Any, bus: DynamixelBus) -> None:
    servos.read = lambda size: b"\xff\xff\xfd\x00"[:size]
    begin = time.monotonic()
    with pytest.raises(HardwareError):
        bus.sync_read("present_position")
    assert time.monotonic() - begin < 30


@pytest.mark.parametrize("failure", [OSError(5, "Input/output error"), termios.error(5, "Input/output error")])
def test_a_port_that_vanishes(servos: Any, bus: DynamixelBus, failure: Exception) -> None:
    servos.failure = failure
    for request in (
        lambda: bus.sync_read("present_position"),
        lambda: bus.sync_write("goal_position", 2048),
        lambda: bus.write(0, "goal_position", 2048),
        bus.torque_off,
        bus.scan,
    ):
        with pytest.raises(PortError, match="Input/output error"):
            request()
    bus.close()


def test_the_other_end_hangs_up(terminal: tuple[int, str]) -> None:
    bus = DynamixelBus(SerialPort(terminal[1]))
    bus.open()
    os.close(terminal[0])
    with pytest.raises(PortError, match="Was the cable pulled"):
        bus.sync_read("present_position")
    bus.close()


def test_a_port_that_takes_nothing_is_an_error(terminal: tuple[int, str]) -> None:
    bus = DynamixelBus(SerialPort(terminal[1], reply_timeout=0.001))
    bus.open()

    def write_until_full() -> None:
        for _ in range(10_000):
            bus.sync_write("goal_position", 2048)

    with pytest.raises(PortError, match="Write timeout"):
        write_until_full()
    bus.close()


def test_reply_under_way_is_waited_for(servos: Any) -> None:
    """On a busy machine the reply of a simulated servo may come long after the timeout."""
    held: list[bytes] = []

    def hold(replies: bytes) -> bytes:
        held.append(replies)
        return b""

    def confirm() -> None:
        servos.pending += b"".join(held)
        held.clear()

    servos.mangle = hold
    bus = DynamixelBus(SerialPort("/dev/fake", reply_timeout=0.001, confirm_silence=confirm), retries=0)
    bus.open()
    assert bus.sync_read("present_position")["present_position"].tolist() == [2048] * 16
    servos.mangle = lambda _replies: b""
    with pytest.raises(BusTimeoutError, match="did not answer"):
        bus.sync_read("present_position")


def test_a_dead_peer_is_waited_for_once(servos: Any) -> None:
    asked = []

    def confirm() -> None:
        asked.append(True)
        raise PortError("it does not react")

    servos.mangle = lambda _replies: b""
    bus = DynamixelBus(SerialPort("/dev/fake", reply_timeout=0.001, confirm_silence=confirm))
    bus.open()
    for _ in range(3):
        with pytest.raises(PortError, match="does not react"):
            bus.sync_read("present_position")
    assert len(asked) == 1
    bus.close()
    bus.open()
    with pytest.raises(PortError):
        bus.sync_read("present_position")
    assert len(asked) == 2, "after reopening it gets another chance"
