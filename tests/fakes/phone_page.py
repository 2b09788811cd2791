"""The page of a phone, opened without a browser."""

import asyncio
import ssl
from typing import Self

from websockets.asyncio.client import ClientConnection, connect


class PhonePage:
    """A page's connection to its server; use it as a context manager.

    One thread reads and writes: with two, as in websockets.sync, one TLS handshake in 150 hung.
    """

    def __init__(self, url: str, trusted: ssl.SSLContext) -> None:
        """Open the socket at ``url``, or raise what came instead."""
        self._address, self._trusted = url.replace("https", "wss"), trusted
        self._runner = asyncio.Runner()
        try:
            self._connection = self._runner.run(self._open())
        except BaseException:
            self._runner.close()
            raise

    async def _open(self) -> ClientConnection:
        return await connect(self._address, ssl=self._trusted, open_timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._connection.close())
        self._runner.close()

    def send(self, text: str) -> None:
        self._runner.run(self._connection.send(text))

    def recv(self) -> str | bytes:
        return self._runner.run(self._connection.recv())
