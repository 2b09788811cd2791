"""The rooms of docs/architecture.md: who may import whom, and what every module owes its reader."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import dexndm_gym

PACKAGE = Path(dexndm_gym.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 300

# Room: the rooms that it may import besides itself. Whatever is not here may not be imported.
OPEN_TO_ALL = {"errors", "constants", "checks", "outputs", "assets", "__version__"}
BELOW_TRAINING = {"leap", "task", "envs", "envs.hands", "envs.rendering", "envs.make", "wrappers", "dynamics", "data"}
MAY_IMPORT = {
    "__init__": {"leap"},  # only when one of its names is asked for: see test_package.py
    "errors": set(),
    "constants": set(),
    "checks": set(),
    "outputs": set(),
    "compiling": set(),
    "assets": set(),
    "leap": set(),
    "task": {"leap", "compiling"},
    "hardware": {"leap"},
    "virtual_hand": {"leap"},
    "data": {"leap"},
    "dynamics": {"leap", "data", "compiling"},
    "envs": {"leap", "task", "envs.rendering"},
    "envs.__init__": {"envs", "envs.make"},
    "envs.rendering": {"leap"},
    "envs.hands": {"leap", "task", "envs", "hardware", "virtual_hand"},
    "envs.make": {"leap", "task", "envs", "envs.hands"},
    "wrappers": {"leap", "task", "envs", "dynamics"},
    "training": BELOW_TRAINING | {"virtual_hand"},
    "evaluation": BELOW_TRAINING | {"virtual_hand"},
    "teleop": BELOW_TRAINING,
    "cli": BELOW_TRAINING | {"hardware", "virtual_hand", "training", "evaluation", "teleop"},
}

# Third-party module: the only rooms that may import it.
CONFINED = {
    "dynamixel_sdk": {"hardware"},
    "serial": {"hardware"},
    "stable_baselines3": {"training"},
    "mujoco": {"leap", "envs.hands", "envs.rendering", "virtual_hand"},
    "mujoco_warp": {"envs.hands"},
    "warp": {"envs.hands"},
    "viser": {"teleop"},
    "ray": {"training"},
    "numba": {"compiling"},
}


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def dotted(path: Path) -> str:
    """Name of a module inside the package."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def room(name: str) -> str:
    """The longest entry of the table that a module, or a name in it, lies in."""
    rooms = [room for room in MAY_IMPORT if name == room or name.startswith(f"{room}.")]
    return max(rooms, key=len, default=name)


def imports(path: Path) -> Iterator[str]:
    """Full name of everything that a module imports, anywhere in it."""
    package = ["dexndm_gym", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            # "from package import module" imports the module, "from module import name" only the module
            yield from (f"{source}.{alias.name}" for alias in node.names)


def own_imports(path: Path) -> Iterator[str]:
    """Names inside the package, without its prefix."""
    yield from (name.split(".", 1)[1] for name in imports(path) if name.startswith("dexndm_gym."))


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_imports_run_one_way(path: Path) -> None:
    here = room(dotted(path))
    allowed = MAY_IMPORT.get(here, set()) | OPEN_TO_ALL | {here}
    wrong = sorted(name for name in own_imports(path) if room(name) not in allowed)
    assert not wrong, f"{here} may import {sorted(allowed)}, not {wrong}"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_third_party_libraries_stay_in_their_rooms(path: Path) -> None:
    here = room(dotted(path))
    used = {name.split(".")[0] for name in imports(path)}
    wrong = sorted(name for name in used & set(CONFINED) if here not in CONFINED[name])
    assert not wrong, f"{here} may not import {wrong}"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_module_is_short_documented_and_silent(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a module starts with a docstring"
    assert len(text.splitlines()) <= MAX_LINES
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    prints = [node.lineno for node in calls if isinstance(node.func, ast.Name) and node.func.id == "print"]
    assert room(dotted(path)) == "cli" or not prints, f"print() in lines {prints}"


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {path.parent for path in MODULES}
    assert [relative(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_every_module_lies_in_a_known_room() -> None:
    assert [relative(path) for path in MODULES if room(dotted(path)) not in MAY_IMPORT] == []
