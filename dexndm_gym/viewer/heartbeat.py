"""When the browsers that view a page were heard last: a network that falls silent closes no connection for long."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

import websockets.asyncio.server
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

PERIOD = 0.1
"""Time between two pings of a browser, s."""

SILENCE = 0.3
"""A page whose browsers have not been heard for so long is lost, s: it hangs, or the network does."""


def listen_to_browsers(heard: Any) -> None:
    """Have every browser that opens a page of this process say all the time that it is there.

    Browsers answer pings of the WebSocket protocol by themselves, even while a page is busy drawing. viser makes no use
    of that and hands nobody its connections, so that whoever serves WebSockets in this process does it instead.

    Args:
        heard: shared value, written at each answer: ``time.monotonic()`` then, s.
    """
    serve: Callable[..., Any] = websockets.asyncio.server.serve

    def serve_and_listen(handler: Callable[[ServerConnection], Awaitable[None]], *args: Any, **options: Any) -> Any:
        async def handle(connection: ServerConnection) -> None:
            pinging = asyncio.create_task(_ping(connection, heard))
            try:
                await handler(connection)
            finally:
                pinging.cancel()

        return serve(handle, *args, **options)

    websockets.asyncio.server.serve = serve_and_listen  # type: ignore[assignment, misc]


async def _ping(connection: ServerConnection, heard: Any) -> None:
    """Ping until the connection closes, without waiting for one answer before the next ping: latency is no silence."""

    def answered(pong: "asyncio.Future[float]") -> None:
        if not pong.cancelled() and pong.exception() is None:
            heard.value = time.monotonic()

    with contextlib.suppress(ConnectionClosed):
        while True:
            (await connection.ping()).add_done_callback(answered)  # type: ignore[attr-defined]
            await asyncio.sleep(PERIOD)
