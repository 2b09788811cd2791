"""Traps of Isaac Gym: one scenario that passes, and that fails as soon as the handling of any of them is taken out.

The stand-in for Isaac Gym is strict and hostile where the real one is: see tests/fakes/isaacgym_preview4.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from isaacgym_in_process import InProcess

from dexndm_gym.backends import isaacgym_plan
from dexndm_gym.backends.isaacgym_hand import IsaacGymHand
from dexndm_gym.backends.mujoco_hand import MujocoHand
from dexndm_gym.backends.randomization import Randomization
from dexndm_gym.errors import DexndmError, SimulatorError
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.grasps.start_states import StartStates, palm_rest_rows
from dexndm_gym.hand.joints import JOINT_NAMES, LOWER_LIMITS, UPPER_LIMITS
from dexndm_gym.hand.kinematics import Fingertips
from dexndm_gym.objects.scene import Scene

FAR = np.array([0.4, 0.1, 0.3, 0.6, 0.0, -0.8, 0.0])
"""Pose of objects that no hand touches."""

BEND = -0.25
"""How far from their targets the joints are at first, rad: springs are at their limit."""

VARIED = Randomization(
    mass=(0.01, 0.1),
    friction=(0.2, 2.0),
    stiffness=(1.0, 1.0),
    damping=(1.0, 1.0),
    frictionloss=(1.0, 1.0),
    push_scale=0.0,
)
DOWN = {"cube": np.array([0.0, 9.81, 0.0]), "ball_40": np.array([-5.9, 0.0, 7.8])}


def scenario(edit=str):
    """Two of three hands begin one after the other, each with its own object and gravity, and let them fall."""
    rows = palm_rest_rows(START_POSE[None] + BEND, FAR[None], np.ones(1))
    starts = StartStates({(name, None): rows for name in DOWN})
    worker = InProcess(3, edit)
    hand = IsaacGymHand(worker, objects=list(DOWN), starts=starts, randomization=VARIED, device="cpu")
    for i, (name, down) in enumerate(DOWN.items()):
        hand.reset(np.array([i]), [Scene(object=name, gravity=tuple(down))], np.random.default_rng(0))
    state = hand.state()
    np.testing.assert_allclose(state.position[:2], np.tile(START_POSE + BEND, (2, 1)), atol=1e-6)
    np.testing.assert_allclose(state.object_pose[:2], np.tile(FAR, (2, 1)), atol=1e-6)
    command, reference = np.tile(START_POSE, (3, 1)), reference_motion()
    for expected in reference:
        hand.step(command)
        apart = hand.state().position - expected
        assert np.abs(apart).max() < 0.02, "joints move as in MuJoCo"
    steps, dt = 6 * len(reference), 0.05 / 6
    fallen = 9.81 * dt**2 * steps * (steps + 1) / 2 * np.array([down / 9.81 for down in DOWN.values()])
    np.testing.assert_allclose(hand.state().object_pose[:2, :3] - FAR[:3], fallen, rtol=2e-3, atol=1e-5)
    np.testing.assert_allclose(hand.state().object_pose[:2, 3:], np.tile(FAR[3:], (2, 1)), atol=1e-4)
    look_inside(worker.sims[0], hand)


@cache
def reference_motion():
    """Positions of the same joints in MuJoCo, with gravity palm up for the hand that does not begin."""
    hand = MujocoHand(3, num_threads=1)
    pulls = [*DOWN.values(), np.array([0.0, 0.0, -9.81])]
    hand.reset(np.arange(3), [Scene(object="none", gravity=tuple(down)) for down in pulls], np.random.default_rng(0))
    hand._qpos[:, hand._joint_qpos] = START_POSE + BEND * np.array([[1.0], [1.0], [0.0]])
    hand.batch.forward()
    positions = []
    for _ in range(6):
        hand.step(np.tile(START_POSE, (3, 1)))
        positions.append(hand.state().position)
    return positions


def look_inside(sim, hand):
    """What does not show in a short motion: limits, contact classes, friction, the palm's pose."""
    for i, world in enumerate(sim.worlds):
        model, data = world.model, world.data
        ranges = np.array([model.joint(f"0/{name}").range for name in JOINT_NAMES])
        assert all(model.jnt_limited[model.joint(f"0/{name}").id] for name in JOINT_NAMES)
        np.testing.assert_allclose(ranges, np.stack([LOWER_LIMITS, UPPER_LIMITS], axis=1), atol=1e-6)
        tips = [data.geom(f"0/{finger}_tip").xpos for finger in ("if", "mf", "rf", "th")]
        assert np.abs(tips - Fingertips().positions(hand.state().position)[i]).max() < 0.02
        np.testing.assert_allclose(model.geom("1/object_0").friction[0], hand.privileged()["friction"][i], rtol=1e-6)
        assert touches(model, "1/object_0", "0/if_px_0")
        assert touches(model, "0/th_tip", "0/if_tip")
        assert touches(model, "0/th_tip", "0/palm_0")
        assert not touches(model, "0/th_tip", "0/if_px_0")
        assert not touches(model, "0/if_px_0", "0/palm_0")
        assert not touches(model, "1/object_0", "2/object_0")


def touches(model, one, other):
    a, b = model.geom(one), model.geom(other)
    return bool(a.contype[0] & b.conaffinity[0] or b.contype[0] & a.conaffinity[0])


BREAKS = {
    "union of pending resets": ("self._pending |= begin", "self._pending = begin"),
    "ids of actors with joints": ("unwrap(actors), len(actors)", "unwrap(objects), len(objects)"),
    "ids are 32 bit": ('["hand_actors"][hands].to(torch.int32)', '["hand_actors"][hands]'),
    "states can be read after reset": ("self._submit()\n        self._publish()", "self._submit()"),
    "forces in each physics step": (
        "            self._simulate()",
        "            self._simulate(); self._forces.zero_()",
    ),
    "torques in each physics step": ("            self._drive(substep)", "            substep or self._drive(substep)"),
    "initial state after prepare_sim": ("self._pending |= begin", "self._pending |= begin & ~begin.all()"),
    "contact collection is an enum": ("gymapi.CC_LAST_SUBSTEP", "1"),
    "mass of each hand's object": ("mass[:, None] * gravity[hands]", "0.05 * gravity[hands]"),
    "weight of links": ("self._link_mass[:, :, None] *", "0.0 * self._link_mass[:, :, None] *"),
    "friction on both sides": (
        'shape.filter, shape.friction = link["filter"], friction',
        'shape.filter = link["filter"]',
    ),
    "joint friction has no unit": ('("stiffness", "damping", "friction"):', '("stiffness", "damping"):'),
    "drive damping is in the torque limit": ('("stiffness", "damping", "friction"):', '("stiffness", "friction"):'),
    "effort mode": ('properties["driveMode"].fill(gymapi.DOF_MODE_EFFORT)', "pass"),
    "joint limits": ('properties["hasLimits"].fill(True)', "pass"),
    "order of joints": ("[values[j] for j in order]", "values"),
    "rotor inertia": ('("armature", armature)', '("armature", [1e-5] * 16)'),
    "room for contacts": ("setattr(params.physx, name, value)", "pass"),
    "gravity of the simulator is zero": (
        "params.up_axis, params.gravity = gymapi.UP_AXIS_Z, gymapi.Vec3(0.0, 0.0, 0.0)",
        "params.up_axis = gymapi.UP_AXIS_Z",
    ),
    "z is up": ("gymapi.UP_AXIS_Z", "gymapi.UP_AXIS_Y"),
    "PhysX, not Flex": ("-1, gymapi.SIM_PHYSX, self", "-1, params=self"),
    "quaternions are x y z w": ("torch.cat([pose[:, :3], pose[:, 4:], pose[:, 3:4]], 1)", "pose"),
    "pose of the palm": ('_transform(plan["palm"])', "gymapi.Transform()"),
    "environments are no numbers": ("gym.get_actor_index(env, hand, domain)", "gym.get_actor_index(i, hand, domain)"),
    "indices of the whole simulation": ("gymapi.DOMAIN_SIM", "gymapi.DOMAIN_ENV"),
    "one collision group each": ('"hand", i, 0)', '"hand", -1, 0)'),
    "ids live until the step": ("self._submitted += [objects, actors]", "pass"),
    "torques live until the step": ("unwrap_tensor(self._effort)", "unwrap_tensor(self._effort * 1.0)"),
    "results are fetched": ("gym.fetch_results(sim, True)", "pass"),
    "states are refreshed": (
        "        self._gym.refresh_actor_root_state_tensor(self._sim)\n        self._pub",
        "        self._pub",
    ),
    "objects do not touch each other": ("shape.filter, shape.friction = _OBJECT_FILTER,", "_, shape.friction = 0,"),
    "dry friction": (" - self._dry_friction(velocity, damping)", ""),
    "torque limit": ("spring.clamp(-self._torque_limit, self._torque_limit)", "spring"),
    "base is fixed": ("options.fix_base_link = True", "pass"),
    "no damping in the air": ("options.linear_damping = options.angular_damping = 0.0", "options.lineardamping = 0.0"),
}
"""What is handled: text of the worker, and what stands there instead when it is not."""


def test_scenario_passes_as_the_worker_is():
    scenario()


@pytest.mark.parametrize("trap", BREAKS)
def test_scenario_fails_where_a_trap_is_not_handled(trap):
    old, new = BREAKS[trap]
    uses = []

    def edit(text):
        uses.append(text.count(old))
        return text.replace(old, new)

    with pytest.raises((AssertionError, DexndmError)):
        scenario(edit)
    assert uses == [1], "the text of the worker has changed; change it here, too"


def test_second_simulation_in_a_process_is_refused(tmp_path: Path):
    worker = InProcess(1)
    starts = StartStates({("cube", None): palm_rest_rows(START_POSE[None], FAR[None], np.ones(1))})
    IsaacGymHand(worker, objects=["cube"], starts=starts, device="cpu")
    plan = isaacgym_plan.Plan(1, [], starts, None, np.random.default_rng(0))
    with pytest.raises(SimulatorError, match="one simulation per process"):
        worker.build(json.loads(json.dumps(plan.message(tmp_path, "cpu"))))
