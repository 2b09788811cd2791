"""Serves the page of a phone over https, and listens to it: browsers give a phone's orientation to no other page."""

import asyncio
import contextlib
import errno
import logging
import secrets
import socket
import ssl
import threading
from http import HTTPStatus
from importlib import resources
from types import TracebackType

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.teleop.certificate import self_signed
from dexndm_gym.teleop.phone import PhoneSource
from dexndm_gym.teleop.phone_messages import LONGEST

_PORTS = 100
"""How many ports are tried."""
_TOKEN_BYTES = 12
"""Long enough not to be guessed over a network, short enough to be typed."""
_GRACE = 0.5
"""How long a page may take to say goodbye, s."""

_LOG = logging.getLogger(__name__)


class PhoneServer:
    """Serves one page on one port; use it as a context manager.

    Only who knows the address, which holds a random token, sees the page and is heard.

    Attributes:
        url: where the page is.
        fingerprint: SHA-256 of the certificate, which nobody vouches for: compare it with what the phone shows.
    """

    def __init__(self, source: PhoneSource, host: str, port: int) -> None:
        """Bind to a port, and serve it in a thread.

        Args:
            source: is told what the page says.
            host: address to listen on; 0.0.0.0 for all of this machine's.
            port: to listen on; the next free one is taken.

        Raises:
            ConfigurationError: it cannot be served there.
            ModuleNotFoundError: cryptography is not installed.
        """
        self._source, self._token = source, secrets.token_urlsafe(_TOKEN_BYTES)
        self._page = resources.files("dexndm_gym.teleop").joinpath("phone.html").read_text(encoding="utf-8")
        listening, address = _listen(host, port), _address(host)
        context, self.fingerprint = self_signed(address)
        self.url = f"https://{address}:{listening.getsockname()[1]}/{self._token}/"
        # One thread for all connections: OpenSSL's are not made for one that reads while another one writes.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="phone", daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._serve(listening, context), self._loop).result()

    def __enter__(self) -> "PhoneServer":
        """The server itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the page."""
        self.close()

    def close(self) -> None:
        """Listen no more, and end all connections. Safe to call twice."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _serve(self, listening: socket.socket, context: ssl.SSLContext) -> Server:
        logger = logging.Logger("websockets", logging.CRITICAL)  # strangers who hang up are no news
        return await serve(
            self._talk, sock=listening, ssl=context, process_request=self._answer, max_size=LONGEST,
            compression=None, close_timeout=_GRACE, logger=logger,
        )  # fmt: skip

    async def _end(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """The page, nothing, or None for who may talk."""
        if self._is_at(request, "socket"):
            return None
        if not self._is_at(request, ""):
            return connection.respond(HTTPStatus.NOT_FOUND, "not found\n")
        response = connection.respond(HTTPStatus.OK, self._page)
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "text/html; charset=utf-8"
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    def _is_at(self, request: Request, name: str) -> bool:
        return secrets.compare_digest(request.path.encode(), f"/{self._token}/{name}".encode())

    async def _talk(self, connection: ServerConnection) -> None:
        """Listen to a page for as long as it steers; each message is answered."""
        visitor = self._source.welcome()
        try:
            with contextlib.suppress(ConnectionClosed):
                await connection.send(self._source.status(visitor))
                while self._source.steers(visitor):
                    self._source.hear(visitor, await connection.recv())
                    await connection.send(self._source.status(visitor))
        except Exception:
            _LOG.exception("the phone's page is listened to no more")
        finally:
            self._source.leave(visitor)


def _listen(host: str, port: int) -> socket.socket:
    """A socket on the first free port from one on.

    Raises:
        ConfigurationError: there is none, or no such address.
    """
    problem: Exception | None = None
    for tried in range(port, min(port + _PORTS, 65_536)):
        try:
            return socket.create_server((host, tried))
        except (OSError, UnicodeError) as error:
            problem = error
            if getattr(error, "errno", None) != errno.EADDRINUSE:
                break
    raise ConfigurationError(
        f"cannot serve the phone's page on {host}:{port}: {problem}; expected an IPv4 address of this machine, or "
        f"0.0.0.0 for all of them"
    )


def _address(host: str) -> str:
    """What others call this machine."""
    if host == "127.0.0.1":
        return "localhost"
    if host != "0.0.0.0":
        return host
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # sends nothing; tells which address would be used
            return probe.getsockname()[0]
    except OSError:  # there is no network
        return socket.gethostname()
