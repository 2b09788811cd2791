"""The newest sighting, shared between two processes without either ever waiting for the other."""

import mmap
import os
import struct
import tempfile
import zlib

import numpy as np

from dexndm_gym.tracking.tag_tracker import Sighting, TrackerStatus

_RECORD = struct.Struct("<Qdq7dqqdd")  # count, time, status, pose, tags, base_tags, error, effort
_SLOT = _RECORD.size + 4
_SIZE = 2 * _SLOT


class LatestSighting:
    """Two slots of memory that are written in turns; a slot that is just being written fails its checksum."""

    def __init__(self, fd: int | None = None) -> None:
        """Share memory.

        Args:
            fd: file descriptor of another process's ``LatestSighting``; None makes new memory, which goes with the
                last process that has it open.
        """
        if fd is None:
            with tempfile.TemporaryFile() as file:
                fd = os.dup(file.fileno())
            os.ftruncate(fd, _SIZE)
        self.fd = fd
        self._memory = mmap.mmap(fd, _SIZE)
        self._count = 0

    def write(self, sighting: Sighting) -> None:
        """Put a newer sighting in place of the one before the last."""
        self._count += 1
        data = _RECORD.pack(
            self._count,
            sighting.time,
            sighting.status,
            *sighting.pose,
            sighting.tags,
            sighting.base_tags,
            sighting.error,
            sighting.effort,
        )
        start = self._count % 2 * _SLOT
        self._memory[start : start + _SLOT] = data + zlib.crc32(data).to_bytes(4, "little")

    def read(self) -> tuple[int, Sighting] | None:
        """The newest sighting, and how many there have been; None where there has been none."""
        slots = [self._memory[start : start + _SLOT] for start in (0, _SLOT)]
        whole = [slot[:-4] for slot in slots if zlib.crc32(slot[:-4]) == int.from_bytes(slot[-4:], "little")]
        found = max((_RECORD.unpack(data) for data in whole), default=None)
        if found is None or found[0] == 0:  # memory of nothing but zeros has the right checksum
            return None
        count, time, status, *rest = found
        pose, (tags, base_tags, error, effort) = np.array(rest[:7]), rest[7:]
        return count, Sighting(TrackerStatus(status), time, pose, tags, base_tags, error, effort)

    def close(self) -> None:
        """Let go of the memory. Safe to call twice."""
        if not self._memory.closed:
            self._memory.close()
            os.close(self.fd)
