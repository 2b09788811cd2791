"""``dexndm grasps``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from tqdm import tqdm

from dexndm_gym.cli.common import File, parse, table, write_json
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.leap.grasp_search import Found, find_starts, grasp_kinds
from dexndm_gym.leap.joints import FloatArray
from dexndm_gym.leap.objects import NO_OBJECT, OBJECT_SETS, get_object
from dexndm_gym.leap.starts import Direction, StartStates
from dexndm_gym.leap.trials import GRASP_KINDS
from dexndm_gym.task.orientations import WRISTS, down_in_hand


@dataclass(frozen=True, kw_only=True)
class GraspsCommand:
    """Look for states in which the hand holds objects, for episodes to start from.

    Without --wrist it looks for grasps that hold in every wrist orientation, and for palm up also for states in which
    the object lies in the open hand.
    """

    object: Annotated[str, tyro.conf.arg(metavar="NAME")] = "all"
    """Object, named set of objects, or mesh file such as bunny.obj,size=0.07,mass=0.1 (m, kg)."""

    wrist: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Look only for grasps that hold in this wrist orientation."""

    tries: int = 128
    """How often to try, per object and kind."""

    keep: int = 32
    """Most states to keep, per object and kind."""

    seed: int = 0
    """Seed of the search."""

    out: Annotated[Path, tyro.conf.arg(metavar="FILE")] = Path("starts.npz")
    """File of start states to write; gym.make(..., starts=FILE) reads it."""

    json: File = None
    """Also write the numbers to this file."""


def run(arguments: list[str]) -> None:
    """Run the command."""
    command = parse(GraspsCommand, "grasps", arguments)
    if command.tries < 1 or command.keep < 1:
        raise ConfigurationError(f"expected tries and keep of at least 1, got {command.tries} and {command.keep}")
    names = OBJECT_SETS.get(command.object) or (get_object(command.object).name,)
    if command.wrist is not None and command.wrist not in WRISTS:
        raise ConfigurationError(f"Unknown wrist {command.wrist!r}; expected one of {', '.join(WRISTS)}")
    way = None if command.wrist is None else down_in_hand(np.array(WRISTS[command.wrist]))
    found: dict[str, Found] = {
        name: find_starts(get_object(name), command.tries, command.seed, way=way)
        for name in tqdm(names, desc="grasps", unit="object")
        if name != NO_OBJECT
    }
    rows: dict[tuple[str, Direction | None], FloatArray] = {
        (name, key): states[: command.keep] for name, item in found.items() for key, states in item.rows.items()
    }
    StartStates(rows).save(command.out)
    numbers = {name: item.held for name, item in found.items()}
    kinds = {name: grasp_kinds(get_object(name), rows[name, way]) for name in found if len(rows[name, way])}
    write_json({name: {"held": held, "kept": kinds.get(name, {})} for name, held in numbers.items()}, command.json)
    heads = tuple(dict.fromkeys(kind for shares in numbers.values() for kind in shares))
    cells = [
        (
            name,
            *(_of(held.get(head)) for head in heads),
            *(str(kinds.get(name, {}).get(kind, 0)) for kind in GRASP_KINDS),
        )
        for name, held in numbers.items()
    ]
    print(table(("tries that held", *heads, *(f"kept: {kind}" for kind in GRASP_KINDS)), cells))


def _of(held: tuple[int, int] | None) -> str:
    return "" if held is None else f"{held[0]} of {held[1]}"
