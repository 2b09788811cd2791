"""What workers say while they work, in one place: progress goes to whoever asked, log lines to this process's log."""

import logging
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging.handlers import QueueHandler
from typing import Any

from dexndm_gym.distributed.job import Outcome, Task, Tell, Work, perform

_LOG = logging.getLogger(__name__)
_PACKAGE = "dexndm_gym"

Send = Callable[[Any], Any]
"""Sends an event to the process that maps."""

_FLUSH = "flush"
_PATIENCE = 10.0
"""How long to wait for the last events, s."""


def perform_elsewhere(work: Work, task: Task, send: Send) -> Outcome:
    """In a worker: do a job and report on it."""
    told = 0

    def tell(*arguments: Any, **named: Any) -> None:
        nonlocal told
        told += 1
        send((task.name, told, arguments, named))

    send((task.name, socket.gethostname()))
    with _log_sent(task.name, send):
        return perform(work, task, tell)


@contextmanager
def _log_sent(name: str, send: Send) -> Iterator[None]:
    """Send what is logged instead of writing it here."""
    log = logging.getLogger(_PACKAGE)
    handler = _Sender(name, send)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)


class _Sender(QueueHandler):
    def __init__(self, name: str, send: Send) -> None:
        super().__init__(None)  # type: ignore[arg-type]  # its queue is used by enqueue alone
        self._job, self._send = name, send

    def enqueue(self, record: logging.LogRecord) -> None:
        self._send((self._job, record))


class Reports:
    """Takes in the events of one mapping. What a job that began anew tells again is passed on once."""

    def __init__(self, tell: Tell) -> None:
        """Pass progress on to ``tell``, from another thread than this."""
        self._tell = tell
        self._told = Counter[str]()
        self._began = set[str]()

    def take(self, name: str, what: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None) -> None:
        """Take in an event of the job of that name."""
        if isinstance(what, logging.LogRecord):
            what.msg = f"{name}: {what.msg}"
            logging.getLogger(what.name).handle(what)
        elif isinstance(what, int):
            if what > self._told[name]:
                self._told[name] = what
                self._tell(*arguments, **(named or {}))
        else:
            if name in self._began:
                _LOG.info("%s: begins anew on %s", name, what)
            self._began.add(name)


class Listener:
    """A thread that takes in events until there can be no more."""

    def __init__(self, receive: Callable[[], Any], send: Send) -> None:
        """Listen.

        Args:
            receive: waits for an event; raises whatever it likes when there is nothing to wait for any more.
            send: makes ``receive`` give an event.
        """
        self.reports = Reports(lambda *_, **__: None)
        self._receive, self._send = receive, send
        self._flushed = threading.Event()
        threading.Thread(target=self._listen, name="reports of workers", daemon=True).start()

    def flush(self) -> None:
        """Wait until everything sent so far is taken in."""
        self._flushed.clear()
        self._send(_FLUSH)
        self._flushed.wait(_PATIENCE)

    def _listen(self) -> None:
        while True:
            try:
                event = self._receive()
            except Exception:
                return
            if event == _FLUSH:
                self._flushed.set()
                continue
            try:
                self.reports.take(*event)
            except Exception:
                _LOG.exception("a report could not be passed on")
