import numpy as np
import pytest

from dexndm_gym.backends.mujoco_hand import MujocoHand
from dexndm_gym.backends.virtual_hand import VirtualHand, angles_from_ticks, ticks_from_angles
from dexndm_gym.constants import CONTROL_PERIOD, GRAVITY, SIDE_JOINTS
from dexndm_gym.errors import ModelMismatchError
from dexndm_gym.grasps.closing import TOUCH, open_for
from dexndm_gym.grasps.hand_starts import hand_starts
from dexndm_gym.grasps.palm_rest import CANONICAL_POSE, FINGERTIP_CENTER, PALM_REST_CENTER, START_POSE
from dexndm_gym.hardware.registers import CURRENT_BASED_POSITION_MODE
from dexndm_gym.hardware.servo_setup import ServoSettings
from dexndm_gym.objects.catalog import NO_OBJECT
from dexndm_gym.objects.scene import Scene
from dexndm_gym.task.orientations import WRISTS, down_in_hand
from dexndm_gym.virtual_hand.parameters import HandParameters

TICK = 2 * np.pi / 4096


@pytest.fixture
def hand():
    return VirtualHand([HandParameters.nominal(), 0], num_threads=1)


def test_ticks_and_angles_agree_with_the_encoder():
    assert ticks_from_angles(np.array([0.0, np.pi / 2, -np.pi / 2])).tolist() == [2048, 3072, 1024]
    assert angles_from_ticks(np.array([2048, 3072])) == pytest.approx([0.0, np.pi / 2])


def test_it_starts_in_the_start_pose(hand):
    assert np.abs(hand.state().position - START_POSE).max() <= TICK / 2 + 1e-12


def test_reset_brings_the_object_into_the_cupped_hand(hand):
    hand.reset(np.arange(2), [Scene(object="cylinder"), Scene(object="cube")], np.random.default_rng(0))
    pose = hand.state().object_pose
    assert np.linalg.norm(pose[:, :3] - PALM_REST_CENTER, axis=1).max() < 0.04
    assert np.linalg.norm(pose[:, 3:], axis=1) == pytest.approx(1.0)


def test_reset_of_one_hand_leaves_the_other(hand):
    hand.step(np.tile(START_POSE + 0.05, (2, 1)))
    before = hand.state()
    hand.reset(np.array([1]), [Scene()], np.random.default_rng(0))
    after = hand.state()
    assert np.array_equal(before.position[0], after.position[0])
    assert np.array_equal(before.object_pose[0], after.object_pose[0])
    assert not np.array_equal(before.object_pose[1], after.object_pose[1])


def test_servos_are_set_as_the_driver_sets_them(hand):
    settings, physics = ServoSettings(), hand.physics
    side = np.isin(np.arange(16), SIDE_JOINTS)
    assert (physics.p_gain == np.where(side, settings.side_p_gain, settings.p_gain)).all()
    assert (physics.d_gain == np.where(side, settings.side_d_gain, settings.d_gain)).all()
    assert (physics.goal_current == settings.current_limit).all()
    assert (physics.operating_mode == CURRENT_BASED_POSITION_MODE).all()


def test_a_step_lasts_one_control_period(hand, monkeypatch):
    passed = []
    monkeypatch.setattr(hand.physics, "advance", passed.append)
    hand.step(np.tile(START_POSE, (2, 1)))
    assert passed == [CONTROL_PERIOD]


def test_steps_move_towards_the_target(hand):
    target = START_POSE - 0.1
    for _ in range(20):
        hand.step(np.tile(target, (2, 1)))
    nominal = hand.state().position[0]
    assert np.abs(nominal - target).max() < 0.08
    assert np.median(np.abs(nominal - target)) < 0.02


def test_reset_leaves_no_hidden_memory(hand):
    tracks = []
    for _ in range(2):
        fresh = VirtualHand([3], num_threads=1)
        fresh.reset(np.array([0]), [Scene()], np.random.default_rng(1))
        for k in range(5):
            fresh.step(START_POSE[None] + 0.02 * k)
        tracks.append(fresh.state())
    assert np.array_equal(tracks[0].position, tracks[1].position)
    assert np.array_equal(tracks[0].object_pose, tracks[1].object_pose)


def test_close_switches_torque_off_and_repeats(hand):
    hand.close()
    hand.close()
    assert not hand.physics.torque_enable.any()


def test_a_target_of_another_shape_is_refused(hand):
    with pytest.raises(ModelMismatchError, match=r"\(2, 16\)"):
        hand.step(START_POSE)


def test_privileged_state_is_that_of_the_simulator(hand):
    simulated = MujocoHand(hand.num_hands)
    for one in (hand, simulated):
        one.reset(np.arange(hand.num_hands), [Scene(object="cube")] * hand.num_hands, np.random.default_rng(0))
    known, expected = hand.privileged(), simulated.privileged()
    assert {name: values.shape for name, values in known.items()} == {n: v.shape for n, v in expected.items()}
    np.testing.assert_array_equal(known["shape"], expected["shape"])
    np.testing.assert_allclose(known["fingertips"], expected["fingertips"], atol=0.05)
    np.testing.assert_allclose(known["stiffness"], expected["stiffness"], rtol=0.6)
    nominal = 0
    np.testing.assert_allclose(known["stiffness"][nominal], expected["stiffness"][nominal], rtol=0.25)


def scenes(name):
    downs = [down_in_hand(np.array(wrist)) for wrist in WRISTS.values()]
    return [Scene(object=name, gravity=(GRAVITY * x, GRAVITY * y, GRAVITY * z)) for x, y, z in downs]


def test_fingers_hold_what_a_person_held_in_every_wrist():
    hand = VirtualHand([HandParameters.nominal()] * 6, num_threads=1, starts=hand_starts("grasps"))
    targets = hand.reset(np.arange(6), scenes("cylinder"), np.random.default_rng(0))
    for _ in range(10):
        hand.step(targets)
    state, pose = hand.state(), hand.physics.object_pose()
    assert np.linalg.norm(pose[:, :3] - FINGERTIP_CENTER, axis=1).max() < 0.04
    behind = np.abs(targets - state.position).reshape(6, 4, 4).max(axis=2)
    assert (behind > TOUCH).sum(axis=1).min() >= 2
    assert np.abs(targets - CANONICAL_POSE).max() < 0.8


def test_people_hold_what_does_not_fall_until_they_let_go(hand):
    physics, ids = hand.physics, np.array([0])
    hand.physics.set_joints(ids, ticks_from_angles(open_for(CANONICAL_POSE)))
    physics.goal_position[ids] = ticks_from_angles(open_for(CANONICAL_POSE))
    physics.advance(0.1)
    physics.hold_object(ids, scenes("cube")[1:2], np.random.default_rng(0))
    held = physics.object_pose()[0]
    physics.advance(1.0)
    assert np.linalg.norm(physics.object_pose()[0, :3] - held[:3]) < 0.003
    physics.let_go(ids)
    physics.advance(0.1)
    assert physics.object_pose()[0, 2] - held[2] > 0.03  # palm down, gravity pulls away from the palm


def test_palm_up_the_object_lies_in_the_open_hand_unless_grasps_are_wanted(hand):
    start = hand.reset(np.arange(2), [Scene()] * 2, np.random.default_rng(0))
    np.testing.assert_array_equal(start, np.tile(START_POSE, (2, 1)))
    other = VirtualHand([0, 1], num_threads=1, starts=hand_starts("grasps"))
    start = other.reset(np.arange(2), [Scene(), Scene(object=NO_OBJECT)], np.random.default_rng(0))
    assert np.linalg.norm(other.physics.object_pose()[0, :3] - FINGERTIP_CENTER) < 0.04
    np.testing.assert_array_equal(start[1], CANONICAL_POSE)
