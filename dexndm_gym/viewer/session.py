"""Shows a hand on a page until somebody has seen enough."""

import time
from collections.abc import Callable

from dexndm_gym.viewer.live import Source
from dexndm_gym.viewer.page_process import PageProcess


def view(source: Source, page: PageProcess, *, seconds: float, page_lost: Callable[[], object] = lambda: None) -> None:
    """Let the source go on, show every moment, and do what people ask for.

    A page that is gone changes nothing for the hand.

    Args:
        source: what to show.
        page: where.
        seconds: how long; infinite for as long as the program runs.
        page_lost: told once, where the page has gone.
    """
    end, had_page = time.monotonic() + seconds, True
    while time.monotonic() < end:
        source.handle(*page.events())
        page.show(source.advance())
        if had_page and not page.alive:
            had_page = False
            page_lost()
