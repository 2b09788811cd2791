"""The search for start states of meshes: it goes on where hardly any try holds the object."""

from pathlib import Path

import numpy as np
import pytest

from dexndm_gym.grasps import mesh_grasp_cache
from dexndm_gym.grasps.grasp_search import Found
from dexndm_gym.grasps.mesh_grasp_cache import start_states_of
from dexndm_gym.grasps.start_states import PALM_UP
from dexndm_gym.objects.catalog import OBJECTS

PALM_DOWN = (0.0, 0.0, 1.0)


@pytest.mark.parametrize(("per_round", "rounds", "kept"), [(0, 4, 0), (3, 3, 9), (20, 1, 20), (50, 1, 32)])
def test_few_grasps_call_for_more_tries(
    per_round: int, rounds: int, kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[int] = []

    def find(_item: object, _tries: int, seed: int) -> Found:
        seeds.append(seed)
        grasps, palm_rests = np.full((per_round, 40), 0.1), np.full((2, 40), 0.2)
        return Found(rows={None: grasps, PALM_UP: palm_rests} if seed == 0 else {None: grasps}, held={})

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(mesh_grasp_cache, "find_starts", find)
    monkeypatch.setattr(mesh_grasp_cache, "own_objects", lambda _: [OBJECTS["cube"]])
    starts = start_states_of(["cube"])
    assert seeds == list(range(rounds))
    assert starts.count("cube", PALM_UP) == 2
    if kept:
        assert starts.count("cube", PALM_DOWN) == kept
