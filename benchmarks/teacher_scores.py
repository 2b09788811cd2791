"""What teachers turn, object by object, in MuJoCo alone: ``python benchmarks/teacher_scores.py FILE ...``.

Mean actions in randomized physics from grasps, about the axis of the teacher; rotation until the episode ends or the
object is lost, mean over the hands, and the share dropped. How a teacher does on the other simulator is
``bench_transfer.py``.
"""

import argparse
import json
from pathlib import Path

from bench_transfer import SHIPPED, play

from dexndm_gym.backends.mujoco_hand import MujocoHand
from dexndm_gym.backends.randomization import Randomization
from dexndm_gym.grasps.mesh_grasp_cache import choose_starts
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.training.teacher_policy import load_teacher

OBJECTS = ["ellipsoid", "cylinder", "cube", "normal_cylinders", "normal_cuboids"]


def main() -> None:
    """Score each teacher on each object or set of objects."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teachers", nargs="*", type=Path, default=SHIPPED, help="files of `dexndm train`")
    parser.add_argument("--objects", nargs="+", default=OBJECTS, help="names and sets of objects, a row each")
    parser.add_argument("--wrist", nargs="+", default=["six"])
    parser.add_argument("--hands", type=int, default=96)
    parser.add_argument("--steps", type=int, default=400, help="length of an episode, control steps")
    args = parser.parse_args()
    for teacher in args.teachers:
        axis = json.loads(load_teacher(teacher).about["axis"])
        for name in args.objects:
            options = EpisodeOptions().updated({"object": [name], "wrist": args.wrist, "axis": axis})
            starts = choose_starts(options.objects, "grasps")
            hands = MujocoHand(args.hands, objects=options.objects, starts=starts, randomization=Randomization())
            scores = play(teacher, hands, options, args.steps)
            rotation, dropped = scores.rotation.mean(), scores.dropped.mean()
            print(f"{teacher.stem:20s} {name:20s} {rotation:5.1f} rad  {dropped:4.0%} dropped", flush=True)


if __name__ == "__main__":
    main()
