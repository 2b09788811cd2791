"""What simulated environments cost beside the physics in them: ``make bench-sim``.

Every ratio is that of two things measured in turns, chunk by chunk, in one process, and is the median over the chunks:
a busy machine slows both. Actions are uniformly random, physics and observations randomized, episodes end and restart.

Run: ``python benchmarks/bench_sim.py [--chunks N] [--threads N] [--memory-steps N] [--json FILE]``.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gymnasium
import mujoco
import numpy as np
from mujoco.batch import Batch

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.arrays import FloatArray
from dexndm_gym.backends.mujoco_hand import SUBSTEPS
from dexndm_gym.envs import LeapRotateVectorEnv
from dexndm_gym.envs.make import make_sim_vector_env
from dexndm_gym.grasps.grasp_search import find_palm_rests
from dexndm_gym.grasps.start_states import PALM_UP, StartStates
from dexndm_gym.objects.catalog import get_object
from dexndm_gym.objects.object_model import primitive

MIXED = {
    "object": [
        *("cylinder", "cube", "ellipsoid", "cylinder_62x75", "box_50x62x62", "box_40x40x100"),
        *("cylinder_28x31", "ball_60", "box_51x51x51", "duck", "truck", "teapot"),
    ],
    "wrist": "six",
    "axis": "random",
}
"""Twelve objects, six wrists, any axis."""

STATE = ("qpos", "qvel", "qacc_warmstart", "xfrc_applied", "ctrl", "time")
"""Whatever a step of MuJoCo begins from."""

CUBE = 0.07
"""Side of EnvPool's cube, m."""

ENVPOOL_MIB = 70
"""What each of EnvPool's envs takes, as measured with 16."""

Row = dict[str, Any]


def timed(run: Callable[..., Any], *args: Any) -> tuple[float, Any]:
    """How long a call takes, s, and what it returns."""
    begin = time.perf_counter()
    result = run(*args)
    return time.perf_counter() - begin, result


def running_env(num_envs: int, threads: int, **options: Any) -> LeapRotateVectorEnv:
    """A vector env amid its episodes, each at another point of its own."""
    env = make_sim_vector_env(num_envs=num_envs, num_threads=threads, randomize=True, **options)
    env.reset(seed=0)
    env.task.steps[:] = np.random.default_rng(0).integers(0, env.task.config.episode_steps, num_envs)
    return env


def random_actions(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.uniform(-1.0, 1.0, (*shape, 16)).astype(np.float32)


def play(env: Any, actions: np.ndarray) -> list[tuple[Any, ...]]:
    return [env.step(action) for action in actions]


def step_raw(batch: Batch, controls: list[FloatArray]) -> None:
    control = batch.bind("ctrl")
    for target in controls:
        control[:] = target
        batch.step(nstep=SUBSTEPS)


def step_one(model: mujoco.MjModel, data: mujoco.MjData, controls: list[FloatArray]) -> None:
    for target in controls:
        data.ctrl[:] = target
        mujoco.mj_step(model, data, SUBSTEPS)


def vector_against_raw(num_envs: int, threads: int, chunks: int, **options: Any) -> Row:
    """Steps of the vector env against ``mujoco.batch`` stepping the same simulations through the same controls."""
    env = running_env(num_envs, threads, **options)
    batch = env.backend.batch  # type: ignore[attr-defined]
    rng, steps = np.random.default_rng(1), max(2, 1024 // num_envs)
    ours, raw = [], []
    for _ in range(chunks):
        begin = snapshot(batch)
        seconds, results = timed(play, env, random_actions(rng, steps, num_envs))
        ours.append(seconds)
        end = snapshot(batch)
        # A simulation whose episode ended has another object now: it goes through the chunk from its present state.
        ended = np.any([result[2] | result[3] for result in results], axis=0)[:, None]
        restore(batch, {name: np.where(ended, end[name], begin[name]) for name in STATE})
        raw.append(timed(step_raw, batch, [result[-1]["command"] for result in results])[0])
        restore(batch, end)
    return {"env_steps_per_s": num_envs * steps / np.median(ours), "ratio": median_ratio(raw, ours)}


def snapshot(batch: Batch) -> dict[str, FloatArray]:
    return {name: batch.bind(name).reshape(batch.nsim, -1).copy() for name in STATE}


def restore(batch: Batch, state: dict[str, FloatArray]) -> None:
    for name, values in state.items():
        array = batch.bind(name)
        array[:] = values.reshape(array.shape)


def median_ratio(above: list[float], below: list[float]) -> float:
    return float(np.median(np.divide(above, below)))


def single_against_mujoco(chunks: int) -> Row:
    """A step of ``gymnasium.make(...)`` over ``mj_step`` on the same model, through the same controls."""
    env = gymnasium.make("LeapRotate-Sim-v0", object="cube")
    rng, steps = np.random.default_rng(1), 50
    ours, raw = [], []
    for chunk in range(chunks):
        env.reset(seed=chunk)
        batch = env.unwrapped.backend.batch  # type: ignore[attr-defined]
        model, data = batch.get_model(0), batch.get_data(0)
        seconds, results = timed(play, env, 0.3 * random_actions(rng, steps))
        ours.append(seconds)
        raw.append(timed(step_one, model, data, [result[-1]["command"] for result in results])[0])
    return {"env_steps_per_s": steps / np.median(ours), "ratio": median_ratio(ours, raw)}


def against_envpool(num_envs: int, threads: int, chunks: int) -> Row:
    """Steps per second over those of EnvPool's task with the same cube, control step and physics step."""
    import envpool  # type: ignore[import-not-found]  # an extra: pip install -e ".[bench]"

    theirs = envpool.make_gymnasium("LeapCubeRotateZAxis-v1", num_envs=num_envs, num_threads=threads, seed=0)
    theirs.reset()
    with tempfile.TemporaryDirectory() as folder:
        starts = Path(folder) / "grasp_cache.npz"
        write_starts_of_cube(starts)
        ours = running_env(num_envs, threads, object="cube", starts=starts)
    rng, steps = np.random.default_rng(1), max(2, 1024 // num_envs)
    times: dict[str, list[float]] = {"env": [], "envpool": []}
    for _ in range(chunks):
        actions = random_actions(rng, steps, num_envs)
        times["env"].append(timed(play, ours, actions)[0])
        times["envpool"].append(timed(play, theirs, actions)[0])
    theirs.close()
    rates = {f"{name}_steps_per_s": num_envs * steps / np.median(taken) for name, taken in times.items()}
    return rates | {"ratio": median_ratio(times["envpool"], times["env"])}


def write_starts_of_cube(path: Path) -> None:
    """Start states of the built-in cube, enlarged to EnvPool's."""
    rows = find_palm_rests(primitive("cube", "box", (CUBE, CUBE, CUBE), 0.05), 64, np.random.default_rng(0))
    rows[:, -1] *= CUBE / get_object("cube").extents[0]
    StartStates({("cube", PALM_UP): rows}).save(path)


def memory_growth(num_envs: int, threads: int, env_steps: int) -> Row:
    """Growth of resident memory, after a tenth of the steps has warmed everything up."""
    env = running_env(num_envs, threads, **MIXED)
    rng, steps = np.random.default_rng(1), env_steps // num_envs
    resident = []
    for step in range(steps):
        env.step(random_actions(rng, num_envs))
        if step in (steps // 10, steps - 1):
            resident.append(resident_mib())
    return {"env_steps": steps * num_envs, "resident_mib": resident[-1], "growth_mib": resident[-1] - resident[0]}


def resident_mib() -> float:
    """Resident memory of this process, MiB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def free_mib() -> float:
    """Memory that processes can have without swapping, MiB (Linux)."""
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(lines["MemAvailable"].split()[0]) / 1024


def same_with_any_threads(steps: int = 60) -> Row:
    """Whether one and two threads give the same bits."""
    histories = []
    for threads in (1, 2):
        results = play(running_env(64, threads, **MIXED), random_actions(np.random.default_rng(1), steps, 64))
        histories.append(np.stack([observation for observation, *_ in results]))
    return {"holds": bool(np.array_equal(*histories))}


def measure(args: argparse.Namespace) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for threads in sorted({1, args.threads}):
        for name, options, goal in (("basic objects", {"object": "basic"}, 0.90), ("mixed batch", MIXED, 0.80)):
            for num_envs in (64, 256):
                row = vector_against_raw(num_envs, threads, args.chunks, **options)
                rows[f"{name}, {num_envs} envs, {threads} threads / raw mujoco.batch"] = row | {"at_least": goal}
    rows["single env's time / its mj_step"] = single_against_mujoco(args.chunks) | {"at_most": 1.25}
    for num_envs in (64, 256):
        name = f"7 cm cube, {num_envs} envs, {args.threads} threads / EnvPool"
        if find_spec("envpool") is None:
            rows[name] = {"skipped": 'EnvPool is not installed; pip install -e ".[bench]"'}
        elif free_mib() < num_envs * ENVPOOL_MIB:
            rows[name] = {"skipped": f"EnvPool needs {num_envs * ENVPOOL_MIB / 1024:.0f} GiB of free memory"}
        else:
            rows[name] = against_envpool(num_envs, args.threads, args.chunks) | {"at_least": 3.0}
    rows["1 and 2 threads give the same bits"] = same_with_any_threads()
    if args.memory_steps:
        growth = memory_growth(256, args.threads, args.memory_steps)
        rows[f"MiB grown over {growth['env_steps']:,} env steps"] = growth | {"at_most": 4.0}
    return rows


def holds(row: Row) -> str:
    """Whether a goal is met, in a word."""
    if "skipped" in row:
        return row["skipped"]
    value = row.get("ratio", row.get("growth_mib"))
    met = row.get("holds")
    if "at_least" in row:
        met = value >= row["at_least"]
    if "at_most" in row:
        met = value <= row["at_most"]
    return "holds" if met else "does not hold"


def show(rows: dict[str, Row]) -> None:
    for name, row in rows.items():
        value, goal = row.get("ratio", row.get("growth_mib")), row.get("at_least", row.get("at_most"))
        bound = "" if goal is None else f"{'>=' if 'at_least' in row else '<='} {goal:g}"
        rate = f"{row['env_steps_per_s']:.0f} env steps/s" if "env_steps_per_s" in row else ""
        print(f"{name:58s} {'' if value is None else f'{value:.2f}':>6s} {bound:8s} {holds(row):14s} {rate}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=25, help="chunks that take turns, of 1,024 env steps each")
    parser.add_argument("--threads", type=int, default=2, help="threads that step the physics")
    parser.add_argument("--memory-steps", type=int, default=0, help="env steps of the memory test; 0 leaves it out")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    arguments = parser.parse_args()
    measured = measure(arguments)
    show(measured)
    if arguments.json:
        arguments.json.write_text(json.dumps(measured, indent=1))
