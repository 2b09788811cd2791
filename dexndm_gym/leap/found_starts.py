"""Start states of objects from mesh files: looked for once, then kept in the user's cache."""

import logging
from collections.abc import Sequence
from pathlib import Path

from dexndm_gym import __version__
from dexndm_gym.leap.cache import cached_file
from dexndm_gym.leap.grasp_search import GraspSearch, find_starts
from dexndm_gym.leap.objects import mesh_objects
from dexndm_gym.leap.rotatable import RotatableObject
from dexndm_gym.leap.starts import StartStates, load_starts

_TRIES, _KEEP, _SEED = 128, 32, 0

_LOG = logging.getLogger(__name__)


def starts_of(objects: Sequence[str], *extra: Path) -> StartStates:
    """Start states of these objects: those shipped, those found for meshes, and on top those of files.

    Args:
        objects: names; for a mesh that comes for the first time the search takes half a minute.
        extra: files that ``dexndm grasps`` wrote.
    """
    return load_starts(*(_found(item) for item in mesh_objects(objects)), *extra)


def _found(item: RotatableObject) -> Path:
    def search(path: Path) -> None:
        _LOG.info("Looking for start states of %s", item.name)
        rows = find_starts(item, _TRIES, _SEED).rows
        StartStates({(item.name, way): states[:_KEEP] for way, states in rows.items()}).save(path)

    return cached_file("starts", repr((__version__, item, GraspSearch(), _TRIES, _KEEP, _SEED)), search)
