import numpy as np
import pytest

from dexndm_gym.virtual_hand.firmware import PWM_FULL
from dexndm_gym.virtual_hand.gearbox import FREE_FRICTION, FREE_INERTIA, Gearbox
from dexndm_gym.virtual_hand.parameters import ServoParameters
from dexndm_gym.virtual_hand.single_joint import SingleJoints

DT = 0.001
BACKLASH = 0.015


def make(*, enable=True, **changes):
    joints = SingleJoints(ServoParameters(backlash=BACKLASH, **changes), [2e-4], dt=DT)
    joints.servos.configure(p_gain=800, i_gain=0, d_gain=200, pwm_limit=PWM_FULL, current_limit=0.5, enable=enable)
    return joints


def push(joints, torque, seconds, goal=0.0):
    goals = joints.servos.ticks(np.array([goal]))
    for _ in range(round(seconds / DT)):
        joints.step(goals, 5.0, lambda t, q, v: np.full_like(q, torque))
    return joints.position[0]


def test_link_plays_by_the_backlash_only():
    joints = make(enable=False)
    ends = [push(joints, torque, 0.3) for torque in (0.005, -0.005, 0.005, -0.005)]
    # more than the output bearing's friction, less than the rotor's
    assert abs(ends[1] - ends[0]) == pytest.approx(BACKLASH, rel=0.15)
    assert ends[3] == pytest.approx(ends[1], abs=0.1 * BACKLASH)
    assert ends[2] == pytest.approx(ends[0], abs=0.1 * BACKLASH)


def test_without_backlash_a_weak_push_moves_nothing():
    joints = SingleJoints(ServoParameters(backlash=1e-9), [2e-4], dt=DT)
    assert push(joints, 0.005, 0.3) == pytest.approx(0.0, abs=1e-4)


def test_dry_friction_grows_with_the_load():
    held = {}
    for load in (0.02, 0.10):
        joints = make()
        push(joints, -load, 0.5)
        held[load] = joints.servos.gearbox.frictionloss[0]
    # at rest the motor holds about the load: |motor - external| is about twice the load
    assert held[0.10] - held[0.02] == pytest.approx(0.17 * 2 * 0.08, rel=0.3)


def test_way_up_needs_more_torque_than_down():
    torques = []
    for start in (-0.2, 0.2):
        joints, currents = make(), []
        push(joints, -0.05, 0.5, start)
        for goal in np.linspace(start, 0.0, 400):
            push(joints, -0.05, 0.005, goal)
            currents.append(joints.servos.current[0])
        torques.append(0.371 * np.mean(currents[200:]))
    assert torques[0] > 0.06
    assert torques[1] < 0.045


@pytest.mark.parametrize(("backlash", "least", "most"), [(1e-9, 0, 3), (0.005, 5, 25), (BACKLASH, 12, 50)])
def test_reversing_loses_the_time_of_backlash(backlash, least, most):
    joints = SingleJoints(ServoParameters(backlash=backlash), [2e-4], dt=DT)
    joints.servos.configure(p_gain=800, i_gain=0, d_gain=200, pwm_limit=PWM_FULL, current_limit=0.5, enable=True)
    push(joints, 0.02, 0.3, 0.2)
    push(joints, -0.02, 0.3, 0.2)
    lost = 0
    for _ in range(60):
        push(joints, 0.01, DT, 0.1)
        lost += joints.servos.torque[0] == 0.0 and abs(joints.servos.current[0]) > 0.01
    assert least <= lost <= most


def test_play_makes_no_energy():
    joints = make(enable=False)
    joints.velocity[:] = 0.5
    energy = [np.inf]
    for _ in range(300):
        joints.step(np.zeros(1), 5.0, lambda t, q, v: np.zeros_like(q))
        gears = joints.servos.gearbox
        moving = 0.5 * 2e-4 * joints.velocity[0] ** 2 + 0.5 * 0.0018 * gears.rotor[0] ** 2
        assert moving <= energy[-1] + 1e-7
        energy.append(moving)
    assert energy[-1] == pytest.approx(0.0, abs=1e-9)


ROTOR, LINK = 0.0018, 2e-4
STILL = np.zeros(2)


def pair(*, coulomb=0.0, viscous=0.0, load_friction=0.0, backlash=BACKLASH):
    """Gears of two servos that differ in backlash."""
    values = {"armature": ROTOR, "link_inertia": LINK, "coulomb": coulomb, "viscous": viscous}
    arrays = {name: np.full(2, value) for name, value in {**values, "load_friction": load_friction}.items()}
    return Gearbox((2,), DT, **arrays, backlash=np.array([backlash, 2 * backlash]))


def parted(motor, **changes):
    """A pair whose teeth have just come apart, as the motors pull back."""
    gears = pair(**changes)
    gears.follow(motor, STILL.copy(), STILL, STILL)
    return gears


def test_teeth_in_touch_carry_what_rotor_leaves():
    gears, motor, friction = pair(viscous=0.01), np.array([0.2, 0.3]), np.array([-0.01, 0.02])
    velocity, acceleration = np.array([0.5, -0.4]), np.array([3.0, -2.0])
    assert not gears.follow(motor, velocity, STILL, friction)
    np.testing.assert_allclose(gears.rotor, velocity)
    gears.follow(motor, velocity, acceleration, friction)
    np.testing.assert_allclose(gears.tooth_torque, motor + friction - 0.01 * velocity - ROTOR * acceleration)
    gears.transmit(motor)
    np.testing.assert_allclose(gears.torque, motor)


def test_friction_is_dry_and_a_share_of_load():
    gears, motor = pair(coulomb=0.01, load_friction=0.2), np.array([0.1, 0.3])
    gears.transmit(motor)
    np.testing.assert_allclose(gears.frictionloss, 0.01 + 0.2 * motor)
    gears.follow(motor, STILL.copy(), STILL, STILL)  # the teeth now carry as much
    gears.transmit(motor)
    np.testing.assert_allclose(gears.frictionloss, 0.01 + 0.2 * 2 * motor)
    np.testing.assert_allclose(gears.armature, ROTOR)


def test_link_is_free_while_teeth_are_apart():
    motor = np.array([-0.05, 0.05])  # one pulls back, one goes on pushing
    gears = parted(motor, coulomb=0.01)
    gears.transmit(motor)
    np.testing.assert_allclose(gears.torque, [0.0, 0.05])
    np.testing.assert_allclose(gears.frictionloss, [FREE_FRICTION, 0.01])
    np.testing.assert_allclose(gears.armature, [FREE_INERTIA, ROTOR])


def test_free_rotor_crosses_gap_and_momentum_is_kept():
    motor, coulomb = np.full(2, -0.05), 0.01
    gears, ends = parted(motor, coulomb=coulomb), {}
    for cycle in range(1, 100):
        velocity = STILL.copy()
        before = gears.rotor.copy()
        if not gears.follow(motor, velocity, STILL, STILL):
            continue
        for servo in np.flatnonzero(velocity):
            ends[servo] = cycle * DT
            faster = before[servo] - (0.05 - coulomb) / ROTOR * DT
            assert velocity[servo] == pytest.approx(ROTOR * faster / (ROTOR + LINK + FREE_INERTIA))
            assert gears.rotor[servo] == velocity[servo]
        if len(ends) == 2:
            break
    crossing = np.sqrt(2 * np.array([1, 2]) * BACKLASH * ROTOR / (0.05 - coulomb))
    np.testing.assert_allclose([ends[0], ends[1]], crossing, atol=DT)


def test_free_rotor_slows_down_by_viscous_friction():
    gears = parted(np.full(2, -1e-6), viscous=0.02, backlash=10.0)
    gears.rotor[:] = (-0.5, -0.2)
    for _ in range(100):
        gears.follow(STILL, STILL.copy(), STILL, STILL)
    np.testing.assert_allclose(gears.rotor, np.exp(-0.02 / ROTOR * 0.1) * np.array([-0.5, -0.2]), rtol=0.02)


def test_negative_flank_pulls_and_parts_when_pushed():
    motor = np.full(2, -0.05)
    gears = parted(motor)
    for _ in range(100):
        gears.follow(motor, STILL.copy(), STILL, STILL)
    gears.transmit(motor)
    np.testing.assert_allclose(gears.torque, motor)
    gears.follow(-motor, STILL.copy(), STILL, STILL)
    gears.transmit(-motor)
    np.testing.assert_allclose(gears.torque, 0.0)


def test_gears_at_rest_touch_with_positive_flank():
    motor = np.full(2, -0.05)
    gears = parted(motor)
    for _ in range(100):
        gears.follow(motor, STILL.copy(), STILL, STILL)
    gears.rest(np.array([1]))
    assert gears.torque[1] == gears.rotor[1] == gears.tooth_torque[1] == 0.0
    gears.follow(motor, STILL.copy(), STILL, STILL)
    gears.transmit(motor)
    np.testing.assert_allclose(gears.torque, [-0.05, 0.0])  # the one that was brought to rest has parted again
