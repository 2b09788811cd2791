"""How functions are compiled: the only module that knows the compiler."""

from collections.abc import Callable
from typing import TypeVar

from numba import njit

_Function = TypeVar("_Function", bound=Callable[..., object])


def compiled(function: _Function) -> _Function:
    """Compile a function of numbers and arrays on first use, and keep the result on disk for later processes.

    Only multiplications and additions may be fused: what is not a number stays so.
    """
    try:
        return njit(cache=True, error_model="numpy", fastmath={"contract"})(function)
    except RuntimeError:  # neither this package's folder nor the user's cache can be written
        return njit(cache=False, error_model="numpy", fastmath={"contract"})(function)
