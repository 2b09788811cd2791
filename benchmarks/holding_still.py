"""Do fingers that do not move keep their object? Zero actions for 20 s from grasps in six wrists, for each friction.

``python benchmarks/holding_still.py --impratio 1 10 100``: MuJoCo's ``impratio``, a row each; 20 s a row.
"""

import argparse
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import dexndm_gym  # noqa: F401  registers the environments
from dexndm_gym.cli.common import table
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.envs.rollout import roll_out
from dexndm_gym.hand import model

OBJECTS = ("basic", "normal_cylinders", "normal_cuboids")
SETTLED, MEASURED = 3.0, 5.0
"""Between these times the object's speed is measured, s: what settles has settled, and nothing is lost yet."""


class Still:
    """A policy whose targets stay where they are."""

    def __init__(self, hands: int) -> None:
        self._action = np.zeros((hands, 16), dtype=np.float32)

    def predict(self, observation: Any, **_: Any) -> tuple[np.ndarray, None]:
        """No change, whatever is seen."""
        return self._action, None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--impratio", type=float, nargs="+", default=[1.0, model.FRICTION_IMPEDANCE_RATIO])
    parser.add_argument("--hands", type=int, default=192)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = []
    for ratio in options.impratio:
        model.FRICTION_IMPEDANCE_RATIO = ratio  # read when the simulations are built
        speed, dropped = hold(options.hands, randomize=False)
        _, in_random = hold(options.hands, randomize=True)
        found.append({"impratio": ratio, "speed": speed, "dropped": dropped, "dropped_randomized": in_random})
    head = ("impratio", "slides at, mm/s", "dropped", "dropped, randomized physics")
    formats = ("{impratio:g}", "{mm:.2f}", "{dropped:.1%}", "{dropped_randomized:.1%}")
    print(table(head, [tuple(text.format(**row, mm=1e3 * row["speed"]) for text in formats) for row in found]))
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


def hold(hands: int, *, randomize: bool) -> tuple[float, float]:
    """Median speed of the objects, m/s, and the share that is gone before the first episode ends."""
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
    positions, dropped = [], np.zeros(hands, dtype=bool)
    with closing(env):
        for step in roll_out(Still(hands), env, seed=0):
            positions.append(env.unwrapped.backend.state().object_pose[:, :3].copy())  # type: ignore[attr-defined]
            dropped |= step.terminated & step.counts
    start, end = (positions[round(time / CONTROL_PERIOD)] for time in (SETTLED, MEASURED))
    speed = np.linalg.norm(end - start, axis=1) / (MEASURED - SETTLED)
    return float(np.median(speed)), float(dropped.mean())


if __name__ == "__main__":
    main()
