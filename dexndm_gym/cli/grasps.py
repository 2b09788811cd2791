"""``dexndm grasps``."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from tqdm import tqdm

from dexndm_gym.arrays import FloatArray, Vector
from dexndm_gym.checks import Bound, Checked, Count, Seed
from dexndm_gym.cli.common import NOTHING_KEPT, JsonFile, Names, interruptible, parse, table, write_json
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.grasp_batch import GRASP_KINDS
from dexndm_gym.grasps.grasp_search import UPRIGHT_SHARE, Found, find_starts, grasp_kinds
from dexndm_gym.grasps.start_states import StartStates
from dexndm_gym.objects.catalog import NO_OBJECT, get_object
from dexndm_gym.outputs import Output
from dexndm_gym.task.options import object_names
from dexndm_gym.task.orientations import RANDOM, WRISTS, down_in_hand, wrist_names


@dataclass(frozen=True, kw_only=True)
class GraspsCommand(Checked):
    """Look for states in which the hand holds objects, for episodes to start from.

    Without --wrist it looks for grasps that hold in every wrist orientation, and for palm up also for states in which
    the object lies in the open hand.
    """

    object: Names = ("all",)
    """Objects: names, named sets, or mesh files such as bunny.obj,size=0.07,mass=0.1 (m, kg)."""

    wrist: Names = ("random",)
    """Look only for grasps that hold in these wrist orientations, each for itself; random stands for any."""

    tries: Count = 128
    """How often to try, per object and kind."""

    keep: Count = 32
    """Most states to keep, per object and kind."""

    upright: Annotated[float, Bound(least=0.0, most=1.0)] = UPRIGHT_SHARE
    """Share of the tries by fingertips with the object upright, at any heading; else it has any orientation."""

    close: bool = False
    """Let fingertips close on the object in the first tries, too, not only where it is too small for the gap between
    them."""

    seed: Seed = 0
    """Seed of the search."""

    out: Annotated[Path, tyro.conf.arg(metavar="FILE"), Output(suffixes=(".npz",))] = Path("grasp_cache.npz")
    """File of start states to write; gym.make(..., starts=FILE) reads it."""

    json: JsonFile = None
    """Also write the numbers to this file."""


def run(arguments: list[str]) -> None:
    """Run the command."""
    command = parse(GraspsCommand, "grasps", arguments)
    ways = [None if name == RANDOM else down_in_hand(np.array(WRISTS[name])) for name in wrist_names(command.wrist)]
    names = [name for name in dict.fromkeys(object_names(command.object)) if name != NO_OBJECT]
    if not names:
        raise ConfigurationError(f"expected objects to grasp, got {' '.join(command.object)}")
    with interruptible(lambda: NOTHING_KEPT), tqdm(names, desc="grasps", unit="object") as bar:
        found = {
            name: [
                find_starts(
                    get_object(name),
                    command.tries,
                    command.seed,
                    direction=direction,
                    upright=command.upright,
                    close=command.close,
                )
                for direction in ways
            ]
            for name in bar
        }
    rows: dict[tuple[str, Vector | None], FloatArray] = {
        (name, key): states[: command.keep]
        for name, items in found.items()
        for item in items
        for key, states in item.rows.items()
    }
    numbers = {name: _sums(items) for name, items in found.items()}
    kinds = {name: _kinds(name, [rows[name, direction] for direction in ways]) for name in found}
    heads = tuple(dict.fromkeys(kind for shares in numbers.values() for kind in shares))
    cells = [
        (name, *(_of(held.get(head)) for head in heads), *(str(kinds[name][kind]) for kind in GRASP_KINDS))
        for name, held in numbers.items()
    ]
    print(table(("tries that held", *heads, *(f"kept: {kind}" for kind in GRASP_KINDS)), cells))
    StartStates(rows).save(command.out)
    write_json({name: {"held": held, "kept": kinds[name]} for name, held in numbers.items()}, command.json)


def _search(command: GraspsCommand, name: str, direction: Vector | None) -> Found:
    return find_starts(
        get_object(name), command.tries, command.seed, direction=direction, upright=command.upright, close=command.close
    )


def _kinds(name: str, kept: Sequence[FloatArray]) -> dict[str, int]:
    """How many of an object's grasps are of each kind."""
    return grasp_kinds(get_object(name), np.concatenate(kept))


def _sums(items: Sequence[Found]) -> dict[str, tuple[int, int]]:
    """Tries that held, and all tries, by kind, over all wrist orientations."""
    kinds = dict.fromkeys(kind for item in items for kind in item.held)
    counts = {kind: [item.held[kind] for item in items if kind in item.held] for kind in kinds}
    return {kind: (sum(held for held, _ in some), sum(tries for _, tries in some)) for kind, some in counts.items()}


def _of(held: tuple[int, int] | None) -> str:
    return "" if held is None else f"{held[0]} of {held[1]}"
