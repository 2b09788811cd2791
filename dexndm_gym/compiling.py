"""How functions are compiled: the only module that knows the compiler."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

import numba

_Function = TypeVar("_Function", bound=Callable[..., object])

PACKAGE = Path(__file__).parent
SOURCES = ("constants.py", "compiling.py", "task/*.py", "dynamics/*.py", "rendering/rasterizer.py")
"""Files that hold compiled functions, and the constants that are compiled into them."""


def compiled(function: _Function) -> _Function:
    """Compile a function of numbers and arrays on first use, and keep the result on disk for later processes.

    Only multiplications and additions may be fused: NaN stays NaN.
    """
    with _cached_in(cache_folder()):
        try:
            return numba.njit(cache=True, error_model="numpy", fastmath={"contract"})(function)
        except RuntimeError:  # nothing can be written, neither here nor in the user's home
            return numba.njit(cache=False, error_model="numpy", fastmath={"contract"})(function)


@cache
def cache_folder(package: Path = PACKAGE) -> Path | None:
    """Where compiled code is kept; None where nothing can be written.

    The compiler sees only a change in a function's own file, not one in a function that it calls or a constant that it
    takes from another. So the folder bears the fingerprint of all of them, and folders of other fingerprints go.
    """
    chosen = numba.config.CACHE_DIR  # NUMBA_CACHE_DIR
    parents = (Path(chosen),) if chosen else (package / "__pycache__", Path("~/.cache/dexndm_gym").expanduser())
    for parent in parents:
        folder = parent / f"compiled-{_fingerprint(package)}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        for old in parent.glob("compiled-*"):
            if old != folder:
                shutil.rmtree(old, ignore_errors=True)
        return folder
    return None


def _fingerprint(package: Path) -> str:
    digest = hashlib.sha256()
    for pattern in SOURCES:
        for path in sorted(package.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def _cached_in(folder: Path | None) -> Iterator[None]:
    """Have what is compiled meanwhile cached in a folder."""
    before = numba.config.CACHE_DIR
    if folder is not None:
        numba.config.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before
