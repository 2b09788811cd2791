import numpy as np
import pytest

from dexndm_gym.backends.virtual_hand import ticks_from_angles
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.objects.scene import Scene
from dexndm_gym.virtual_hand.hand_physics import VirtualHandPhysics
from dexndm_gym.virtual_hand.parameters import HandParameters, Spread
from dexndm_gym.virtual_hand.plant import PARKING_POSITION

OBJECTS = ("cylinder", "cube", "ellipsoid")


def make(hands, num_threads=1):
    """Hands in the start pose, each with an object and torque on."""
    physics = VirtualHandPhysics(hands, num_threads=num_threads)
    physics.operating_mode[...], physics.torque_enable[...] = 5, 1
    physics.p_gain[...], physics.d_gain[...], physics.goal_current[...] = 800, 200, 500
    physics.goal_position[...] = ticks_from_angles(START_POSE)
    physics.set_joints(np.arange(len(hands)), ticks_from_angles(START_POSE))
    for i, hand in enumerate(hands):
        rng = np.random.default_rng(hand if isinstance(hand, int) else 0)
        physics.place_object(np.array([i]), [Scene(object=OBJECTS[i % 3])], rng)
    return physics


def readings(physics, offsets):
    """What a master can see while the goals wander, and the objects' poses."""
    seen = []
    for offset in offsets:
        physics.goal_position[...] = ticks_from_angles(START_POSE) + offset
        physics.advance(0.05)
        registers = (physics.present_position(), physics.present_velocity(), physics.present_current())
        more = (physics.present_pwm(), physics.input_voltage(), physics.temperature())
        seen.append(np.concatenate([*registers, *more, physics.object_pose()], axis=1))
    return np.array(seen)


@pytest.fixture(scope="module")
def wander():
    return np.cumsum(np.random.default_rng(0).integers(-25, 26, (20, 1, 16)), axis=0)


def test_results_do_not_depend_on_batch_or_threads(wander):
    hands = [7, 8, 9]
    together = readings(make(hands), wander)
    assert np.array_equal(together, readings(make(hands, num_threads=2), wander))
    for i in (0, 2):
        physics = VirtualHandPhysics([hands[i]])
        alone = make([hands[i]])
        alone.place_object(np.array([0]), [Scene(object=OBJECTS[i])], np.random.default_rng(hands[i]))
        assert np.array_equal(together[:, i], readings(alone, wander)[:, 0])
        assert physics.num_hands == 1


def test_advancing_some_hands_leaves_others_alone(wander):
    undisturbed, disturbed = make([1, 2]), make([1, 2])
    first = readings(undisturbed, wander[:5]), readings(disturbed, wander[:5])
    assert np.array_equal(*first)
    disturbed.goal_position[0] += 100
    disturbed.advance(0.235, np.array([0]))
    later = readings(undisturbed, wander[5:]), readings(disturbed, wander[5:])
    assert np.array_equal(later[0][:, 1], later[1][:, 1])
    assert not np.array_equal(later[0][:, 0], later[1][:, 0])


def test_a_goal_acts_after_the_delay():
    physics = make([HandParameters.nominal()])
    physics.advance(0.5)
    before = physics.present_pwm()
    physics.goal_position[0, 2] += 60
    physics.advance(0.010)
    assert abs(physics.present_pwm()[0, 2] - before[0, 2]) < 10
    physics.advance(0.005)
    assert physics.present_pwm()[0, 2] - before[0, 2] > 50


def test_torque_off_draws_nothing_and_starts_gently():
    physics = make([HandParameters.nominal()])
    physics.torque_enable[...] = 0
    physics.goal_position[...] += 300
    physics.advance(2.0)
    assert not physics.present_current().any()
    physics.goal_position[...] = physics.present_position()
    physics.torque_enable[...] = 1
    rest = physics.present_position()
    physics.advance(0.02)
    assert np.abs(physics.present_position() - rest).max() < 15


def test_goals_from_before_torque_do_not_act():
    """Torque, goal and mode may all change between two calls: the line of delayed goals must not outlive that."""
    physics = make([HandParameters.nominal()])
    physics.torque_enable[...], physics.d_gain[...] = 0, 0
    physics.goal_position[...] += 600
    physics.advance(0.005)
    physics.goal_position[...] = physics.present_position()
    physics.torque_enable[...] = 1
    physics.advance(0.005)
    assert np.abs(physics.present_pwm()).max() < 100


def test_an_unknown_mode_leaves_the_motors_without_current():
    physics = make([HandParameters.nominal()])
    physics.operating_mode[...] = 2
    physics.goal_position[...] += 300
    physics.advance(0.1)
    assert not physics.present_current().any()


def test_goal_current_caps_in_mode_5_only():
    currents = {}
    for mode in (3, 5):
        physics = make([HandParameters.nominal()])
        physics.operating_mode[...], physics.goal_current[...] = mode, 200
        physics.goal_position[...] += 400
        physics.advance(0.02)
        currents[mode] = physics.present_current().max()
    assert currents[5] == 200
    assert currents[3] > 400


def test_modes_live_side_by_side():
    physics = make([HandParameters.nominal()])
    current, velocity, pwm, position = 2, 6, 10, 14
    for servo, mode in ((current, 0), (velocity, 1), (pwm, 16), (position, 4)):
        physics.operating_mode[0, servo] = mode
    physics.goal_current[0, current], physics.goal_velocity[0, velocity], physics.goal_pwm[0, pwm] = -150, -30, -200
    speeds = []
    for _ in range(6):
        physics.advance(0.05)
        speeds.append(physics.present_velocity()[0, velocity])
    assert physics.present_current()[0, current] == -150
    assert np.mean(speeds) == pytest.approx(-30, abs=6)
    assert physics.velocity_trajectory()[0, velocity] == -30
    assert physics.present_pwm()[0, pwm] == -200
    assert physics.position_trajectory()[0, position] == physics.goal_position[0, position]


def test_frozen_hands_keep_their_profiles():
    undisturbed, disturbed = make([1, 2]), make([1, 2])
    for physics in (undisturbed, disturbed):
        physics.profile_velocity[...], physics.profile_acceleration[...] = 30, 5
        physics.goal_position[...] += 300
        physics.advance(0.2)
    assert (undisturbed.profile_status() & 0x02).all()
    disturbed.advance(0.1, np.array([0]))
    for physics in (undisturbed, disturbed):
        physics.advance(0.2)
    trajectories = undisturbed.position_trajectory(), disturbed.position_trajectory()
    assert np.array_equal(trajectories[0][1], trajectories[1][1])
    assert (trajectories[0][0] < trajectories[1][0]).all()


def test_profiles_start_where_torque_comes_on():
    physics = make([HandParameters.nominal()])
    physics.torque_enable[...] = 0
    physics.advance(0.5)
    before = physics.present_position()
    physics.profile_velocity[...], physics.torque_enable[...] = 20, 1
    physics.goal_position[...] = before + 500
    physics.advance(0.05)
    moved = physics.position_trajectory() - before
    assert (moved > 0).all()
    assert (moved < 20).all()


def test_the_supply_sags_when_all_servos_pull():
    physics = make([HandParameters(supply_resistance=0.3)])
    physics.operating_mode[...] = 3
    assert np.all(physics.input_voltage() == 50)
    physics.goal_position[...] += 600
    physics.advance(0.02)
    assert physics.input_voltage().max() < 48


def test_goals_of_the_servos_themselves_act_without_delay():
    physics = make([HandParameters.nominal()])
    physics.goal_position[0, 2] += 400
    physics.advance(0.05)
    before = physics.present_pwm()[0, 2]
    physics.goal_position[...] = physics.present_position()
    physics.at_once[0, 2] = True
    physics.advance(0.005)
    assert physics.present_pwm()[0, 2] < 0.5 * before
    assert not physics.at_once.any()


def test_a_jammed_joint_stays_and_its_servo_pushes():
    physics = make([HandParameters.nominal()])
    physics.jammed[0, 2] = True
    before = physics.present_position()
    physics.goal_position[...] += 200
    physics.advance(1.0)
    moved = physics.present_position() - before
    assert abs(moved[0, 2]) <= 8
    assert moved[0, 3] > 50
    assert physics.present_current()[0, 2] == 500
    physics.jammed[...] = False
    physics.advance(1.0)
    assert (physics.present_position() - before)[0, 2] > 50


def test_a_limited_supply_gives_no_more():
    physics = make([HandParameters.nominal()])
    physics.supply_limit[...] = 3.0
    physics.advance(0.1)
    assert physics.input_voltage().max() <= 30
    physics.supply_limit[...] = np.inf
    physics.advance(0.1)
    assert physics.input_voltage().min() > 45


def test_encoder_offset_shifts_the_joint_not_the_reading():
    physics = make([HandParameters.draw(0, Spread(severity=1.0))])
    assert np.array_equal(physics.present_position()[0], ticks_from_angles(START_POSE))
    assert np.abs(physics._plant.position[0] - START_POSE).max() > 0.005


def test_gravity_follows_the_scene():
    physics = make([HandParameters.nominal()])
    physics.place_object(np.array([0]), [Scene(object="cube", gravity=(0.0, 0.0, 9.81))], np.random.default_rng(0))
    physics.torque_enable[...] = 0
    physics.advance(1.0)
    assert physics.object_pose()[0, 2] == PARKING_POSITION[2]


def test_readings_are_fresh_arrays():
    physics = make([HandParameters.nominal()])
    for read in (physics.present_position, physics.input_voltage, physics.object_pose):
        first = read()
        first[...] = -1
        assert not np.array_equal(first, read())


@pytest.mark.parametrize("seconds", [-0.05, 0.0033])
def test_time_comes_in_whole_steps(seconds):
    with pytest.raises(ConfigurationError, match="whole number of steps"):
        make([HandParameters.nominal()]).advance(seconds)


def test_no_hands_is_an_error():
    with pytest.raises(ConfigurationError, match="at least one hand"):
        VirtualHandPhysics([])
