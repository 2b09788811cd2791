"""Hearing an emergency stop while an episode begins, which takes a hand with servos seconds."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

_LOOK = 0.01
"""Time between two looks, s."""


@contextmanager
def hearing(look: Callable[[], object], hand: Any) -> Iterator[None]:
    """Within this, another thread looks for what people ask for, as whoever moves the hand has no time to.

    Args:
        look: called again and again; it stops the hand if somebody asks for that. What it raises comes out at the end,
            and stops the hand at once: one that nobody can stop any more does not move.
        hand: a backend; one without ``stop`` begins at once, and nobody looks.
    """
    if not hasattr(hand, "stop"):
        yield
        return
    ended, failures = threading.Event(), list[BaseException]()

    def listen() -> None:
        try:
            while not ended.wait(_LOOK):
                look()
        except BaseException as error:  # a thread that ends with it would go unnoticed
            failures.append(error)
            hand.stop(f"nobody listens any more: {error!r:.100}")

    listening = threading.Thread(target=listen, name="emergency stop", daemon=True)
    listening.start()
    try:
        yield
    finally:
        ended.set()
        listening.join()
        if failures:
            raise failures[0]


def drop_before_stop(asked: list[T], is_stop: Callable[[T], bool]) -> None:
    """Forget what was asked for before the last stop: a reset among it would release the stop.

    Args:
        asked: the oldest first; it is shortened.
        is_stop: whether one of them is an emergency stop.
    """
    stops = [i for i, item in enumerate(asked) if is_stop(item)]
    if stops:
        del asked[: stops[-1]]


def switch_off(hand: Any, reason: str) -> None:
    """Switch a hand's torque off, where it has any; ``reason`` says who wanted it."""
    if hasattr(hand, "stop"):
        hand.stop(reason)
    elif hasattr(hand, "relax"):
        hand.relax()
