"""What holds for the package as a whole: how it imports, what it ships, how it fails."""

import builtins
import configparser
import importlib
import inspect
import pkgutil
import shutil
import subprocess
import sys
import zipfile
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path

import gymnasium
import pytest

import dexndm_gym
from dexndm_gym import errors

PACKAGE = Path(dexndm_gym.__file__).parent
ROOT = PACKAGE.parent
SCRIPTS = ("__main__", "isaacgym_worker")
"""Modules that are run and not imported; the second only where Isaac Gym is."""

MODULES = [
    info.name for info in pkgutil.walk_packages([str(PACKAGE)], "dexndm_gym.") if not info.name.endswith(SCRIPTS)
]
ERRORS = [item for _, item in inspect.getmembers(errors, inspect.isclass) if item is not errors.DexndmError]
SHIPPED = [
    path.relative_to(PACKAGE).as_posix()
    for path in sorted(PACKAGE.rglob("*"))
    if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
]


def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_import_is_light_and_registers_both_ids() -> None:
    code = (
        "import sys, dexndm_gym, gymnasium\n"
        "heavy = {'torch', 'mujoco', 'h5py', 'matplotlib', 'scipy', 'serial', 'stable_baselines3'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "for name in ('Sim', 'Real'): gymnasium.spec(f'LeapRotate-{name}-v0')\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", ["LeapRotate-Sim-v0", "LeapRotate-Real-v0"])
def test_registered_entry_points_exist(name: str) -> None:
    spec = gymnasium.spec(name)
    assert spec.max_episode_steps is None, "the environment ends its own episodes"
    for entry_point in filter(None, (spec.entry_point, spec.vector_entry_point)):
        assert isinstance(entry_point, str)
        module, attribute = entry_point.split(":")
        assert callable(getattr(importlib.import_module(module), attribute))


def test_version_is_the_same_everywhere() -> None:
    assert setup_cfg()["metadata"]["version"] == dexndm_gym.__version__ == metadata.version("dexndm_gym")
    assert f"## [{dexndm_gym.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_command_is_installed() -> None:
    (command,) = [entry for entry in metadata.entry_points(group="console_scripts") if entry.name == "dexndm"]
    assert callable(command.load())


def test_every_data_file_is_declared() -> None:
    patterns = [pattern.strip() for pattern in setup_cfg()["options.package_data"]["*"].split(",")]
    assert "py.typed" in SHIPPED
    assert [name for name in SHIPPED if not any(fnmatch(Path(name).name, pattern) for pattern in patterns)] == []


@pytest.mark.slow
def test_wheel_holds_all_code_and_data(tmp_path: Path) -> None:
    source = tmp_path / "source"  # a copy, because building leaves files behind
    shutil.copytree(PACKAGE, source / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(source)]
    subprocess.run(command, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    code = [path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")]
    assert [name for name in SHIPPED + code if f"dexndm_gym/{name}" not in names] == []


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_errors_are_ours_and_also_builtin(error: type[Exception]) -> None:
    assert issubclass(error, errors.DexndmError)
    parents = {parent for parent in error.__mro__ if parent.__module__ == builtins.__name__}
    assert parents - {Exception, BaseException, object}, "a caller may catch a builtin without knowing this package"


@pytest.mark.parametrize("name", MODULES)
def test_public_names_exist(name: str) -> None:
    if ".training.rsl_" in name:
        pytest.importorskip("rsl_rl", reason="needs the extra gpu")
    module = importlib.import_module(name)
    public = getattr(module, "__all__", ())
    assert len(set(public)) == len(public)
    assert [attribute for attribute in public if not hasattr(module, attribute)] == []
