"""The page in a process of its own: viewing takes no time from whoever moves the hand, and cannot stop it."""

import contextlib
import io
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.viewer.controls import ControlEvent, PageSettings
from dexndm_gym.viewer.page import Page
from dexndm_gym.viewer.slot import LatestSlot
from dexndm_gym.viewer.snapshot import Snapshot

PageBuilder = Callable[[Page], None]
"""A function of a module that fills a page with controls and panels; it runs in the process of the page."""

PERIOD = 1.0 / 30.0
"""Least time between two moments that are shown, s."""

_START_TIMEOUT, _GRACE = 120.0, 3.0
_NICE = 10
"""How far the page stands back behind whoever moves the hand."""


class PageProcess:
    """A page that another process serves; use it as a context manager.

    ``show`` and ``events`` never wait, whatever becomes of the page.

    Attributes:
        url: where it is.
    """

    def __init__(self, settings: PageSettings, build: PageBuilder) -> None:
        """Start the process, and wait until the page can be opened.

        Raises:
            ConfigurationError: it cannot be served there.
            ModuleNotFoundError: viser is not installed.
        """
        import viser  # noqa: F401 (says here, not in the other process, that it is missing)

        context = multiprocessing.get_context("spawn")
        self._slot = LatestSlot(context)
        self._said, self._heard = context.RawValue("q", 0), 0  # looking at a number costs less than asking the system
        self._answered = context.RawValue("d", 0.0)
        self._connection, theirs = context.Pipe()
        shared = (settings, build, self._slot, self._said, self._answered, theirs)
        self._process = context.Process(target=_serve, args=shared, daemon=True)
        self._process.start()
        theirs.close()
        self.url = self._wait_until_ready(settings)

    def __enter__(self) -> "PageProcess":
        """The page itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the page."""
        self.close()

    @property
    def alive(self) -> bool:
        """Whether the page is still served."""
        return self._process.is_alive()

    @property
    def silence(self) -> float:
        """How long no browser has been heard, s; a browser that views the page is heard ten times a second."""
        return time.monotonic() - self._answered.value

    def show(self, snapshot: Snapshot) -> None:
        """Show a moment, at the latest together with the next one."""
        self._slot.put(snapshot)

    def events(self) -> list[ControlEvent]:
        """What people have done with the controls since the last call, in order."""
        found: list[ControlEvent] = []
        if self._said.value == self._heard:
            return found
        with contextlib.suppress(EOFError, OSError):  # the page is gone
            while self._connection.poll():
                found.append(self._connection.recv())
                self._heard += 1
        return found

    def close(self) -> None:
        """End the process. Safe to call twice."""
        self._connection.close()
        self._process.join(_GRACE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(_GRACE)

    def _wait_until_ready(self, settings: PageSettings) -> str:
        try:
            if self._connection.poll(_START_TIMEOUT):
                answer = self._connection.recv()
                if isinstance(answer, str):
                    return answer
                raise answer
            problem = f"it was not ready after {_START_TIMEOUT:g} s"
        except EOFError:
            problem = "its process ended"
        self.close()
        raise ConfigurationError(f"cannot serve the page on {settings.host}:{settings.port}: {problem}")


def _serve(
    settings: PageSettings, build: PageBuilder, slot: LatestSlot, said: Any, answered: Any, connection: Connection
) -> None:
    """The process of the page; it ends with the one that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it decides
    sys.stdout = io.StringIO()  # viser says there what whoever started it says
    for name in ("websockets", "websockets.server"):
        logging.getLogger(name).setLevel(logging.ERROR)
    import viser

    from dexndm_gym.viewer.heartbeat import listen_to_browsers

    listen_to_browsers(answered)
    sending = threading.Lock()

    def emit(event: ControlEvent) -> None:
        with sending, contextlib.suppress(OSError):
            connection.send(event)
            said.value += 1

    try:
        server = viser.ViserServer(settings.host, settings.port, label=settings.title, verbose=False)
        page = Page(server, settings, emit)
        build(page)
    except OSError as error:
        connection.send(ConfigurationError(f"cannot serve the page on {settings.host}:{settings.port}: {error}"))
        return
    _count_viewers(page)
    with contextlib.suppress(OSError):
        os.nice(_NICE)  # not before: whoever moves the hand waits for the page until now
    connection.send(f"http://{'localhost' if settings.host == '127.0.0.1' else settings.host}:{server.get_port()}")
    seen = 0
    while not _has_ended(connection):
        seen, snapshot = slot.take(seen)
        if snapshot is not None:
            page.show(snapshot)
        time.sleep(PERIOD)
    server.stop()


def _count_viewers(page: Page) -> None:
    """Tell how many viewers there are, whenever one comes or goes."""
    for subscribe in (page.server.on_client_connect, page.server.on_client_disconnect):
        subscribe(lambda _: page.emit("viewers", len(page.server.get_clients())))


def _has_ended(connection: Connection) -> bool:
    """Whether the process that started this one has closed the page, or is gone."""
    try:
        if connection.poll():
            connection.recv()
    except (EOFError, OSError):
        return True
    return False
