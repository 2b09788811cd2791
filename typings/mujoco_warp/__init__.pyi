# MuJoCo Warp is an extra, and type checks go without it. This stub tells pyright that names of mujoco_warp exist.

from typing import Any

def __getattr__(name: str) -> Any: ...
