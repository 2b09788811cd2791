"""How exactly trackers see an object: the camera's on a virtual camera, and the estimate without a camera.

A policy turns objects on virtual hands. The camera's tracker gets pictures of that, 640 x 480 at 30 Hz, with blur,
noise and distortion, as its process would, and OpenCV finds the tags in them; its pose is compared with the true one at
the time of each picture. The estimate gets what the servos measure.

Run: ``python benchmarks/bench_tracker.py [--hands N] [--estimate-hands N] [--seconds S] [--objects NAME ...]``
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation, Slerp

from dexndm_gym.backends.virtual_hand import VirtualHand
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.envs.rollout import roll_out
from dexndm_gym.envs.vector_env import LeapRotateVectorEnv
from dexndm_gym.objects.catalog import OBJECTS
from dexndm_gym.objects.scene import Scene
from dexndm_gym.outputs import write_bytes
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.tracking.camera import FRAME_RATE, Frame
from dexndm_gym.tracking.proprioception import ProprioceptiveTracker
from dexndm_gym.tracking.tag_tracker import TagTracker, TrackerStatus
from dexndm_gym.tracking.tags import base_tags, object_tags
from dexndm_gym.tracking.virtual_camera import Optics, VirtualCamera
from dexndm_gym.training.policy import load_policy

FloatArray = npt.NDArray[np.float64]
Tell = Callable[[str], Any]


class Motion(NamedTuple):
    """What one hand and its object did."""

    hand: int
    object: str
    position: FloatArray
    """(steps + 1, 16), rad."""
    command: FloatArray
    """(steps + 1, 16), rad."""
    pose: FloatArray
    """(steps + 1, 7), m and quaternion w x y z, hand frame."""


def play(hands: Sequence[int], item: str, seconds: float, policy: str | None) -> Iterator[Motion]:
    """Let a policy turn an object on virtual hands; motions end where the object is dropped."""
    backend = VirtualHand(hands, num_threads=1)
    env = LeapRotateVectorEnv(backend, options=EpisodeOptions().updated({"object": item}))
    count = min(round(seconds / CONTROL_PERIOD), 399) + 1
    steps = list(islice(roll_out(load_policy(policy), env, seed=0, endless=True), count))
    length = np.sum([step.goes_on for step in steps], axis=0)
    for i, hand in enumerate(hands):
        names = ("position", "command", "object_pose")
        arrays = [np.stack([step.info[name][i] for step in steps[: length[i]]]) for name in names]
        yield Motion(hand, item, *arrays)
    env.close()


def turned(poses: FloatArray) -> float:
    """Angle about z, rad, as an environment adds it up: nothing from or to a pose that is not known."""
    known = ~np.isnan(poses[:, 0])
    pairs = np.flatnonzero(known[1:] & known[:-1])
    turns = [_rotation(poses[k + 1]) * _rotation(poses[k]).inv() for k in pairs]
    return float(sum(turn.as_rotvec()[2] for turn in turns))


def _rotation(pose: FloatArray) -> Rotation:
    return Rotation.from_quat(pose[[4, 5, 6, 3]])


def watch(motion: Motion, camera: VirtualCamera) -> dict[str, Any]:
    """Follow a motion with the virtual camera."""
    times = np.arange(len(motion.pose)) * CONTROL_PERIOD
    between = Slerp(times, Rotation.from_quat(motion.pose[:, [4, 5, 6, 3]]))
    tracker, tags = TagTracker(camera.lens, base_tags()), object_tags(OBJECTS[motion.object])
    tracker.follow(tags)
    truth, seen, effort, status = [], [], [], []
    for now in np.arange(0.0, times[-1], 1.0 / FRAME_RATE):
        x, y, z, w = between(now).as_quat()
        place = [np.interp(now, times, motion.pose[:, k]) for k in range(3)]
        joints = np.array([np.interp(now, times, motion.position[:, k]) for k in range(16)])
        truth.append(np.array([*place, w, x, y, z]))
        sighting = tracker.update(Frame(camera.take(joints, tags, truth[-1]), float(now)))
        seen.append(sighting.pose)
        effort.append(sighting.effort)
        status.append(sighting.status)
    found = np.flatnonzero(np.array(status) == TrackerStatus.SEEN)
    angle = [np.degrees((_rotation(seen[k]) * _rotation(truth[k]).inv()).magnitude()) for k in found]
    distance = [1000.0 * np.linalg.norm(seen[k][:3] - truth[k][:3]) for k in found]
    return {
        "millimeters": distance,
        "degrees": angle,
        "seen": len(found) / len(truth),
        "rotation": turned(np.array(seen)),
        "true_rotation": turned(np.array(truth)),
        "effort": effort,
    }


def guess(motion: Motion) -> tuple[float, float]:
    """Rotation that the fingers alone tell of, and the true one, rad."""
    tracker = ProprioceptiveTracker()
    tracker.begin(Scene(object=motion.object))
    poses = []
    for position, command in zip(motion.position, motion.command, strict=True):
        tracker.observe(position, command)
        poses.append(tracker.object_pose())
    return turned(np.array(poses)), turned(motion.pose)


def report_camera(motions: Sequence[Motion], optics: Optics) -> dict[str, float]:
    """Watch all motions; print and return the numbers."""
    cv2.setNumThreads(1)
    camera, found = VirtualCamera(optics=optics), []
    for motion in motions:
        one = watch(motion, camera)
        found.append(one)
        print(
            f"camera, hand {motion.hand:2}, {motion.object:10}: {np.median(one['millimeters']):5.2f} mm, "
            f"{np.median(one['degrees']):4.2f} deg; seen {one['seen']:6.1%}; turned {one['rotation']:7.3f} of "
            f"{one['true_rotation']:7.3f} rad",
            flush=True,
        )
    millimeters, degrees, effort = (
        np.concatenate([one[name] for one in found]) for name in ("millimeters", "degrees", "effort")
    )
    off = [abs(one["rotation"] / one["true_rotation"] - 1.0) for one in found]
    return {
        "pictures": len(effort),
        "seen_share": len(millimeters) / len(effort),
        "position_p50_mm": float(np.median(millimeters)),
        "position_p99_mm": float(np.percentile(millimeters, 99)),
        "orientation_p50_deg": float(np.median(degrees)),
        "orientation_p99_deg": float(np.percentile(degrees, 99)),
        "rotation_error_median": float(np.median(off)),
        "rotation_error_worst": float(np.max(off)),
        "effort_p50_ms": 1000.0 * float(np.median(effort)),
        "effort_p99_ms": 1000.0 * float(np.percentile(effort, 99)),
    }


def report_estimate(motions: Sequence[Motion]) -> dict[str, float]:
    """Guess all motions; print and return the numbers."""
    off = []
    for motion in motions:
        guessed, true = guess(motion)
        off.append(abs(guessed / true - 1.0))
        print(f"estimate, hand {motion.hand:2}, {motion.object:10}: {guessed:7.3f} of {true:7.3f} rad ({off[-1]:.0%})")
    return {
        "hands": len(off),
        "rotation_error_median": float(np.median(off)),
        "rotation_error_p90": float(np.percentile(off, 90)),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hands", type=int, default=2, help="virtual hands that the camera looks at")
    parser.add_argument("--estimate-hands", type=int, default=16, help="virtual hands for the estimate")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--objects", nargs="+", default=["cube", "cylinder"])
    parser.add_argument("--policy", help="file or name of a policy; the shipped one if none is given")
    parser.add_argument("--blur", type=float, default=0.8, help="pixels")
    parser.add_argument("--noise", type=float, default=3.0, help="of 255 shades of gray")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    most = range(max(options.hands, options.estimate_hands))
    motions = [m for item in options.objects for m in play(most, item, options.seconds, options.policy)]
    watched = [motion for motion in motions if motion.hand < options.hands]
    guessed = [motion for motion in motions if motion.hand < options.estimate_hands]
    numbers = {}
    if watched:
        numbers["camera"] = report_camera(watched, Optics(blur=options.blur, noise=options.noise))
    if guessed:
        numbers["estimate"] = report_estimate(guessed)
    print(json.dumps(numbers, indent=2))
    if options.json is not None:
        write_bytes(options.json, (json.dumps(numbers, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
