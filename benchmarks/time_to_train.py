"""How long it takes to learn to turn: from nothing to a teacher that turns the 7 cm cylinder, palm up, at 0.5 rad/s.

A teacher is trained as ``dexndm train --object cylinder`` trains it. Afterwards each of its checkpoints plays 64
episodes without exploring, in nominal physics, and the first counts that turns fast enough and drops less than 5 % of
them. Before that, the same training is timed for a moment with as many PyTorch threads as there are processors instead
of one, as a yardstick.

Run on an otherwise idle machine: ``python benchmarks/time_to_train.py [--steps N] [--no-randomize] [--json FILE]``.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.envs.rotation_task import RotationTask
from dexndm_gym.envs.vector_env import LeapRotateVectorEnv
from dexndm_gym.evaluation.scores import evaluate_vector
from dexndm_gym.training.ppo import checkpoint_file, train_teacher
from dexndm_gym.training.teacher_observation import teacher_observation
from dexndm_gym.training.teacher_policy import load_teacher
from dexndm_gym.training.train_config import TrainConfig
from dexndm_gym.training.training_env import TrainingEnvConfig

FAST, FEW = 0.5, 0.05
"""rad/s, and share of the episodes dropped."""
EPISODES = 64
EVERY = 250_000
"""Environment steps between two looks."""
MOMENT = 100_000
"""Environment steps of the yardstick."""


def steps_per_second(config: TrainConfig, folder: Path, threads: int) -> float:
    """How fast training runs with so many PyTorch threads."""
    torch.set_num_threads(threads)
    train = getattr(train_teacher, "__wrapped__")  # noqa: B009 (without what sets the number of threads)
    begin = time.perf_counter()
    train(replace(config, out=folder / f"{threads}", steps=MOMENT), progress=False)
    return MOMENT / (time.perf_counter() - begin)


class SeeingTeacher:
    """A teacher as ``evaluate_vector`` wants a policy: in place of the observation it looks at the simulation."""

    def __init__(self, path: Path, task: RotationTask) -> None:
        self._teacher, self._task = load_teacher(path), task

    def predict(self, observation: Any, *, deterministic: bool = True) -> tuple[Any, Any]:
        return self._teacher.predict(teacher_observation(self._task))


def play(teacher: Path) -> tuple[float, float]:
    """Speed of turning the cylinder, rad/s, a dropped one standing still; and share of the episodes dropped."""
    look = TrainingEnvConfig(num_envs=EPISODES, object=("cylinder",), randomize=False)
    env = LeapRotateVectorEnv(look.make_hand(), options=look.options)
    scores = evaluate_vector(SeeingTeacher(teacher, env.task), env, seed=0)
    seconds = env.task.config.episode_steps * CONTROL_PERIOD
    env.close()
    return float(scores.rotation.mean() / seconds), float(scores.dropped.mean())


def main() -> None:
    """Train, look, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4_000_000, help="environment steps to train for")
    parser.add_argument("--no-randomize", action="store_true", help="train in nominal physics")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = TrainConfig(
            out=folder / "teacher",
            steps=options.steps,
            seed=options.seed,
            checkpoint_every=EVERY,
            object=("cylinder",),
            randomize=not options.no_randomize,
        )
        rates = {n: steps_per_second(config, folder, n) for n in dict.fromkeys((torch.get_num_threads(), 1))}
        for threads, rate in rates.items():
            sys.stdout.write(f"{threads} PyTorch thread{'s' * (threads > 1)}: {rate:.0f} environment steps/s\n")
        looks, spent = [], 0.0
        for steps in range(EVERY, options.steps + 1, EVERY):
            begin = time.perf_counter()
            resume = checkpoint_file(config.out) if looks else None
            teacher = train_teacher(replace(config, steps=steps, resume=resume), progress=False)
            spent += (time.perf_counter() - begin) / 60.0
            speed, dropped = play(teacher)
            looks.append({"steps": steps, "minutes": spent, "rad_per_s": speed, "dropped": dropped})
            sys.stdout.write(f"{steps:9d} steps, {spent:5.1f} min: {speed:.2f} rad/s, {dropped:.0%} dropped\n")
            if speed >= FAST and dropped < FEW:
                break
    if options.json:
        options.json.write_text(json.dumps({"steps_per_s": rates, "looks": looks}, indent=2) + "\n")


if __name__ == "__main__":
    main()
