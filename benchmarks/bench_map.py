"""How much faster the gap suite is on several processes than on one, both on one thread each.

Time on the clock says so on an otherwise idle machine alone. Beside it stands what processors were busy with, which
other programs hardly change: the time of one process, over that of this process and an equal share of its workers'.
What is done before the hands (the simulation's roll-outs and models) is not shared out, so the ratio grows with hands.

``python benchmarks/bench_map.py [--processes N] [--hands N] [--episodes N] [--minutes M] [--json FILE]``
"""

import argparse
import json
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from dexndm_gym.distributed import WorkersConfig
from dexndm_gym.evaluation.gap.suite import GapConfig, Policies, measure_gap
from dexndm_gym.hand.mujoco_batch import limit_threads
from dexndm_gym.training.policy import load_policy


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a run took, s."""

    clock: float
    here: float
    """Processor time of this process."""

    before: float
    """As much of it as passed before the first hand."""

    workers: float
    """Processor time of all workers."""

    def busy(self, processes: int) -> float:
        """Time on the clock if nobody had waited for a processor."""
        return self.here + self.workers / processes


def spend(config: GapConfig, processes: int) -> tuple[Spent, Any]:
    """Run the suite; what it took, and what came of it."""
    torch.set_num_threads(1)
    limit_threads(1)
    clock, here, workers = time.perf_counter(), time.process_time(), _of_children()
    told: list[float] = []
    where = WorkersConfig(processes=processes, cpus_per_job=1)
    report = measure_gap(
        config, Policies(main=load_policy()), workers=where, progress=lambda *_: told.append(time.process_time())
    )
    spent = Spent(
        clock=time.perf_counter() - clock,
        here=time.process_time() - here,
        before=told[1] - here,
        workers=_of_children() - workers,
    )
    return spent, json.dumps(report.as_dict())


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compare(config: GapConfig, processes: int) -> dict[str, Any]:
    """Run on one process and on several."""
    one, first = spend(config, 1)
    many, second = spend(config, processes)
    hands = len(config.hands)
    alone, elsewhere = (one.here - one.before) / hands, many.workers / hands
    sixteen = (one.before + 16 * alone) / (many.before + 16 * elsewhere / processes)
    return {
        "hands": hands,
        "processes": processes,
        "same_results": first == second,
        "clock_s": [one.clock, many.clock],
        "clock_ratio": one.clock / many.clock,
        "processor_s": [one.here, many.here + many.workers],
        "processor_ratio": one.here / many.busy(processes),
        "before_the_hands_s": one.before,
        "each_hand_s": [alone, elsewhere],
        "processor_ratio_of_16_hands": sixteen,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--hands", type=int, default=16)
    parser.add_argument("--episodes", type=int, default=32)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    config = GapConfig(
        hands=range(options.hands),
        baselines=("default",),
        episodes=options.episodes,
        data_minutes=(options.minutes,),
    )
    numbers = compare(config, options.processes)
    print(json.dumps(numbers, indent=2))
    if options.json is not None:
        options.json.write_text(json.dumps(numbers, indent=2) + "\n")
    if not numbers["same_results"]:
        sys.exit("the results differ")


if __name__ == "__main__":
    main()
