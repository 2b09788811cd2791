"""Whether teachers keep their score on the other simulator: ``make bench-transfer``.

A teacher plays its mean actions on ``MujocoHand`` and on ``WarpHand``: the same hands, objects, wrists, axes and start
states, nominal physics, no noise; with ``--randomize`` each simulator draws physics and pushes of its own. Its score is
the rotation of an episode until it ends or the object is lost, mean over the hands. The interval of the ratio is that
of 90 % of 10,000 draws of hands with replacement.

Run: ``python benchmarks/bench_transfer.py [--teachers FILE ...] [--hands N] [--steps N] [--device cpu] [--json FILE]``.
"""

import argparse
import json
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from time_to_train import SeeingTeacher

from dexndm_gym import assets
from dexndm_gym.arrays import FloatArray
from dexndm_gym.backends.backend import SimulatedBackend
from dexndm_gym.backends.mujoco_hand import MujocoHand
from dexndm_gym.backends.randomization import Randomization
from dexndm_gym.backends.warp_array_hand import WarpArrayHand
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.envs.vector_env import LeapRotateVectorEnv
from dexndm_gym.evaluation.scores import Scores, evaluate_vector
from dexndm_gym.grasps.mesh_grasp_cache import choose_starts
from dexndm_gym.grasps.start_states import StartState, StartStates
from dexndm_gym.objects.catalog import get_object
from dexndm_gym.objects.object_model import shape_code
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.training.teacher_policy import load_teacher

SEED, DRAWS = 0, 10_000
SHIPPED = sorted(Path(assets.__file__).parent.glob("teacher_*.safetensors"))


class SameStarts(StartStates):
    """The states that hands in Warp lie in now, handed out one after the other, and from the first again.

    Only first episodes count; what begins after them is not looked at.
    """

    def __init__(self, hand: WarpArrayHand) -> None:
        tensors, known = hand.tensors, hand.privileged()
        nominal = [shape_code(get_object(tensors.objects[i]))[0] for i in tensors.object_index.tolist()]
        rows = (tensors.position, tensors.start_target, tensors.object_pose)
        scale = known["size"][:, 0] / np.array(nominal)
        self._next = cycle(list(zip(*(x.double().cpu().numpy() for x in rows), scale, strict=True)))

    def draw(self, name: str, gravity: Sequence[float], rng: np.random.Generator) -> StartState:
        joints, target, object_pose, scale = next(self._next)
        return StartState(joints=joints, target=target, object_pose=object_pose, scale=float(scale))


def play(teacher: Path, backend: SimulatedBackend, options: EpisodeOptions, steps: int) -> Scores:
    """An episode on every hand."""
    env = LeapRotateVectorEnv(backend, options=options, config=TaskConfig(episode_steps=steps))
    return evaluate_vector(SeeingTeacher(teacher, env.task), env, seed=SEED)


class FirstStarts(WarpArrayHand):
    """Hands in Warp that keep what their first episodes started from."""

    first: SameStarts | None = None

    def reset(self, ids: Any, scenes: Any, rng: np.random.Generator) -> FloatArray:
        target = super().reset(ids, scenes, rng)
        self.first = self.first or SameStarts(self)
        return target


def compare(teacher: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Scores on both, and their ratio."""
    trained_on = {name: json.loads(load_teacher(teacher).about[name]) for name in ("wrist", "axis")}
    options = EpisodeOptions().updated({"object": args.objects, **trained_on})
    physics = {"objects": options.objects, "randomization": Randomization() if args.randomize else None}
    warp = FirstStarts(args.hands, starts=choose_starts(options.objects, "grasps"), device=args.device, **physics)
    on_warp = play(teacher, warp, options, args.steps)
    on_cpu = play(teacher, MujocoHand(args.hands, starts=warp.first, **physics), options, args.steps)
    rng = np.random.default_rng(SEED)
    again = rng.integers(args.hands, size=(DRAWS, args.hands))
    ratios = on_cpu.rotation[again].mean(axis=1) / on_warp.rotation[again].mean(axis=1)
    return {
        "hands": args.hands,
        "seconds": args.steps * CONTROL_PERIOD,
        "mujoco_rad": round(float(on_cpu.rotation.mean()), 2),
        "warp_rad": round(float(on_warp.rotation.mean()), 2),
        "mujoco_dropped": round(float(on_cpu.dropped.mean()), 3),
        "warp_dropped": round(float(on_warp.dropped.mean()), 3),
        "mujoco_over_warp": round(float(on_cpu.rotation.mean() / on_warp.rotation.mean()), 3),
        "interval": [round(float(x), 3) for x in np.quantile(ratios, (0.05, 0.95))],
    }


def main() -> None:
    """Compare all teachers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teachers", nargs="+", type=Path, default=SHIPPED, help="files of `dexndm train`")
    parser.add_argument("--objects", nargs="+", default=["basic"], help="names and sets of objects")
    parser.add_argument("--hands", type=int, default=2048)
    parser.add_argument("--steps", type=int, default=400, help="length of an episode, control steps")
    parser.add_argument("--randomize", action="store_true", help="vary the physics, on each simulator for itself")
    parser.add_argument("--device", default="cuda:0", help='"cpu" takes 13 ms per hand and control step')
    parser.add_argument("--json", type=Path, help="where to write the figures")
    args = parser.parse_args()
    rows: dict[str, Any] = {}
    for teacher in args.teachers:
        rows[str(teacher)] = row = compare(teacher, args)
        print(f"{teacher.stem:20s}", "  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    if args.json:
        args.json.write_text(json.dumps({"device": args.device, "teachers": rows}, indent=1))


if __name__ == "__main__":
    main()
