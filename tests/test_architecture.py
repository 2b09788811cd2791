"""The rooms of docs/architecture.md: who may import whom, and what every module owes its reader."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import dexndm_gym

PACKAGE = Path(dexndm_gym.__file__).parent
DOCUMENT = PACKAGE.parent / "docs" / "architecture.md"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 300

# Every room may import these.
OPEN_TO_ALL = {"errors", "lazy", "arrays", "constants", "progress", "checks", "outputs", "assets", "__version__"}

# Room: what is in it, and the rooms that it may import besides itself, all of which stand above it. A room inside a
# room has its own line; whatever is not here may not be imported. docs/architecture.md shows this table.
ROOMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "errors": ("every error raised on purpose; each also inherits a builtin", ()),
    "lazy": ("public names that are loaded when they are asked for", ()),
    "arrays": ("types of arrays, for annotations", ()),
    "constants": ("numbers that several rooms share: control period, physics step, gravity", ()),
    "progress": ("how far something is, and a bar that shows it", ()),
    "checks": ("what the fields of a configuration may hold", ()),
    "outputs": ("files and folders that are written", ()),
    "assets": ("weights and start states that are shipped, each with a card", ()),
    "compiling": ("how functions are compiled and cached", ()),
    "hand": ("the hand itself: joints, limits, geometry, MuJoCo model, servo parameters, self-collision", ()),
    "distributed": ("many jobs at once, on processes of this machine or a Ray cluster", ("hand",)),
    "objects": ("objects to rotate: catalog, primitives, meshes, the slots that mix them in one batch", ("hand",)),
    "grasps": ("start states: search, fingertip grasps, palm rests, their cache", ("hand", "objects")),
    "rendering": (
        "pictures and the window, and the surfaces that they are made of",
        ("compiling", "hand", "objects"),
    ),
    "tracking": (
        "where the object is: tags, a camera in a process of its own, a virtual camera, an estimate from the joints",
        ("hand", "objects", "grasps"),
    ),
    "task": (
        'what "rotate the object" means: options, observation, [reward, metrics](task.md), parameters',
        ("compiling", "hand", "objects", "grasps"),
    ),
    "data": ("recordings of trajectories, their collection and export", ("hand", "objects")),
    "dynamics": (
        "joint-wise models: physics and networks, identification, fitting, inverse",
        ("compiling", "hand", "distributed", "data"),
    ),
    "dynamics.servo_bench": (
        "models of a single servo, fitted to logs of a bench",
        ("compiling", "hand", "data", "dynamics"),
    ),
    "filters.target_filter": ("the `TargetFilter` protocol", ("hand",)),
    "filters": (
        "target filters: joint-wise inverse, residual policy, delta action, noise",
        ("hand", "dynamics", "filters.target_filter"),
    ),
    "hardware": ("servo bus, registers, calibration, safety, bring-up", ("hand",)),
    "virtual_hand": (
        "the emulated hand: packets, control tables, servo physics, faults, process",
        ("hand", "objects", "grasps"),
    ),
    "backends.backend": ("the `Backend` protocol", ("hand", "objects")),
    "backends": (
        "what moves the fingers: MuJoCo, Dynamixel servos, the virtual hand; their registry",
        ("hand", "objects", "grasps", "tracking", "task", "hardware", "virtual_hand", "backends.backend"),
    ),
    "envs": (
        "the environment, its vector twin, spaces, the loop in which a policy acts on them",
        ("hand", "objects", "rendering", "task", "filters.target_filter", "backends.backend"),
    ),
    "envs.make": (
        "what `gymnasium.make` calls for each id",
        ("hand", "objects", "rendering", "task", "backends.backend", "backends", "envs"),
    ),
    "wrappers": (
        "`DynamicsCorrectionWrapper`",
        ("hand", "task", "dynamics", "filters.target_filter", "filters", "envs"),
    ),
    "data.replay": (
        "collects recordings by playing episodes on an environment",
        (
            "hand",
            "objects",
            "grasps",
            "task",
            "data",
            "filters.target_filter",
            "filters",
            "backends.backend",
            "envs",
            "envs.make",
            "wrappers",
        ),
    ),
    "training": (
        "teachers, distillation, policies",
        (
            "hand",
            "distributed",
            "objects",
            "grasps",
            "tracking",
            "task",
            "data",
            "dynamics",
            "filters",
            "backends.backend",
            "backends",
            "envs",
            "envs.make",
            "wrappers",
        ),
    ),
    "evaluation": (
        "episodes and their scores, stability of grasps, coverage of recordings",
        (
            "hand",
            "objects",
            "grasps",
            "rendering",
            "task",
            "data",
            "dynamics",
            "backends.backend",
            "backends",
            "envs",
            "envs.make",
            "wrappers",
            "training",
        ),
    ),
    "evaluation.demo": (
        "simulation, direct transfer and corrected run, and their report",
        (
            "hand",
            "rendering",
            "task",
            "data",
            "dynamics",
            "virtual_hand",
            "filters",
            "envs",
            "wrappers",
            "evaluation",
            "data.replay",
        ),
    ),
    "evaluation.general": (
        "one policy over wrists, axes and objects, and goal orientations",
        (
            *("hand", "distributed", "objects", "grasps", "rendering", "task", "backends", "envs", "envs.make"),
            "evaluation",
        ),
    ),
    "evaluation.gap": (
        "the gap suite over many virtual hands, and the baselines it compares",
        (
            "hand",
            "grasps",
            "distributed",
            "task",
            "data",
            "dynamics",
            "filters.target_filter",
            "filters",
            "backends.backend",
            "backends",
            "envs",
            "wrappers",
            "evaluation",
            "data.replay",
        ),
    ),
    "evaluation.report": (
        "one report on all that a folder holds",
        (
            "rendering",
            "task",
            "data",
            "evaluation",
            "evaluation.demo",
            "evaluation.general",
            "evaluation.gap",
        ),
    ),
    "viewer": (
        "the page in the browser: snapshots, scene, panels, and the hands and recordings that it shows",
        ("hand", "objects", "rendering", "task", "data", "envs"),
    ),
    "teleop": (
        "somebody steers, a policy moves the fingers: commands, sources, session, scripted demonstrations",
        ("hand", "grasps", "hardware", "task", "data", "envs", "evaluation", "viewer"),
    ),
    "cli": (
        "the `dexndm` command, thin",
        (
            "hand",
            "distributed",
            "objects",
            "grasps",
            "rendering",
            "tracking",
            "task",
            "data",
            "dynamics",
            "dynamics.servo_bench",
            "filters",
            "hardware",
            "virtual_hand",
            "backends",
            "envs",
            "envs.make",
            "wrappers",
            "training",
            "evaluation",
            "data.replay",
            "evaluation.demo",
            "evaluation.general",
            "evaluation.gap",
            "evaluation.report",
            "viewer",
            "teleop",
        ),
    ),
}

# Third-party module: the only rooms that may import it.
CONFINED = {
    "dynamixel_sdk": {"hardware"},
    "serial": {"hardware"},
    "stable_baselines3": {"training"},
    "mujoco": {"hand", "objects", "grasps", "rendering", "tracking", "backends", "virtual_hand"},
    "mujoco_warp": {"backends"},
    "isaacgym": {"backends"},
    "warp": {"backends"},
    "numba": {"compiling"},
    "viser": {"viewer", "teleop"},
    "websockets": {"viewer", "teleop"},
    "cryptography": {"teleop"},
    "pygame": {"teleop"},
    "ray": {"distributed"},
    "cv2": {"tracking"},
}


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def dotted(path: Path) -> str:
    """Name of a module inside the package."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def room(name: str) -> str:
    """The longest entry of the table that a module, or a name in it, lies in."""
    rooms = [room for room in ROOMS if name == room or name.startswith(f"{room}.")]
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


def table() -> list[str]:
    """The rooms as docs/architecture.md shows them."""
    rows = ["| room | what is in it | may import |", "|---|---|---|"]
    for name, (content, others) in ROOMS.items():
        rows.append(f"| `{name}` | {content} | {', '.join(f'`{other}`' for other in others)} |")
    return rows


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_imports_follow_the_table(path: Path) -> None:
    here = room(dotted(path))
    allowed = set(ROOMS[here][1] if here in ROOMS else ()) | OPEN_TO_ALL | {here}
    # a package may show what its rooms hold
    own = dotted(path).removesuffix("__init__") if path.name == "__init__.py" else "nothing"
    wrong = sorted(name for name in own_imports(path) if room(name) not in allowed and not name.startswith(own))
    assert not wrong, f"{here} may import {sorted(allowed)}, not {wrong}"


def test_rooms_import_only_rooms_above() -> None:
    order = list(ROOMS)
    wrong = {name: other for name in order for other in ROOMS[name][1] if order.index(other) >= order.index(name)}
    assert wrong == {}


def test_docs_show_the_table() -> None:
    shown = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("|")]
    assert shown == table(), "docs/architecture.md should have:\n" + "\n".join(table())


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
    assert [relative(path) for path in MODULES if room(dotted(path)) not in ROOMS and path.parent != PACKAGE] == []
