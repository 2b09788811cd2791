"""The side channel: requests and replies as JSON lines over a Unix socket.

A request is ``{"command": name, ...arguments}``, its reply ``{"ok": true, "result": ...}`` or
``{"ok": false, "error": class name, "message": text}``.
"""

import inspect
import json
import socket
from collections.abc import Callable, Mapping
from typing import Any

from dexndm_gym.errors import ConfigurationError, DexndmError

_LONGEST_LINE = 1 << 16


class ControlConnection:
    """One client of the side channel."""

    def __init__(self, connection: socket.socket, commands: Mapping[str, Callable[..., Any]]) -> None:
        """Take over a connection.

        Args:
            connection: a connected stream socket; owned from now on.
            commands: what a request may name.
        """
        self._socket = connection
        self._commands = commands
        self._buffer = bytearray()

    def fileno(self) -> int:
        """For ``select``."""
        return self._socket.fileno()

    def serve(self) -> bool:
        """Read what has come and answer every complete line; False when the client has gone."""
        try:
            data = self._socket.recv(_LONGEST_LINE)
            self._buffer += data
            *lines, rest = self._buffer.split(b"\n")
            self._buffer = rest
            for line in lines:
                self._socket.sendall(json.dumps(self._answer(bytes(line))).encode() + b"\n")
        except ConnectionError:
            return False
        return bool(data) and len(rest) < _LONGEST_LINE

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            return {"ok": True, "result": self._execute(line)}
        except DexndmError as error:
            return {"ok": False, "error": type(error).__name__, "message": str(error)}

    def _execute(self, line: bytes) -> Any:
        try:
            request = json.loads(line)
            name = request.pop("command")
            command = self._commands[name]
            bound = inspect.signature(command).bind(**request)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigurationError(
                f"expected a JSON object with one of the commands {sorted(self._commands)} and its arguments, "
                f"got {line[:200]!r} ({error})"
            ) from error
        return command(*bound.args, **bound.kwargs)
