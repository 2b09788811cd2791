"""States from which episodes start: objects that lie still in the cupped hand, found once and shipped.

``python -m dexndm_gym.leap.starts FILE`` makes the file anew.
"""

import sys
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import mujoco
import numpy as np
from mujoco.batch import Batch

from dexndm_gym.leap.grasps import CUP_CENTRE, SETTLE_TIME, START_POSE, draw_object_pose
from dexndm_gym.leap.joints import FloatArray
from dexndm_gym.leap.model import OBJECT_BODY, build_spec, joint_indices
from dexndm_gym.leap.objects import OBJECTS
from dexndm_gym.leap.rotatable import RotatableObject
from dexndm_gym.leap.servo import SIM_SERVO

SIZE_SCALE = (0.95, 1.05)
"""Range of the factor on an object's size."""


@dataclass(frozen=True, kw_only=True)
class StartState:
    """One state; the hand holds the target START_POSE."""

    joints: FloatArray
    """(16,), rad."""

    object_pose: FloatArray
    """(7,), hand frame, m and quaternion w x y z."""

    scale: float
    """Factor on the object's size."""


class StartStates:
    """Start states by object name."""

    def __init__(self, states: dict[str, FloatArray]) -> None:
        """Take rows of (16 joints, 7 object pose, 1 scale), (k, 24), by object name."""
        self._states = states

    def draw(self, name: str, rng: np.random.Generator) -> StartState:
        """Draw one of the object's states."""
        rows = self._states[name]
        row = rows[rng.integers(len(rows))]
        return StartState(joints=row[:16], object_pose=row[16:23], scale=float(row[23]))

    def save(self, path: Path) -> None:
        """Write all states to an npz file."""
        rows = {name: rows.astype(np.float32) for name, rows in self._states.items()}
        np.savez_compressed(path, allow_pickle=False, **rows)


@cache
def load_starts() -> StartStates:
    """The shipped start states."""
    with resources.as_file(resources.files("dexndm_gym.assets") / "starts_palm_up.npz") as path, np.load(path) as file:
        return StartStates({name: file[name].astype(np.float64) for name in file.files})


def find_starts(item: RotatableObject, tries: int, rng: np.random.Generator) -> FloatArray:
    """Place the object many times, hold still, and keep the tries in which it comes to rest upright in the hand.

    Returns:
        Rows of (16 joints, 7 object pose, 1 scale), (k, 24).
    """
    model = build_spec(SIM_SERVO, timestep=0.01, first_object=item).compile()
    batch = Batch(model, tries)
    joints, _ = joint_indices(model)
    body = model.joint(OBJECT_BODY)
    pose = body.qposadr[0] + np.arange(7)
    scale = rng.uniform(*SIZE_SCALE, tries)
    geom = model.geom(OBJECT_BODY).id
    batch.expand("geom_size")[:, geom] = item.geom_size * scale[:, None]
    batch.expand("geom_rbound")[:, geom] = item.bounding_radius * scale
    batch.expand("geom_aabb")[:, geom, 3:] = item.half_extents * scale[:, None]
    batch.set_const()
    batch.reset(stage=mujoco.mjtStage.mjSTAGE_NONE.value)
    qpos, qvel = batch.bind("qpos"), batch.bind("qvel")
    qpos[:, joints] = START_POSE
    qpos[:, pose] = [draw_object_pose(item, rng, s) for s in scale]
    batch.ctrl = START_POSE
    batch.step(nstep=round(4 * SETTLE_TIME / model.opt.timestep))
    tilt = 1.0 - 2.0 * np.sum(np.square(qpos[:, pose[4:6]]), axis=1)
    velocity = qvel[:, body.dofadr[0] + np.arange(6)]
    rest = (np.linalg.norm(velocity[:, :3], axis=1) < 0.02) & (np.linalg.norm(velocity[:, 3:], axis=1) < 0.3)
    near = np.linalg.norm(qpos[:, pose[:3]] - CUP_CENTRE, axis=1) < 0.03
    keep = rest & near & (tilt > 0.95)
    return np.concatenate([qpos[:, joints], qpos[:, pose], scale[:, None]], axis=1)[keep]


if __name__ == "__main__":
    generator = np.random.default_rng(0)
    found = {name: find_starts(item, 512, generator) for name, item in OBJECTS.items()}
    StartStates({name: rows[:256] for name, rows in found.items()}).save(Path(sys.argv[1]))
    sys.stdout.write("".join(f"{name}: {len(rows)} of 512 tries came to rest\n" for name, rows in found.items()))
