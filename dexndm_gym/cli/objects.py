"""``dexndm objects``."""

import difflib
from dataclasses import asdict, dataclass
from typing import Annotated

import numpy as np
import tyro

from dexndm_gym.checks import Checked, CountOrZero
from dexndm_gym.cli.common import NOTHING_KEPT, JsonFile, interruptible, parse, table, write_json
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.evaluation.grasp_stability import Held, survival
from dexndm_gym.grasps.mesh_grasp_cache import start_states_of
from dexndm_gym.grasps.start_states import StartStates
from dexndm_gym.objects.catalog import NO_OBJECT, OBJECT_SETS, REGISTERED
from dexndm_gym.objects.object_choice import find_objects, the_object
from dexndm_gym.objects.object_model import RotatableObject
from dexndm_gym.progress import progress_bar
from dexndm_gym.task.orientations import WRISTS, down_in_hand


@dataclass(frozen=True, kw_only=True)
class ObjectsCommand(Checked):
    """List objects: what they are made of, how large and heavy they are, and where the hand holds them.

    Without --set or --object these are all built-in objects, and those that are registered.
    """

    set: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Only this named set."""

    object: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME [NAME ...]")] = ()
    """Only these objects, sets, or mesh files such as bunny.obj,size=0.07,mass=0.1 (m, kg). What had to be mended in a
    mesh is said, too."""

    check: Annotated[CountOrZero, tyro.conf.arg(metavar="EPISODES")] = 0
    """Also begin this many episodes with each object in each named wrist orientation, hold the targets still for two
    seconds, and say of the worst orientation what share still has it after half a second, and how far bodies sink into
    each other from then on."""

    json: JsonFile = None
    """Also write the table to this file."""


@dataclass(frozen=True, kw_only=True)
class _Row:
    name: str
    shape: str
    size_mm: str
    mass_g: str
    aspect: str
    held: str
    survival: str
    penetration_mm: str
    sets: str
    repairs: tuple[str, ...]


def run(arguments: list[str]) -> None:
    """Run the command."""
    command = parse(ObjectsCommand, "objects", arguments)
    items = _items(command)
    names = [item.name for item in items]
    found: dict[tuple[str, str], Held] = {}
    if command.check:
        with interruptible(lambda: NOTHING_KEPT), progress_bar("check", "wrist") as progress:
            found = survival(names, command.check, progress=progress)
    starts = start_states_of(items)
    rows = [
        _row(item, starts, {wrist: held for (name, wrist), held in found.items() if name == item.name})
        for item in items
    ]
    head = ("object", "shape", "size, mm", "mass, g", "aspect", "start states", "kept 0.5 s", "sinks in, mm", "sets")
    keep = [i for i, column in enumerate(head) if command.check or column not in ("kept 0.5 s", "sinks in, mm")]
    cells = [tuple(tuple(asdict(row).values())[i] for i in keep) for row in rows]
    print(table(tuple(head[i] for i in keep), cells, labels=3))
    for item in items:
        for repair in item.repairs:
            print(f"{item.name}: mended: {repair}")
    write_json({row.name: asdict(row) for row in rows}, command.json)


def _items(command: ObjectsCommand) -> list[RotatableObject]:
    """The objects that are asked for."""
    if command.object and command.set is not None:
        raise ConfigurationError("expected --set or --object, got both")
    if command.object:
        choices = find_objects(command.object)
    elif command.set is None:
        choices = (*OBJECT_SETS["all"], *REGISTERED)
    elif command.set in OBJECT_SETS:
        choices = OBJECT_SETS[command.set]
    else:
        close = difflib.get_close_matches(command.set, OBJECT_SETS, n=1)
        hint = f". Did you mean {close[0]!r}?" if close else ""
        known = ", ".join(name for name in OBJECT_SETS if name != NO_OBJECT)
        raise ConfigurationError(f"Unknown set {command.set!r}; expected one of {known}{hint}")
    items = [the_object(choice) for choice in choices if choice != NO_OBJECT]
    if not items:
        raise ConfigurationError("there is nothing to list of the empty hand; expected a set or an object")
    return items


def _row(item: RotatableObject, starts: StartStates, held: dict[str, Held]) -> _Row:
    name = item.name
    return _Row(
        name=name,
        shape=item.geoms[0].shape if item.is_primitive else f"{len(item.geoms)} pieces",
        size_mm=" x ".join(f"{1000 * length:.0f}" for length in item.extents),
        mass_g=f"{1000 * item.mass:.0f}",
        aspect=f"{item.aspect:.2f}",
        held=_held(name, starts),
        survival=_worst({wrist: state.share for wrist, state in held.items()}),
        penetration_mm=f"{1000 * max(state.penetration for state in held.values()):.2f}" if held else "",
        sets=", ".join(known for known, names in OBJECT_SETS.items() if known != "all" and name in names),
        repairs=item.repairs,
    )


def _worst(shares: dict[str, float]) -> str:
    if not shares:
        return ""
    worst = min(shares, key=shares.__getitem__)
    return f"{shares[worst]:.1%}" + (f" ({worst})" if shares[worst] < 1.0 else "")


def _held(name: str, starts: StartStates) -> str:
    """In which wrist orientations there are start states."""
    lacking = [wrist for wrist, quat in WRISTS.items() if not starts.count(name, down_in_hand(np.array(quat)))]
    if not lacking:
        return "every wrist"
    return "none" if len(lacking) == len(WRISTS) else f"not {', '.join(lacking)}"
