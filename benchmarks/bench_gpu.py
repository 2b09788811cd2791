"""Simulation on a GPU beside that on all CPU cores of the same machine: ``make bench-gpu``.

Targets wander at random, physics is randomized, and in every control step one hand in a hundred begins anew. What is
timed is ``WarpHand`` with all that, no task and no learning. Agreement is the largest difference of a joint's position
from C MuJoCo after half a second from the same start, nominal physics, over 32 hands. The CPU batch is 1,024 hands.

Run: ``python benchmarks/bench_gpu.py [--objects NAME ...] [--worlds N ...] [--device cpu] [--json FILE]``.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dexndm_gym.backends.mujoco_hand import MujocoHand
from dexndm_gym.backends.randomization import Randomization
from dexndm_gym.backends.warp_hand import WarpHand
from dexndm_gym.backends.warp_worlds import CONTACTS, ROWS
from dexndm_gym.grasps.start_states import StartStates, load_starts
from dexndm_gym.hand.joints import LOWER_LIMITS, UPPER_LIMITS
from dexndm_gym.objects.catalog import OBJECT_SETS, get_object
from dexndm_gym.objects.object_model import shape_code
from dexndm_gym.objects.scene import Scene

STRIDE = 0.7 / 24
"""Half width of the change of a target per control step, rad: most of what a policy may ask for."""

RESETS = 0.01
"""Share of the hands that begin anew in each control step."""

WARM_UP = 3
"""Control steps before the clock starts; the first one compiles."""

CPU_HANDS = 1024
AGREEING_HANDS = 32

Row = dict[str, Any]


def object_names(name: str) -> tuple[str, ...]:
    """Objects of a set, or those between commas."""
    return OBJECT_SETS.get(name) or tuple(name.split(","))


class Play:
    """Random targets and resets on hands on a device."""

    def __init__(self, hand: WarpHand) -> None:
        self.hand, self._generator = hand, torch.Generator(device=hand.device).manual_seed(1)
        self._low, self._high = (
            torch.tensor(x, dtype=torch.float32, device=hand.device) for x in (LOWER_LIMITS, UPPER_LIMITS)
        )
        self._target = hand.start_target

    def _uniform(self, *shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=self._generator, device=self.hand.device)

    def step(self) -> None:
        """Play one control step; nothing waits for the device."""
        hand, n = self.hand, self.hand.num_hands
        change = (2.0 * self._uniform(n, 16) - 1.0) * STRIDE
        self._target = (self._target + change).clamp(self._low, self._high)
        hand.step(self._target)
        done = hand.broken | (self._uniform(n) < RESETS)
        index = (self._uniform(n) * len(hand.objects)).long()
        hand.reset(done, index, hand.gravity)
        self._target = torch.where(done[:, None], hand.start_target, self._target)


def on_device(names: tuple[str, ...], num_worlds: int, args: argparse.Namespace, **options: Any) -> Row:
    """Rate and sizes of one batch."""
    begin = time.perf_counter()
    hand = WarpHand(
        num_worlds,
        objects=names,
        starts=load_starts(),
        randomization=Randomization(),
        device=args.device,
        contacts=args.contacts,
        rows=args.rows,
        **options,
    )
    play, worlds = Play(hand), hand.worlds
    for _ in range(WARM_UP):
        play.step()
    wait_for(hand.device)
    start_up = time.perf_counter() - begin
    sizes, begin = [], time.perf_counter()
    for _ in range(args.steps):
        play.step()
        sizes.append([x.max() for x in (worlds.contacts, worlds.rows, worlds.iterations)])  # still on the device
    wait_for(hand.device)
    seconds = time.perf_counter() - begin
    contacts, rows, iterations = np.array([[float(x) for x in each] for each in sizes]).T
    return {
        "worlds": num_worlds,
        "env_steps_per_s": round(num_worlds * args.steps / seconds),
        "ms_per_step": round(1e3 * seconds / args.steps, 2),
        "contacts_per_world": round(contacts.mean() / num_worlds, 2),
        "most_rows": int(rows.max()),
        "most_iterations": int(iterations.max()),
        "overflow": int(worlds.overflow.max()),
        "diverged": int(hand.nan_worlds),
        "start_up_s": round(start_up, 1),
        "memory_gb": round(used_memory(hand.device) / 1e9, 2),
    }


def wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)  # of all streams, Warp's too


def used_memory(device: torch.device) -> int:
    """Memory of the GPU that is taken, bytes."""
    if device.type != "cuda":
        return 0
    free, total = torch.cuda.mem_get_info(device)
    return total - free


def on_cpu(names: tuple[str, ...], args: argparse.Namespace) -> Row:
    """The same on all CPU cores, with ``MujocoHand``."""
    rng, n = np.random.default_rng(1), min(CPU_HANDS, max(args.worlds))
    hand = MujocoHand(n, randomization=Randomization())
    scenes = [Scene(object=names[i % len(names)]) for i in range(n)]
    target = hand.reset(np.arange(n), scenes, rng).copy()

    def step() -> None:
        target[:] = np.clip(target + rng.uniform(-STRIDE, STRIDE, target.shape), LOWER_LIMITS, UPPER_LIMITS)
        hand.step(target)
        done = np.flatnonzero(rng.random(n) < RESETS)
        target[done] = hand.reset(done, [scenes[i] for i in done], rng)

    step()
    steps = max(2, args.steps // 4)
    seconds = timed(step, steps)
    return {"worlds": n, "cores": os.cpu_count(), "env_steps_per_s": round(n * steps / seconds)}


def timed(run: Callable[[], None], times: int) -> float:
    begin = time.perf_counter()
    for _ in range(times):
        run()
    return time.perf_counter() - begin


def agreement(name: str, device: str, steps: int = 10) -> Row:
    """Differences from C MuJoCo after half a second from the same starts."""
    hand = WarpHand(AGREEING_HANDS, objects=(name,), starts=load_starts(), device=device)
    twins = [twin_of(hand, name, i) for i in range(AGREEING_HANDS)]
    walk = np.random.default_rng(0).uniform(-STRIDE, STRIDE, (steps, AGREEING_HANDS, 16)).cumsum(axis=0)
    held = hand.start_target
    for change in walk.astype(np.float32):
        target = held + torch.tensor(change, device=hand.device)
        hand.step(target)
        for twin, aim in zip(twins, target.double().cpu().numpy(), strict=True):
            twin.step(aim[None])
    states = [twin.state() for twin in twins]
    joints = hand.position.cpu().numpy() - np.concatenate([state.position for state in states])
    poses = hand.object_pose.cpu().numpy() - np.concatenate([state.object_pose for state in states])
    apart, moved = np.abs(joints).max(axis=1), np.linalg.norm(poses[:, :3], axis=1)
    return {
        "joints_rad": {"median": float(np.median(apart)), "90%": float(np.quantile(apart, 0.9))},
        "object_m": {"median": float(np.median(moved)), "90%": float(np.quantile(moved, 0.9))},
    }


def twin_of(hand: WarpHand, name: str, i: int) -> MujocoHand:
    """A hand in C MuJoCo that starts as hand ``i`` does."""
    scale = hand.privileged()["size"][i, :1] / float(shape_code(get_object(name))[0])
    row = torch.cat([hand.position[i], hand.start_target[i], hand.object_pose[i], scale]).double().cpu().numpy()
    twin = MujocoHand(1, num_threads=1, starts=StartStates({(name, None): row[None]}))
    twin.reset(np.array([0]), [Scene(object=name)], np.random.default_rng(0))
    return twin


def measure(args: argparse.Namespace) -> dict[str, Row]:
    rows: dict[str, Row] = {}

    def add(name: str, run: Callable[..., Row], *inputs: Any, **options: Any) -> None:
        rows[name] = run(*inputs, **options)
        print(f"{name:28s}", "  ".join(f"{key} {value}" for key, value in rows[name].items()), flush=True)
        if args.json:  # after every row: a loan of a GPU may end at any time
            args.json.write_text(json.dumps({"device": card(args.device), "rows": rows}, indent=1))

    for objects in args.objects:
        names = object_names(objects)
        for jacobian in args.jacobian:
            for num_worlds in args.worlds:
                title = f"{objects}, {num_worlds}, {jacobian}"
                add(title, on_device, names, num_worlds, args, sparse=jacobian == "sparse")
        if not args.no_cpu:
            add(f"{objects}, CPU", on_cpu, names, args)
    if not args.no_agreement:
        first = object_names(args.objects[0])[0]
        add(f"{first}, agreement", agreement, first, args.device)
    return rows


def card(device: str) -> str:
    """Name of the GPU, or of the kind of processor."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else f"{platform.machine()} CPU"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", nargs="+", default=["cube", "basic", "all"], help="sets, or names with commas")
    parser.add_argument("--worlds", type=int, nargs="+", default=[4096, 8192, 16384])
    parser.add_argument("--jacobian", nargs="+", default=["sparse", "dense"], choices=["sparse", "dense"])
    parser.add_argument("--steps", type=int, default=40, help="control steps that are timed")
    parser.add_argument("--contacts", type=int, default=CONTACTS, help="room for contacts per world")
    parser.add_argument("--rows", type=int, default=ROWS, help="room for constraint rows per world")
    parser.add_argument("--device", default="cuda:0", help='"cpu" for a smoke test')
    parser.add_argument("--no-cpu", action="store_true", help="leave out the CPU batch")
    parser.add_argument("--no-agreement", action="store_true", help="leave out the comparison with C MuJoCo")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    measure(parser.parse_args())
