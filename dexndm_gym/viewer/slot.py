"""Hands the latest snapshot to another process; the writer never waits."""

from multiprocessing.context import SpawnContext

import numpy as np

from dexndm_gym.viewer.snapshot import RECORD, Fields, Snapshot, fields_of, read, write

_PATIENCE = 0.05
"""How long a reader waits for the writer at most, s."""


class LatestSlot:
    """Shared memory with room for one snapshot: a new one takes the place of the last.

    Where the reader is just reading, or died while it was, a snapshot is dropped: whoever moves a hand goes on at once.
    """

    def __init__(self, context: SpawnContext) -> None:
        """Make an empty slot, to be handed to a process of that context."""
        self._lock = context.Lock()
        self._count = context.RawValue("q", 0)
        self._memory = context.RawArray("b", RECORD.itemsize)
        self._fields: Fields = {}

    def put(self, snapshot: Snapshot) -> bool:
        """Leave a snapshot, if that is possible at once; whether it was."""
        if not self._fields:
            self._fields = fields_of(np.frombuffer(self._memory, RECORD))
        if not self._lock.acquire(block=False):
            return False
        try:
            write(snapshot, self._fields)
            self._count.value += 1
        finally:
            self._lock.release()
        return True

    def take(self, seen: int) -> tuple[int, Snapshot | None]:
        """The latest snapshot, if it is none of the first ``seen``.

        Returns:
            How many have been put, and the latest; None where it was seen already.
        """
        if self._count.value == seen or not self._lock.acquire(timeout=_PATIENCE):
            return seen, None
        try:
            return self._count.value, read(np.frombuffer(self._memory, RECORD).copy())
        finally:
            self._lock.release()
