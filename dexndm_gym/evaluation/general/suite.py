"""The general suite: wrist x axis x objects, unseen objects in any wrist, goal orientations."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from dexndm_gym.checks import Checked, Count, NotEmpty, Seed
from dexndm_gym.distributed.job import Tell
from dexndm_gym.distributed.workers import Workers
from dexndm_gym.distributed.workers_config import IN_THIS_PROCESS, WorkersConfig
from dexndm_gym.envs.rollout import Policy
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.evaluation.general.episodes import Conditions, play, reach_goals
from dexndm_gym.grasps.mesh_grasp_cache import start_states_of
from dexndm_gym.objects.catalog import OBJECT_SETS
from dexndm_gym.progress import Progress, Tally
from dexndm_gym.task.options import EpisodeOptions, EpisodeSetup
from dexndm_gym.task.orientations import AXES, WRISTS, draw_unit

CLASSES: dict[str, tuple[str, ...]] = {
    "regular": ("basic", "normal_cylinders", "normal_cuboids"),
    "small": ("small_cylinders",),
    "long": ("long_cuboids",),
    "complex": ("complex",),
    "unseen": ("real_regular", "real_small", "real_anyrotate"),
}
"""Object sets of each class; no teacher is trained on those of ``unseen``."""

AXIS_GROUPS: dict[str, tuple[str, ...]] = {
    "+-x": ("+x", "-x"),
    "+-y": ("+y", "-y"),
    "+-z": ("+z", "-z"),
    "26 axes": ("general",),
}
"""Rows of the paper's table 1."""

PAPER = {
    "+-x": (144.22, 0.77, 0.54),
    "+-y": (224.28, 0.88, 0.58),
    "+-z": (314.28, 0.92, 0.37),
    "26 axes": (242.33, 0.94, 0.46),
}
"""The paper's generalist on unseen ContactDB objects, wrist at random: RotR in rad/s, TTF, RotP (table 1)."""


_GOALS = "goals"


@dataclass(frozen=True, kw_only=True)
class GeneralConfig(Checked):
    """What the suite plays."""

    classes: Annotated[tuple[str, ...], NotEmpty()] = tuple(CLASSES)
    """Classes of objects, names of ``CLASSES``."""

    episodes: Count = 16
    """Episodes of each cell (wrist x axis x class)."""

    random_episodes: Count = 256
    """Episodes of each row with unseen objects and any wrist."""

    goals: Count = 128
    """Goal orientations."""

    randomize: bool = True
    """Vary the physics from episode to episode."""

    seed: Seed = 0
    """Seed of all draws."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigurationError: a class is unknown, or a value out of range.
        """
        super().__post_init__()
        if unknown := [name for name in self.classes if name not in CLASSES]:
            raise ConfigurationError(f"Unknown class {unknown[0]!r}; expected some of {', '.join(CLASSES)}")

    @property
    def total(self) -> int:
        """Episodes in all."""
        return sum(_episodes(self, part) for part in self.parts)

    @property
    def parts(self) -> list[str]:
        """What is played as one: the classes, the groups of axes, the goals."""
        return [*self.classes, *AXIS_GROUPS, _GOALS]


def read_results(path: Path | None, config: GeneralConfig, digest: str) -> dict[str, Any] | None:
    """What an earlier run of the same suite, with the policy of this digest, has left in a file, if anything.

    Raises:
        ConfigurationError: the file holds something else.
    """
    if path is None or not path.exists():
        return None
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        same = results["config"] == json.loads(json.dumps(asdict(config)))
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path} holds no results of the general suite; name another file") from error
    if not same:
        raise ConfigurationError(f"{path} holds results of the general suite with other options; name another file")
    if results.get("digest") != digest:
        raise ConfigurationError(f"{path} holds results of another policy; name another file")
    return results


def run_suite(
    config: GeneralConfig,
    policy: Policy,
    *,
    done: Mapping[str, Any] | None = None,
    workers: WorkersConfig = IN_THIS_PROCESS,
    progress: Progress | None = None,
) -> Iterator[dict[str, Any]]:
    """Play the suite part by part.

    Args:
        config: what to play.
        policy: what plays.
        done: what an earlier run of the same suite has yielded last; its parts are not played again.
        workers: where parts are played; the results do not depend on it.
        progress: told how many episodes have ended, of how many; from another thread where others play.

    Yields:
        All results so far, after every part: ``cells`` by class, wrist and axis, ``random`` by axis group, ``goals``.
    """
    done = done or {"cells": {}, "random": {}}
    found = {**done["cells"], **done["random"], **_goals_in(done)}
    tally = Tally(progress, config.total)
    tally(sum(_episodes(config, name) for name in config.parts if name in found))
    missing = {name: name for name in config.parts if name not in found}
    with Workers(workers) as pool:
        for name, numbers in pool.run(partial(_play_part, config, policy), missing, tell=tally):
            found[name] = numbers
            yield {
                "config": asdict(config),
                "cells": {name: found[name] for name in config.classes if name in found},
                "random": {name: found[name] for name in AXIS_GROUPS if name in found},
                **_goals_in(found),
            }


def _goals_in(found: Mapping[str, Any]) -> dict[str, Any]:
    return {_GOALS: found[_GOALS]} if _GOALS in found else {}


def _episodes(config: GeneralConfig, part: str) -> int:
    """How many a part has."""
    if part in CLASSES:
        return len(WRISTS) * len(AXES) * config.episodes
    return config.random_episodes if part in AXIS_GROUPS else config.goals


def _play_part(config: GeneralConfig, policy: Policy, part: str, tell: Tell) -> dict[str, Any]:
    """The numbers of a part: a class of objects, a group of axes, or the goals."""
    if part in CLASSES:
        return _cells(config, part, policy, tell)
    if part in AXIS_GROUPS:
        setups = _draw(config, "unseen", "random", AXIS_GROUPS[part], config.random_episodes)
        return play(policy, setups, _conditions(config, "unseen"), tell).summary()
    setups = _draw(config, "unseen", "random", ("+z",), config.goals)
    rng = np.random.default_rng(config.seed)
    goals = np.array([draw_unit(rng, 4) for _ in setups])
    reached = reach_goals(policy, setups, goals, _conditions(config, "unseen"), tell)
    return {"success": float(reached.mean()), "episodes": len(reached)}


def _cells(config: GeneralConfig, name: str, policy: Policy, tell: Tell) -> dict[str, dict[str, float]]:
    """Scores of all wrists and axes with one class of objects, by "wrist axis"."""
    keys = [(wrist, axis) for wrist in WRISTS for axis in AXES]
    count = config.episodes
    setups = [
        setup
        for k, (wrist, axis) in enumerate(keys)
        for setup in _draw(config, name, wrist, (axis,), count, first=k * count)
    ]
    scores = play(policy, setups, _conditions(config, name), tell)
    return {
        f"{wrist} {axis}": scores.part(k * count, (k + 1) * count).summary() for k, (wrist, axis) in enumerate(keys)
    }


def objects_of(name: str) -> list[str]:
    """Objects of a class; ``unseen`` leaves out those that another class has, too."""
    found = [item for chosen in CLASSES[name] for item in OBJECT_SETS[chosen]]
    seen = {item for other in CLASSES if other != "unseen" for chosen in CLASSES[other] for item in OBJECT_SETS[chosen]}
    return [item for item in found if item not in seen] if name == "unseen" else found


def _conditions(config: GeneralConfig, name: str) -> Conditions:
    starts = start_states_of(objects_of(name)).in_any_wrist()
    return Conditions(starts=starts, randomize=config.randomize, seed=config.seed)


def _draw(
    config: GeneralConfig, name: str, wrist: str, axes: tuple[str, ...], count: int, first: int = 0
) -> list[EpisodeSetup]:
    """Episodes with objects of a class in turn; ``first`` says how many had their turn before."""
    rng = np.random.default_rng(config.seed)
    objects = rng.permutation(objects_of(name)).tolist()
    options = [
        EpisodeOptions().updated({"object": objects[k % len(objects)], "wrist": wrist, "axis": list(axes)})
        for k in range(first, first + count)
    ]
    return [option.draw(rng) for option in options]
