"""The side channel, without a process."""

import json
import socket
from collections.abc import Iterator

import pytest

from dexndm_gym.errors import SimulationDivergedError
from dexndm_gym.virtual_hand.side_channel import ControlConnection


def fail() -> None:
    raise SimulationDivergedError("not finite")


@pytest.fixture
def ends() -> Iterator[tuple[ControlConnection, socket.socket]]:
    ours, theirs = socket.socketpair()
    connection = ControlConnection(ours, {"double": lambda value: 2 * value, "fail": fail})
    yield connection, theirs
    connection.close()
    theirs.close()


def replies(ends: tuple[ControlConnection, socket.socket], text: bytes) -> list[dict]:
    connection, client = ends
    client.sendall(text)
    assert connection.serve()
    client.setblocking(False)
    try:
        return [json.loads(line) for line in client.recv(65536).splitlines()]
    except BlockingIOError:
        return []


def test_commands_are_answered_line_by_line(ends) -> None:
    request = b'{"command": "double", "value": 1.5}\n{"command": "double", "value": 2}\n'
    assert [reply["result"] for reply in replies(ends, request)] == [3.0, 4]


def test_a_line_may_come_in_pieces(ends) -> None:
    assert replies(ends, b'{"command": "dou') == []
    assert replies(ends, b'ble", "value": 2}\n')[0]["result"] == 4


def test_errors_of_the_package_are_passed_on(ends) -> None:
    assert replies(ends, b'{"command": "fail"}\n') == [
        {"ok": False, "error": "SimulationDivergedError", "message": "not finite"}
    ]


BAD_LINES = (
    *(b"", b"{", b"[1]", b"3", b"\xff", b"{}"),
    *(b'{"command": "fly"}', b'{"command": "double"}', b'{"command": ["double"]}'),
    b'{"command": "double", "value": 1, "more": 2}',
)


@pytest.mark.parametrize("line", BAD_LINES)
def test_bad_requests_name_the_commands(ends, line: bytes) -> None:
    (reply,) = replies(ends, line + b"\n")
    assert (reply["ok"], reply["error"]) == (False, "ConfigurationError")
    assert "['double', 'fail']" in reply["message"]


def test_unfinished_clients_are_dropped(ends) -> None:
    connection, client = ends
    client.sendall(b"x" * 65536)
    while connection.serve():
        pass
    client.close()
    assert not connection.serve()
