"""The page of a phone, opened without a browser."""

import asyncio
import ssl

from websockets.asyncio.client import ClientConnection, connect


class PhonePage:
    """A page's connection to its server; use it as a context manager.

    One thread reads and writes: with two, as in websockets.sync, TLS handshakes hang now and then.
    """

    def __init__(self, url: str, trusted: ssl.SSLContext) -> None:
        """Open the socket at ``url``, or raise what came instead."""
        self._address, self._trusted = url.replace("https", "wss"), trusted
        self._loop = asyncio.new_event_loop()
        try:
            self._connection = self._loop.run_until_complete(self._open())
        except BaseException:
            self._loop.close()
            raise

    async def _open(self) -> ClientConnection:
        return await connect(self._address, ssl=self._trusted, open_timeout=60)

    def __enter__(self) -> "PhonePage":
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run_until_complete(self._connection.close())
        self._loop.close()

    def send(self, text: str) -> None:
        self._loop.run_until_complete(self._connection.send(text))

    def recv(self) -> str | bytes:
        return self._loop.run_until_complete(self._connection.recv())
