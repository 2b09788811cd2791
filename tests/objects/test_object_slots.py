"""An object written into a batch behaves as the same object compiled into a model."""

import mujoco
import numpy as np
import pytest
from mujoco.batch import Batch

from dexndm_gym.grasps.palm_rest import START_POSE, draw_object_pose
from dexndm_gym.hand.model import joint_indices
from dexndm_gym.hand.servo import SIM_SERVO
from dexndm_gym.objects.catalog import OBJECTS
from dexndm_gym.objects.geoms import Hull
from dexndm_gym.objects.object_model import MAX_GEOMS, RotatableObject, assemble
from dexndm_gym.objects.object_slots import ObjectSlots, build_batch_model
from dexndm_gym.objects.scene_model import OBJECT_BODY, build_spec

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
    model = build_batch_model(build_spec(SIM_SERVO, timestep=0.01, object_slots=MAX_GEOMS))
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


def tetrahedron() -> RotatableObject:
    """A lopsided one of two hulls, whose frames MuJoCo moves and turns."""
    corners = np.array([(0.0, 0.0, 0.0), (0.05, 0.0, 0.0), (0.01, 0.06, 0.0), (0.02, 0.01, 0.05)])
    corners -= corners.mean(axis=0)
    geom = Hull(vertices=tuple(map(tuple, corners.tolist())), content=2.5e-5, moments=(4e-4, 3e-4, 3e-4))
    turned = geom.moved(offset=np.array([0.03, 0.0, 0.0]), turn=np.array([0.6, 0.0, 0.8, 0.0]), factor=1.0)
    return assemble("tetrahedra", [geom, turned], 0.07)


def test_hulls_written_into_a_batch_are_compiled_hulls() -> None:
    item = tetrahedron()
    pose = draw_object_pose(item, np.random.default_rng(0))
    compiled = build_spec(SIM_SERVO, timestep=0.01, first_object=item).compile()
    data = mujoco.MjData(compiled)
    model = build_batch_model(build_spec(SIM_SERVO, timestep=0.01, object_slots=MAX_GEOMS, meshes=[item]))
    batch = Batch(model, 2, 1)
    slots = ObjectSlots(model, batch)
    for i in range(2):
        slots.put(i, OBJECTS["duck"], mass=0.02)
        slots.put(i, item, mass=item.mass)
    batch.set_const()
    batch.reset()
    qpos = np.zeros(compiled.nq)
    qpos[joint_indices(compiled)[0]], qpos[compiled.joint(OBJECT_BODY).qposadr[0] :][:7] = START_POSE, pose
    data.qpos[:], data.ctrl[:] = qpos, START_POSE
    batch.bind("qpos")[:], batch.ctrl = qpos, START_POSE
    mujoco.mj_step(compiled, data, 30)
    batch.step(nstep=30)
    assert np.abs(data.qpos - qpos).max() > 1e-3
    np.testing.assert_allclose(batch.bind("qpos")[1], data.qpos, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_written_objects_are_compiled_objects(name: str, batch_rows: np.ndarray) -> None:
    model = build_spec(SIM_SERVO, timestep=0.01, first_object=OBJECTS[name]).compile()
    data = mujoco.MjData(model)
    data.qpos[:], data.ctrl[:] = start(model, name), START_POSE
    mujoco.mj_step(model, data, 30)
    np.testing.assert_allclose(batch_rows[NAMES.index(name)], data.qpos, atol=1e-7)
