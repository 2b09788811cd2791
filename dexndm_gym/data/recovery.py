"""Copies a recording that its writer has not closed: because it still writes, or because it was killed.

The copying is done by this file run as a script. HDF5 opens such files only in a mode in which it waits for a writer to
repair what does not look right, so on a damaged file it would wait for ever, and nothing inside a process can stop it.
"""

import subprocess
import sys
from pathlib import Path

import h5py

from dexndm_gym.errors import FileFormatError

_SECONDS = 60.0
_SUPERBLOCK_VERSION, _CONSISTENCY_FLAGS = 8, 11
_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def is_unclosed(path: str | Path) -> bool:
    """Whether a file is HDF5 and its writer has not closed it."""
    with open(path, "rb") as file:
        superblock = file.read(_CONSISTENCY_FLAGS + 1)
    return (
        len(superblock) > _CONSISTENCY_FLAGS
        and superblock.startswith(_SIGNATURE)
        and superblock[_SUPERBLOCK_VERSION] >= 3
        and superblock[_CONSISTENCY_FLAGS] != 0
    )


def copy_unclosed(source: str | Path, copy: str | Path) -> None:
    """Copy the tables and attributes of a file that is not closed.

    Args:
        source: HDF5 file whose tables all lie at the top.
        copy: file to create.

    Raises:
        FileFormatError: the file is damaged.
    """
    command = [sys.executable, __file__, str(source), str(copy)]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise FileFormatError(f"{source} is damaged: HDF5 finds no consistent state in it") from error
    if result.returncode != 0:
        reason = result.stderr.strip().splitlines()[-1:] or [f"HDF5 failed with status {result.returncode}"]
        raise FileFormatError(f"{source} is damaged: {reason[0]}")


def _main(source: str, copy: str) -> None:
    with h5py.File(source, "r", libver="latest", swmr=True) as old, h5py.File(copy, "w") as new:
        new.attrs.update(old.attrs)
        for name, table in old.items():
            new[name] = table[()]


if __name__ == "__main__":
    _main(*sys.argv[1:])
