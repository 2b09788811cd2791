"""HDF5 files on disks that are full, and in folders that others write to.

HDF5 does not survive a write that fails: it tries again whenever anything is closed, and at the end of the process it
crashes. So room is made sure of before each write; should one fail all the same, HDF5 goes on in memory.
"""

import contextlib
import os
from pathlib import Path

import h5py


def require_room(file: h5py.File, size: int) -> None:
    """Make sure that a file can grow.

    Args:
        file: open for writing.
        size: by how many bytes.

    Raises:
        OSError: the disk, or what of it one may use, is full.
    """
    descriptor = file.id.get_vfd_handle()
    now = os.fstat(descriptor).st_size
    try:
        os.posix_fallocate(descriptor, now, size)
    finally:
        os.ftruncate(descriptor, now)


def close_safely(file: h5py.File) -> None:
    """Close a file, even if what it holds in memory cannot be written; the disk then keeps what it has."""
    if not file:
        return
    try:
        file.flush()
    except (OSError, RuntimeError):
        _go_on_in_memory(file)
    with contextlib.suppress(OSError, RuntimeError):
        file.close()


def reason(error: Exception) -> str:
    """What the system said, without HDF5's addresses and buffers."""
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else str(error).splitlines()[0]


def _go_on_in_memory(file: h5py.File) -> None:
    """Let whatever HDF5 still writes go into a copy in memory."""
    descriptor = file.id.get_vfd_handle()
    memory = os.memfd_create("given-up")
    size = os.fstat(descriptor).st_size
    for place in range(0, size, 2**20):
        os.pwrite(memory, os.pread(descriptor, 2**20, place), place)
    os.dup2(memory, descriptor)
    os.close(memory)


def claim(unfinished: Path, path: Path) -> None:
    """Give a file its name, which must be free.

    Raises:
        FileExistsError: it is not.
    """
    try:
        os.link(unfinished, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if path.exists():
            raise FileExistsError(f"{path} exists already") from None
        os.rename(unfinished, path)
    else:
        os.unlink(unfinished)
