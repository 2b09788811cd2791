"""The scene as glTF."""

import io

import mujoco
import numpy as np
import pytest

from dexndm_gym.grasps.palm_rest import PALM_REST_CENTER, START_POSE
from dexndm_gym.hand.model import build_hand, joint_indices
from dexndm_gym.viewer.gltf import scene_glb
from dexndm_gym.viewer.snapshot import Snapshot

trimesh = pytest.importorskip("trimesh", reason="the extra viewer is not installed")


def test_bodies_are_where_the_simulation_has_them() -> None:
    pose = np.array([*PALM_REST_CENTER, 1.0, 0.0, 0.0, 0.0])
    glb = scene_glb(Snapshot(time=0.0, position=START_POSE, object="cube", object_pose=pose), {})
    scene = trimesh.load(io.BytesIO(glb), file_type="glb")
    model = build_hand(None).compile()
    data = mujoco.MjData(model)
    data.qpos[joint_indices(model)[0]] = START_POSE
    mujoco.mj_kinematics(model, data)
    for body in ("palm", "if_ds", "th_ds"):
        x, y, z = data.xpos[model.body(body).id]
        np.testing.assert_allclose(scene.graph.get(body)[0][:3, 3], [x, z, -y], atol=1e-6, err_msg=body)
    x, y, z = PALM_REST_CENTER
    np.testing.assert_allclose(scene.graph.get("object")[0][:3, 3], [x, z, -y], atol=1e-6)


def test_an_object_that_is_not_seen_is_left_out() -> None:
    glb = scene_glb(Snapshot(time=0.0, position=START_POSE, object="cube"), {})
    scene = trimesh.load(io.BytesIO(glb), file_type="glb")
    assert "object" not in scene.graph.nodes
    assert len(scene.geometry) > 30
