"""Training on a GPU, in parts: ``make bench-gpu-learning``.

Rates are control steps of all worlds together per second: with task, observations and new episodes, actions 0; with a
teacher's network acting; and with learning, as ``dexndm train --backend warp`` does it. Six wrists, randomized physics.

Run: ``python benchmarks/bench_gpu_learning.py [--objects NAME ...] [--worlds N ...] [--device cpu] [--json FILE]``.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from bench_gpu import card, wait_for

from dexndm_gym.training.rsl_networks import observed
from dexndm_gym.training.rsl_ppo import RslTraining
from dexndm_gym.training.train_config import TrainConfig

WARM_UP = 2
"""Steps, or updates, before the clock starts; the first one compiles."""


def rates(num_worlds: int, out: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Rates with so many worlds."""
    config = TrainConfig(
        backend="warp",
        device=args.device,
        num_envs=num_worlds,
        object=tuple(args.objects),
        wrist=("six",),
        axis=("hand+z",),
        starts=Path("grasps"),
        epochs=args.epochs,
        out=out,
    )
    training = RslTraining(config)
    env, actor = training.env, training.algorithm.actor
    still = torch.zeros((num_worlds, 16), device=env.device)

    def act() -> None:
        with torch.no_grad():
            env.step(actor(observed(env.observation())))

    def rate(step: Callable[[], Any]) -> int:
        for _ in range(WARM_UP):
            step()
        wait_for(env.device)
        begin = time.perf_counter()
        for _ in range(args.steps):
            step()
        wait_for(env.device)
        env.update_curriculum()  # hears of what has ended, and forgets it
        return round(num_worlds * args.steps / (time.perf_counter() - begin))

    row = {"worlds": num_worlds, "still": rate(lambda: env.step(still)), "acting": rate(act)}
    updates = [training.update() for _ in range(WARM_UP + args.updates)]
    spent = sum(1.0 / update["time/steps_per_second"] for update in updates[WARM_UP:])
    return row | {
        "learning": round(args.updates / spent),
        "collecting_share": round(updates[-1]["time/collecting_share"], 2),
        "minibatches": config.parts,
        "epochs": config.epochs,
        "diverged": int(updates[-1]["simulation/diverged"]),
        "overflowed": int(updates[-1]["simulation/overflowed"]),
    }


def main() -> None:
    """Measure, with each number of worlds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", nargs="+", default=["basic"], help="names and sets of objects")
    parser.add_argument("--worlds", type=int, nargs="+", default=[4096, 8192])
    parser.add_argument("--steps", type=int, default=40, help="control steps that are timed")
    parser.add_argument("--updates", type=int, default=10, help="updates that are timed")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--device", default="cuda:0", help='"cpu" for a smoke test')
    parser.add_argument("--json", type=Path, help="where to write the figures")
    args = parser.parse_args()
    rows = []
    for num_worlds in args.worlds:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(rates(num_worlds, Path(folder), args))
        print("  ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
        if args.json:  # after every row: a loan of a GPU may end at any time
            args.json.write_text(json.dumps({"device": card(args.device), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
