import mujoco
import numpy as np
import pytest

from dexndm_gym.grasps.palm_rest import PALM_REST_CENTER, START_POSE, draw_object_pose
from dexndm_gym.hand.joints import JOINT_NAMES
from dexndm_gym.hand.model import joint_indices
from dexndm_gym.objects.catalog import get_object
from dexndm_gym.objects.scene_model import build_spec
from dexndm_gym.virtual_hand.parameters import HandParameters
from dexndm_gym.virtual_hand.plant import PARKING_POSITION, HandPlant

DOWN = (0.0, 0.0, -9.81)


@pytest.fixture
def plant():
    plant = HandPlant([HandParameters.nominal(), HandParameters.draw(1)], 1)
    plant.set_joints(np.arange(2), np.tile(START_POSE, (2, 1)))
    return plant


def test_friction_is_what_mujoco_applied(plant):
    rng, names = np.random.default_rng(0), list(JOINT_NAMES)
    plant.put_object(0, get_object("cube"), draw_object_pose(get_object("cube"), rng), DOWN)
    for _ in range(100):  # until the contacts are as stiff as they get
        plant.step(np.zeros((2, 16)), np.full((2, 16), 0.05), np.full((2, 16), 0.0018))
    for _ in range(60):
        torque = rng.uniform(-0.1, 0.1, (2, 16))
        frictionloss, armature = rng.uniform(0.003, 0.06, (2, 16)), rng.choice([1e-4, 0.0018], (2, 16))
        plant._ctrl[...] = torque
        plant._frictionloss[:, plant._dof], plant._armature[:, plant._dof] = frictionloss, armature
        model, data = plant._batch.get_model(0), plant._batch.get_data(0)
        mujoco.mj_forward(model, data)
        rows = np.flatnonzero(data.efc_type[: data.nefc] == mujoco.mjtConstraint.mjCNSTR_FRICTION_DOF)
        order = [names.index(model.joint(model.dof_jntid[dof]).name) for dof in data.efc_id[rows]]
        plant.step(torque, frictionloss, armature)
        assert plant.friction[0, order] == pytest.approx(data.efc_force[rows], abs=1e-4)


@pytest.mark.parametrize("name", ["cylinder", "cube", "ellipsoid", "ball_40", "box_30x30x160", "duck", "truck"])
def test_slot_objects_touch_as_compiled_ones(plant, name):
    item, rng = get_object(name), np.random.default_rng(0)
    own = build_spec(None, timestep=0.005, first_object=item).compile()
    data, joints = mujoco.MjData(own), joint_indices(own)[0]
    contacts = plant._batch.bind("ncon")
    for _ in range(100):
        pose = draw_object_pose(item, rng)
        pose[3:] = rng.normal(size=4)
        pose[:3] += rng.normal(0, 0.02, 3)
        pose[3:] /= np.linalg.norm(pose[3:])
        plant.put_object(0, item, pose, DOWN)
        plant._batch.forward()
        data.qpos[joints], data.qpos[-7:] = START_POSE, pose
        mujoco.mj_forward(own, data)
        assert contacts[0] == data.ncon


def test_object_between_fingers_is_not_shot_out(plant):
    item = get_object("cube")
    pose = np.array([*PALM_REST_CENTER[:2], 0.06, 1.0, 0.0, 0.0, 0.0])  # a few millimeters into everything around it
    plant.put_object(0, item, pose, DOWN)
    track = [pose[:3]]
    for _ in range(100):
        plant.step(np.zeros((2, 16)), np.full((2, 16), 0.01), np.full((2, 16), 0.0018))
        track.append(plant.object_pose()[0, :3])
    assert np.abs(np.diff(track, axis=0)).max() / 0.005 < 1.0  # m/s


def test_friction_holds_a_joint_still(plant):
    start = plant.position.copy()
    for _ in range(100):
        plant.step(np.full((2, 16), 0.02), np.full((2, 16), 0.2), np.full((2, 16), 0.0018))
    assert np.abs(plant.position - start).max() < 0.003


def test_lost_objects_are_parked(plant):
    item = get_object("cube")
    plant.put_object(0, item, np.array([0.0, 0.0, 0.5, 1.0, 0.0, 0.0, 0.0]), DOWN)
    plant.put_object(1, item, np.array([0.0, 0.0, 0.08, 1.0, 0.0, 0.0, 0.0]), DOWN)
    plant.park_lost_objects()
    assert tuple(plant.object_pose()[0, :3]) == PARKING_POSITION
    assert plant.object_pose()[1, 2] == 0.08
