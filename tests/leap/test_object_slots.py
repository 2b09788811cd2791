"""An object written into a batch behaves as the same object compiled into a model."""

import mujoco
import numpy as np
import pytest
from mujoco.batch import Batch

from dexndm_gym.leap.grasps import START_POSE, draw_object_pose
from dexndm_gym.leap.model import OBJECT_BODY, build_spec, joint_indices
from dexndm_gym.leap.object_slots import ObjectSlots, build_batch_model
from dexndm_gym.leap.objects import OBJECTS
from dexndm_gym.leap.rotatable import MAX_PIECES
from dexndm_gym.leap.servo import SIM_SERVO

NAMES = ("cylinder", "cube", "ellipsoid", "duck", "chair", "ball_60", "cow")


def start(model: mujoco.MjModel, name: str) -> np.ndarray:
    qpos = np.zeros(model.nq)
    qpos[joint_indices(model)[0]] = START_POSE
    where = model.joint(OBJECT_BODY).qposadr[0]
    pose = draw_object_pose(OBJECTS[name], np.random.default_rng(0))
    qpos[where : where + 7] = pose
    return qpos


@pytest.fixture(scope="module")
def batch_rows() -> np.ndarray:
    """Positions after 0.3 s in a batch in which every simulation had another object before."""
    model = build_batch_model(build_spec(SIM_SERVO, timestep=0.01, object_slots=MAX_PIECES))
    batch = Batch(model, len(NAMES), 1)
    slots = ObjectSlots(model, batch)
    for names in (NAMES[::-1], NAMES):
        for i, name in enumerate(names):
            slots.put(i, OBJECTS[name], mass=OBJECTS[name].mass)
        batch.set_const()
    batch.reset()
    batch.bind("qpos")[:] = [start(model, name) for name in NAMES]
    batch.ctrl = START_POSE
    batch.step(nstep=30)
    return batch.bind("qpos").copy()


@pytest.mark.parametrize("name", NAMES)
def test_written_objects_are_compiled_objects(name: str, batch_rows: np.ndarray) -> None:
    model = build_spec(SIM_SERVO, timestep=0.01, first_object=OBJECTS[name]).compile()
    data = mujoco.MjData(model)
    data.qpos[:], data.ctrl[:] = start(model, name), START_POSE
    mujoco.mj_step(model, data, 30)
    np.testing.assert_allclose(batch_rows[NAMES.index(name)], data.qpos, atol=1e-7)
