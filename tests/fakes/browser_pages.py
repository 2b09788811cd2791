"""Looking at pages in a browser."""

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 90.0
"""How long a page may take, s: graphics without a graphics card on a busy machine."""

Found = TypeVar("Found")


def wait_for(look: Callable[[], Found], what: str) -> Found:
    """What there is to find, as soon as there is something."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if found := look():
                return found
        except Exception:  # elements come and go while a page is drawn
            pass
        time.sleep(0.1)
    raise AssertionError(f"waited {PATIENCE:g} s in vain for {what}")
