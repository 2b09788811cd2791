import numpy as np
import pytest

from dexndm_gym.virtual_hand.firmware import PWM_FULL
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
