"""What the correction costs: one control period at batch 1 and 4,096, and fits to 60 minutes of recordings.

    python benchmarks/bench_correction.py [--minutes 60] [--json FILE]

Times of the correction are medians on one thread, those of the fits wall time on two. The recordings are made up:
servos that follow random targets, weaker than in simulation.
"""

import argparse
import copy
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from dexndm_gym.constants import CONTROL_HZ, HISTORY
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.dynamics.correction import JointwiseInverse
from dexndm_gym.dynamics.fit import fit_trajectories
from dexndm_gym.dynamics.joint_physics import JointPhysics, advance
from dexndm_gym.dynamics.model_file import load_sim_model
from dexndm_gym.hand.joints import NUM_JOINTS

TICKS = 400
GOALS = {"batch_1_us": 300.0, "batch_4096_us": 30 * 300.0, "fit_physics_s": 180.0, "fit_with_network_s": 180.0}


def weaker(table: np.ndarray) -> np.ndarray:
    """Parameters of joints that are weaker and rub more."""
    return table * np.array([0.6, 1.0, 1.5, 1.0, 1.0, 1.0])


def recordings(minutes: float) -> list[Trajectory]:
    """Weak joints after random targets, in trajectories of 20 s."""
    rng, count = np.random.default_rng(0), max(2, round(60 * minutes * CONTROL_HZ / TICKS))
    joints = JointPhysics.from_table(weaker(load_sim_model().physics.double().numpy()))
    target = np.cumsum(rng.normal(0, 0.02, (TICKS, NUM_JOINTS, count)), axis=0)
    position = velocity = last = np.zeros((NUM_JOINTS, count))
    positions = [position]
    for now in target:
        position, velocity = advance(joints, position, velocity, last, now)
        last = now
        positions.append(position + rng.normal(0, 0.0005, position.shape))
    return [Trajectory(np.array(positions)[:, :, i], target[:, :, i]) for i in range(count)]


def time_correction(hands: int, repeats: int) -> float:
    """Median time to correct one control period, us."""
    sim, rng = load_sim_model(), np.random.default_rng(0)
    real = copy.deepcopy(sim)
    real.physics.copy_(torch.from_numpy(weaker(sim.physics.double().numpy())))
    inverse = JointwiseInverse(real, sim)
    position = rng.normal(0.3, 0.1, (hands, HISTORY, NUM_JOINTS))
    base = position[:, 1:] + rng.normal(0, 0.1, (hands, HISTORY - 1, NUM_JOINTS))
    sent = base + rng.normal(0, 0.02, base.shape)
    target = base[:, -1] + rng.normal(0, 0.03, (hands, NUM_JOINTS))
    return 1e6 * float(np.median([seconds(lambda: inverse(position, base, sent, target)) for _ in range(repeats)]))


def seconds(work: Callable[[], object]) -> float:
    """Wall time of some work, s."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="recordings that the fits get")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    torch.set_num_threads(1)
    one, many = time_correction(1, 500), time_correction(4096, 11)
    torch.set_num_threads(2)
    data, sim, physics = recordings(options.minutes), load_sim_model(), load_sim_model()
    physics.config = replace(physics.config, physics="alone")
    figures = {
        "batch_1_us": one,
        "batch_4096_us": many,
        "batch_4096_over_1": many / one,
        "fit_minutes": options.minutes,
        "fit_physics_s": seconds(lambda: fit_trajectories(data, start=physics)),
        "fit_with_network_s": seconds(lambda: fit_trajectories(data, start=sim)),
    }
    for name, value in figures.items():
        goal = (
            f"   (at most {GOALS[name]:g}: {'holds' if value <= GOALS[name] else 'does not hold'})"
            if name in GOALS
            else ""
        )
        print(f"{name:20s} {value:10.1f}{goal}")
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
