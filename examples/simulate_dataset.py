"""Simulate hours of teachers turning objects, on all processors of this machine or on a Ray cluster.

python examples/simulate_dataset.py OUT --teachers A/teacher.safetensors B/teacher.safetensors --hours 100
python examples/simulate_dataset.py OUT --teachers ... --hours 31000 --cluster auto     # as much as the paper's

Every file in OUT holds the episodes of 512 hands that kept their object for 20 s: joint positions (n, 401, 16) and
commands (n, 400, 16), float32, rad. The same command goes on where it was interrupted. On a cluster OUT and the
teachers must be on a file system that all machines share.
"""

import argparse
import logging
import math
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dexndm_gym.distributed import WorkersConfig, map_jobs
from dexndm_gym.envs.vector_env import LeapRotateVectorEnv
from dexndm_gym.training.teacher_observation import teacher_observation
from dexndm_gym.training.teacher_policy import load_teacher
from dexndm_gym.training.training_env import TrainingEnvConfig, episodes_from_text

HANDS = 512
STEPS = 400
HOURS_PER_FILE = HANDS * STEPS * 0.05 / 3600


def simulate(hands: int, job: tuple[Path, int, Path], tell: Any) -> int:
    """Play one episode on every hand, write those that were survived, and return how many."""
    path, seed, file = job
    teacher = load_teacher(path)
    practice = TrainingEnvConfig(num_envs=hands, **episodes_from_text(teacher.about))
    with closing(LeapRotateVectorEnv(practice.make_hand(), options=practice.options)) as env:
        _, info = env.reset(seed=seed)
        alive = np.ones(hands, dtype=bool)
        positions, commands = [info["position"]], []
        for _ in range(STEPS):
            action, _ = teacher.predict(teacher_observation(env.task))
            _, _, terminated, _, info = env.step(action)
            alive &= ~terminated
            positions.append(info["position"])
            commands.append(info["command"])
    arrays = {"position": positions, "command": commands}
    kept = {name: np.stack(rows, axis=1)[alive].astype(np.float32) for name, rows in arrays.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".unfinished.npz")
    np.savez(unfinished, **kept)
    unfinished.rename(file)
    return int(alive.sum())


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--teachers", type=Path, nargs="+", required=True)
    parser.add_argument("--hours", type=float, default=1.0, help="simulated hand time, h")
    parser.add_argument("--hands", type=int, default=HANDS, help="hands at once, and so episodes per file")
    parser.add_argument("--processes", type=int, default=0)
    parser.add_argument("--cluster")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    count = math.ceil(options.hours / (HOURS_PER_FILE * options.hands / HANDS))
    names = [f"part-{number:06d}" for number in range(count)]
    out, teachers = options.out.absolute(), [path.absolute() for path in options.teachers]
    jobs = {name: (teachers[k % len(teachers)], k, out / f"{name}.npz") for k, name in enumerate(names)}
    left = {name: job for name, job in jobs.items() if not job[2].exists()}
    where = WorkersConfig(processes=options.processes, cluster=options.cluster)
    kept = map_jobs(partial(simulate, options.hands), left, where)
    print(f"{sum(kept.values()):,} of {len(left) * options.hands:,} episodes kept, in {len(left)} files")


if __name__ == "__main__":
    main()
