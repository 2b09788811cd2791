# MuJoCo's bindings are compiled and come without type information. This stub tells pyright that their names exist.

from typing import Any

def __getattr__(name: str) -> Any: ...
