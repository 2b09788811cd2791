"""Do fingers that do not move keep their object? Zero actions for 20 s from grasps in six wrists, for each friction.

``python benchmarks/holding_still.py --impratio 1 10 100``: MuJoCo's ``impratio``, one row each; a minute a row.
"""

import argparse
import json
from contextlib import closing
from pathlib import Path

import gymnasium as gym
import numpy as np

import dexndm_gym  # noqa: F401  registers the environments
from dexndm_gym.cli.common import table
from dexndm_gym.hand import model

OBJECTS = ("basic", "normal_cylinders", "normal_cuboids")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--impratio", type=float, nargs="+", default=[1.0, model.FRICTION_IMPEDANCE_RATIO])
    parser.add_argument("--hands", type=int, default=192)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    dropped = {}
    for ratio in options.impratio:
        model.FRICTION_IMPEDANCE_RATIO = ratio  # read when the simulations are built
        dropped[ratio] = {
            physics: share_dropped(options.hands, randomize=randomize)
            for physics, randomize in (("nominal", False), ("randomized", True))
        }
    rows = [(f"{ratio:g}", *(f"{share:.1%}" for share in shares.values())) for ratio, shares in dropped.items()]
    print(table(("impratio", "dropped, nominal physics", "dropped, randomized physics"), rows))
    if options.json is not None:
        options.json.write_text(json.dumps(dropped, indent=1), encoding="utf-8")


def share_dropped(hands: int, *, randomize: bool) -> float:
    """Share of the hands whose object is gone before their first episode ends."""
    env = gym.make_vec(
        "LeapRotate-Sim-v0",
        hands,
        vectorization_mode="vector_entry_point",
        object=OBJECTS,
        wrist="six",
        axis="hand+z",
        starts="grasps",
        randomize=randomize,
    )
    with closing(env):
        env.reset(seed=0)
        still = np.zeros((hands, 16), dtype=np.float32)
        over, dropped = np.zeros(hands, dtype=bool), np.zeros(hands, dtype=bool)
        while not over.all():
            _, _, terminated, truncated, _ = env.step(still)
            dropped |= terminated & ~over
            over |= terminated | truncated
    return float(dropped.mean())


if __name__ == "__main__":
    main()
