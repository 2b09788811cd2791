"""Mutation testing: changes one thing at a time in the modules that matter most, and asks whether a test notices.

Mutants are Cosmic Ray's. It changes source text, so that compiled functions and constants are mutated, too. Everything
happens in a copy of the checkout: the checkout itself is never changed. Each mutant is tried in a fork of this process,
which has already imported what is slow to import and is not ours.
"""

import argparse
import importlib
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import NamedTuple

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).parents[1]
WARM = (
    "gymnasium",
    "h5py",
    "hypothesis",
    "mujoco",
    "numba",
    "pytest",
    "safetensors.torch",
    "scipy.spatial",
    "torch",
    "tyro",
)
"""What tests import and no mutant changes."""

SERVO = ["tests/virtual_hand/test_motor_bank.py", "tests/virtual_hand/test_servo_device.py"]
CORRECTION = ["tests/wrappers/test_target_filter.py", "tests/wrappers/test_dynamics_correction.py"]
MODULES = {
    "task/reward": ["tests/task/test_reward.py"],
    "task/metrics": ["tests/task/test_metrics.py"],
    "task/termination": ["tests/task/test_metrics.py"],
    "wrappers/dynamics_correction": CORRECTION,
    "wrappers/target_filter": CORRECTION,
    "wrappers/vector/dynamics_correction": CORRECTION,
    "wrappers/vector/target_filter": CORRECTION,
    "dynamics/correction": ["tests/dynamics/test_correction.py"],
    "dynamics/inverse_kernel": ["tests/dynamics/test_correction.py"],
    "hardware/safety": ["tests/hardware/test_safety.py"],
    "hardware/load_guard": ["tests/hardware/test_load_guard.py"],
    "virtual_hand/gearbox": ["tests/virtual_hand/test_gearbox.py", *SERVO],
    "virtual_hand/motor_bank": ["tests/virtual_hand/test_gearbox.py", *SERVO],
    "virtual_hand/motion_profile": ["tests/virtual_hand/test_motion_profile.py", *SERVO],
}
"""Each module, and the tests that should notice a change in it."""

SKIPPED = ("core/RemoveDecorator", "core/ReplaceBinaryOperator_BitOr")
"""Operators that say nothing here: without @compiled results are the same, and almost every | is in an annotation."""

KILLED, SURVIVED = (1, 2, 4), 0
"""Exit codes of pytest: tests failed, or they or their conftest could not be imported; all passed."""


class Mutant(NamedTuple):
    """One change that Cosmic Ray can make in a file."""

    operator: str
    occurrence: int


def main() -> None:
    """Print every survivor, then how many were killed of each module."""
    arguments = parse_arguments()
    # Compiled code is compiled anew for most mutants; without optimization that is the smaller part.
    os.environ["NUMBA_OPT"], sys.dont_write_bytecode = "0", True
    for name in WARM:
        importlib.import_module(name)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        copy_checkout(Path(folder))
        for module in arguments.modules:
            rows.append((module, *try_module(module, Path(folder), arguments.sample, arguments.seed)))
    killed, tried = sum(row[1] for row in rows), sum(row[2] for row in rows)
    print(f"\n{'module':36} {'killed':>6} {'survived':>8} {'possible':>8}")
    for module, of_these, sampled, possible in rows:
        print(f"{module:36} {of_these:6} {sampled - of_these:8} {possible:8}")
    print(f"{'all':36} {killed:6} {tried - killed:8} {killed / max(tried, 1):8.0%}")


def parse_arguments() -> argparse.Namespace:
    """What is asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", default=list(MODULES), metavar="MODULE", help=", ".join(MODULES))
    parser.add_argument("--sample", type=int, default=15, help="mutants per module, drawn at random; 0 for all")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    arguments = parser.parse_args()
    unknown = set(arguments.modules) - set(MODULES)
    if unknown:
        parser.error(f"no such module: {', '.join(sorted(unknown))}; known are {', '.join(MODULES)}")
    return arguments


def copy_checkout(folder: Path) -> None:
    """Copy what git knows of, as it is now."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], stdout=subprocess.PIPE, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def try_module(module: str, folder: Path, sample: int, seed: int) -> tuple[int, int, int]:
    """How many mutants of a module were killed, were tried, and are possible."""
    path = folder / "dexndm_gym" / f"{module}.py"
    source, possible = path.read_text(), list(mutants(path.read_text()))
    chosen = random.Random(f"{seed} {module}").sample(possible, min(sample or len(possible), len(possible)))
    began = time.monotonic()
    if run_tests(module, folder, None) != SURVIVED:
        sys.exit(f"the tests of {module} fail without any mutant: {' '.join(MODULES[module])}")
    # Loops without end are killed; a machine that is ten times as busy as before is not taken for one.
    patience = 60 + 10 * (time.monotonic() - began)
    killed = 0
    for mutant in sorted(chosen):
        mutated = mutate_code(source, get_operator(mutant.operator)(), mutant.occurrence)
        path.write_text(mutated)
        code = run_tests(module, folder, patience)
        path.write_text(source)
        if code == SURVIVED:
            print(
                f"survived: {module}, {mutant.operator} {mutant.occurrence}\n{difference(source, mutated)}", flush=True
            )
        elif code not in KILLED:
            sys.exit(f"pytest ended with {code} at {module}, {mutant.operator} {mutant.occurrence}")
        killed += code in KILLED
    print(f"{module}: {killed} of {len(chosen)} killed", flush=True)
    return killed, len(chosen), len(possible)


def mutants(source: str) -> Iterator[Mutant]:
    """All mutants of a file."""
    nodes = list(ast_nodes(get_ast(source)))
    for name in sorted(operator_names()):
        operator = get_operator(name)
        if name.startswith(SKIPPED) or operator.arguments():
            continue
        where = [node for node in nodes for _ in operator().mutation_positions(node)]
        for occurrence, node in enumerate(where):
            # Cosmic Ray takes the * before keyword-only parameters for a product.
            if node.parent is None or node.parent.type != "parameters":
                yield Mutant(name, occurrence)


def run_tests(module: str, folder: Path, patience: float | None) -> int:
    """Exit code of a module's tests; that of failure where they take too long (s)."""
    process = multiprocessing.get_context("fork").Process(target=run_pytest, args=(MODULES[module], folder))
    process.start()
    process.join(patience)
    if process.exitcode is None and process.pid is not None:
        os.killpg(process.pid, signal.SIGKILL)
        process.join()
        return KILLED[0]
    return KILLED[0] if process.exitcode is None or process.exitcode < 0 else process.exitcode


def run_pytest(tests: list[str], folder: Path) -> None:
    """Run tests of the copy in this process, which is new, and end it with their exit code."""
    os.setsid()
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    os.environ["PYTHONPATH"] = str(folder)
    import pytest

    os._exit(int(pytest.main(["-x", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", *tests])))


def difference(before: str, after: str) -> str:
    """The lines that a mutant changes."""
    lines = list(unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))
    return "\n".join(f"  {line}" for line in lines[2:])


if __name__ == "__main__":
    main()
