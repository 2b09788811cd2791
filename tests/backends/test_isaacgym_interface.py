"""What the worker may assume: the interface of Isaac Gym as its stubs have it, Python 3.8, and a process of its own."""

import ast
import inspect
import os
import re
import signal
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from isaacgym_in_process import STAND_IN, WORKER, load_worker

import dexndm_gym
from dexndm_gym.backends import isaacgym_protocol
from dexndm_gym.backends.isaacgym_process import VARIABLE
from dexndm_gym.errors import SimulatorError

PACKAGE = Path(dexndm_gym.__file__).parent
STUB = PACKAGE.parent / "typings" / "isaacgym" / "gymapi.pyi"
OURS = [WORKER, Path(isaacgym_protocol.__file__)]


def classes(tree: ast.Module) -> dict[str, ast.ClassDef]:
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def signatures(node: ast.ClassDef) -> dict[str, list[tuple[str, bool]]]:
    """Arguments of each method in order, and whether they have a default."""
    found = {}
    for method in node.body:
        if isinstance(method, ast.FunctionDef):
            names = [argument.arg for argument in [*method.args.posonlyargs, *method.args.args]]
            first_default = len(names) - len(method.args.defaults)
            found[method.name] = [(name, i >= first_default) for i, name in enumerate(names)]
    return found


def attributes(node: ast.ClassDef) -> set[str]:
    return {
        item.target.id for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    }


@pytest.fixture(scope="module")
def stub() -> dict[str, ast.ClassDef]:
    return classes(ast.parse(STUB.read_text()))


@pytest.fixture(scope="module")
def gymapi() -> Any:
    return load_worker().gymapi


def test_stand_in_has_the_signatures_of_the_stub(stub: dict[str, ast.ClassDef], gymapi: Any) -> None:
    for name, expected in signatures(stub["Gym"]).items():
        parameters = inspect.signature(getattr(gymapi.Gym, name)).parameters.values()
        assert [(one.name, one.default is not one.empty) for one in parameters] == expected, name


def test_stand_in_has_the_fields_of_the_stub(stub: dict[str, ast.ClassDef], gymapi: Any) -> None:
    records = {name: attributes(node) for name, node in stub.items() if attributes(node)}
    assert {"SimParams", "PhysXParams", "AssetOptions", "RigidShapeProperties"} < set(records)
    for name, fields in records.items():
        assert fields <= set(getattr(gymapi, name).defaults), name


def test_worker_uses_nothing_beside_the_stub(stub: dict[str, ast.ClassDef]) -> None:
    text, tree = WORKER.read_text(), ast.parse(STUB.read_text())
    constants = {node.target.id for node in tree.body if isinstance(node, ast.AnnAssign)}  # type: ignore[union-attr]
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert set(re.findall(r"\bgymapi\.(\w+)", text)) <= constants | functions | set(stub)
    assert set(re.findall(r"\b_?gym\.(\w+)", text)) == set(signatures(stub["Gym"]))


def test_stub_is_that_of_isaacgym_stubs(stub: dict[str, ast.ClassDef]) -> None:
    try:
        (path,) = [file.locate() for file in files("isaacgym-stubs") or [] if file.name == "gymapi.pyi"]
    except PackageNotFoundError:
        pytest.skip("isaacgym-stubs is not installed")
    text = Path(str(path)).read_text().replace("def lambda(", "def lambda_(")  # which is no Python
    theirs = classes(ast.parse(text))
    ours, expected = signatures(stub["Gym"]), signatures(theirs["Gym"])
    del ours["get_asset_dof_properties"]  # which has *args, **kwargs there
    assert ours == {name: expected[name] for name in ours}
    for name, node in stub.items():
        assert attributes(node) <= attributes(theirs[name]), name


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_worker_side_is_clean_python_38(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    imported = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    imported |= {str(node.module).split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported <= set(sys.stdlib_module_names) | {"isaacgym", "torch", "numpy"}


def test_isaac_gym_is_imported_before_torch_and_by_the_worker_only() -> None:
    users = [
        path for path in PACKAGE.rglob("*.py") if re.search(r"^\s*(from|import) isaacgym\b", path.read_text(), re.M)
    ]
    assert users == [WORKER]
    text = WORKER.read_text()
    assert text.index("from isaacgym import") < text.index("import torch")


def python38() -> str | None:
    """A Python 3.8 on this machine."""
    for folder in [*os.get_exec_path(), *map(str, Path.home().glob(".pyenv/versions/3.8*/bin"))]:
        path = Path(folder) / "python3.8"
        command = [str(path), "-c", "import sys; sys.exit(sys.version_info[:2] != (3, 8))"]
        if path.exists() and subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return str(path)
    return None


def test_worker_side_compiles_under_real_python_38(tmp_path: Path) -> None:
    if (python := python38()) is None:
        pytest.skip("no Python 3.8 here")
    code = (
        "import importlib.util, os, sys\n"
        "for path in sys.argv[1:]: compile(open(path).read(), path, 'exec')\n"
        "spec = importlib.util.spec_from_file_location('protocol', sys.argv[2])\n"
        "protocol = importlib.util.module_from_spec(spec); spec.loader.exec_module(protocol)\n"
        "link = protocol.Link(*os.pipe()); link.send({'text': 'x' * 1000}); print(len(link.receive()['text']))\n"
    )
    command = [python, "-c", code, *map(str, OURS)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (result.stdout.strip(), result.stderr) == ("1000", "")


@pytest.fixture
def interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This interpreter, with the stand-in for Isaac Gym on its path, as the user's."""
    path = tmp_path / "python"
    path.write_text(f'#!/bin/sh\nPYTHONPATH={STAND_IN} exec {sys.executable} "$@"\n')
    path.chmod(0o755)
    monkeypatch.setenv(VARIABLE, str(path))


def make_env(**options: Any) -> Any:
    options = {"object": ["cube", "ball_40"], "wrist": "six", "randomize": True} | options
    return gymnasium.make_vec("LeapRotate-Sim-v0", 2, vectorization_mode="vector_entry_point", **options)


@pytest.mark.slow
@pytest.mark.usefixtures("interpreter")
def test_native_checks_pass_on_the_stand_in() -> None:
    checks = str(Path(__file__).with_name("test_isaacgym_native.py"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-m", "isaacgym", checks]
    environment = {**os.environ, "DEXNDM_ISAACGYM_DEVICE": "cpu"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert "8 passed" in result.stdout, result.stdout


@pytest.mark.usefixtures("interpreter")
def test_worker_in_its_own_process_plays_like_in_ours() -> None:
    action = np.full((2, 16), 0.3, dtype=np.float32)
    played = []
    for options in ({"backend": "isaacgym", "device": "cpu"}, {"backend": "isaacgym_in_process:make"}):
        env = make_env(**options)
        first, _ = env.reset(seed=0)
        played.append(np.stack([first, *(env.step(action)[0] for _ in range(5))]))
        if options["backend"] == "isaacgym":
            os.kill(env.backend._worker.pid, signal.SIGKILL)
            with pytest.raises(SimulatorError, match=r"(?s)SIGKILL; it said last:.*Physics Engine: PhysX"):
                env.step(action)
        env.close()
        env.close()
    np.testing.assert_array_equal(*played)
