# Numba comes without type information. This stub says that compiled functions keep their types.

from collections.abc import Callable
from typing import TypeVar

_Function = TypeVar("_Function", bound=Callable[..., object])

class _Config:
    CACHE_DIR: str

config: _Config

def njit(*, cache: bool, error_model: str, fastmath: set[str]) -> Callable[[_Function], _Function]: ...
