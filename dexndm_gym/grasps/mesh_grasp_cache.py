"""Start states of a user's own objects: looked for once, then kept in the user's cache."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dexndm_gym import __version__
from dexndm_gym.arrays import FloatArray, Vector
from dexndm_gym.grasps.grasp_search import find_starts
from dexndm_gym.grasps.grasp_search_config import GraspSearch
from dexndm_gym.grasps.start_states import StartStates, load_starts
from dexndm_gym.objects.cache import cached_file
from dexndm_gym.objects.object_choice import own_objects
from dexndm_gym.objects.object_model import RotatableObject

_TRIES, _KEEP = 128, 32

_ENOUGH = 8
"""Grasps from which on a search is over."""

_ROUNDS = 4
"""How often at most the tries are made; a pointed object is hard to hold."""

GRASPS_ONLY = "grasps"
"""What to name instead of a file to have no object lie in the open hand."""

_LOG = logging.getLogger(__name__)


def start_states_of(objects: Sequence[str | RotatableObject], *extra: Path) -> StartStates:
    """Start states of these objects: those shipped, those found for a user's own, and on top those of files.

    Args:
        objects: names or objects; for one's own that comes for the first time the search takes a minute or two.
        extra: files that ``dexndm grasps`` wrote.
    """
    return load_starts(*(_found(item) for item in own_objects(objects)), *extra)


def choose_starts(objects: Sequence[str | RotatableObject], wanted: str | Path | None) -> StartStates:
    """Start states as a user asks for them.

    Args:
        objects: as in ``start_states_of``.
        wanted: ``"grasps"`` for grasps alone, palm up, too; else a file whose states come before all others, or None.
    """
    if wanted is not None and str(wanted) == GRASPS_ONLY:
        return start_states_of(objects).in_any_wrist()
    return start_states_of(objects, *([] if wanted is None else [Path(wanted)]))


def _found(item: RotatableObject) -> Path:
    def search(path: Path) -> None:
        _LOG.info("Looking for start states of %s", item.name)
        StartStates(_rows(item)).save(path)

    return cached_file("starts", repr((__version__, item, GraspSearch(), _TRIES, _KEEP)), search)


def _rows(item: RotatableObject) -> dict[tuple[str, Vector | None], FloatArray]:
    """Start states as a file has them; where hardly any try holds the object it is tried again."""
    rounds: list[Mapping[Vector | None, FloatArray]] = []
    for seed in range(_ROUNDS):
        rounds.append(find_starts(item, _TRIES, seed).rows)
        if sum(len(rows[None]) for rows in rounds) >= _ENOUGH:
            break
    directions = dict.fromkeys(direction for rows in rounds for direction in rows)
    return {
        (item.name, direction): np.concatenate([rows[direction] for rows in rounds if direction in rows])[:_KEEP]
        for direction in directions
    }
