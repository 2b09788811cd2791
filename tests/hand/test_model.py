"""The model against the figures it is built from, with kinematics computed here by other means."""

import mujoco
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dexndm_gym.hand.joints import JOINT_NAMES, LOWER_LIMITS, UPPER_LIMITS
from dexndm_gym.hand.model import TIP_NAMES, joint_indices, load_parameters
from dexndm_gym.hand.servo import SIM_SERVO
from dexndm_gym.objects.scene_model import build_spec

TIP_IN_DISTAL = {"if": (0, -0.05, 0.015), "mf": (0, -0.05, 0.015), "rf": (0, -0.05, 0.015), "th": (0, -0.06, -0.015)}

# Fingertips of the flat hand in the palm's own frame (grasping along -z), m, from the published model.
ZERO_POSE_TIPS = {
    "if": (0.1322, 0.0076, -0.0195),
    "mf": (0.1321, -0.0378, -0.0195),
    "rf": (0.1321, -0.0832, -0.0195),
    "th": (-0.0823, 0.1367, -0.0219),
}


@pytest.fixture(scope="module")
def model():
    return build_spec(SIM_SERVO, timestep=0.01).compile()


def fingertips_by_hand(angles):
    """Fingertips in the hand frame by multiplying transforms from the figures."""
    half_turn = Rotation.from_euler("x", 180, degrees=True)
    frames = {None: (Rotation.identity(), np.zeros(3))}
    for body in load_parameters():
        rotation, origin = frames[body["parent"]]
        w, x, y, z = body["quat"]
        local = Rotation.from_quat([x, y, z, w])
        position = origin + rotation.apply(body["pos"])
        orientation = half_turn if body["parent"] is None else rotation * local
        if body["joint"] is not None:
            orientation *= Rotation.from_rotvec([0, 0, -angles[JOINT_NAMES.index(body["joint"])]])
        frames[body["name"]] = (orientation, position)
    return {
        digit: frames[f"{digit}_ds"][1] + frames[f"{digit}_ds"][0].apply(tip) for digit, tip in TIP_IN_DISTAL.items()
    }


def fingertips_in_mujoco(model, angles):
    data = mujoco.MjData(model)
    data.qpos[joint_indices(model)[0]] = angles
    mujoco.mj_kinematics(model, data)
    return {name[:2]: data.site(name).xpos.copy() for name in TIP_NAMES}


def test_fingertips_at_random_poses(model):
    rng = np.random.default_rng(0)
    for _ in range(100):
        angles = rng.uniform(LOWER_LIMITS, UPPER_LIMITS)
        expected, found = fingertips_by_hand(angles), fingertips_in_mujoco(model, angles)
        for digit in expected:
            assert np.linalg.norm(expected[digit] - found[digit]) < 2e-4, (digit, angles)


def test_flat_hand_matches_the_published_model(model):
    found = fingertips_in_mujoco(model, np.zeros(16))
    for digit, (x, y, z) in ZERO_POSE_TIPS.items():
        np.testing.assert_allclose(found[digit], (x, -y, -z), atol=2e-4)


def test_positive_angles_flex_towards_the_grasping_side(model):
    for joint, digit in ((1, "if"), (2, "if"), (3, "if"), (5, "mf"), (9, "rf")):
        angles = np.zeros(16)
        angles[joint] = 0.3
        rise = fingertips_in_mujoco(model, angles)[digit] - fingertips_in_mujoco(model, np.zeros(16))[digit]
        assert rise[2] > 0.005, JOINT_NAMES[joint]


def test_masses_and_inertias_are_those_of_the_figures(model):
    for body in load_parameters():
        assert model.body(body["name"]).mass[0] == pytest.approx(body["mass"])
        np.testing.assert_allclose(model.body(body["name"]).inertia, body["inertia"], rtol=1e-9)
    assert sum(body["mass"] for body in load_parameters()) == pytest.approx(0.746, abs=1e-3)


def test_actuators_and_limits_are_in_motor_order(model):
    assert tuple(model.actuator(i).name for i in range(16)) == JOINT_NAMES
    ranges = np.array([model.joint(name).range for name in JOINT_NAMES])
    np.testing.assert_allclose(ranges[:, 0], LOWER_LIMITS)
    np.testing.assert_allclose(ranges[:, 1], UPPER_LIMITS)


def test_fingertips_are_round_and_take_part_in_contact(model):
    for name in TIP_NAMES:
        geom = model.geom(name)
        assert geom.type[0] == mujoco.mjtGeom.mjGEOM_SPHERE
        assert geom.conaffinity[0] != 0
