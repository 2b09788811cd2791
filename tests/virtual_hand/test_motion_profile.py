"""How goals move."""

import numpy as np
import pytest

from dexndm_gym.virtual_hand.motion_profile import RECTANGULAR, TRAPEZOIDAL, TRIANGULAR, Profile

DT = 0.005
TICKS_PER_RPM = 4096 / 60


def run(goals, velocity=0, acceleration=0, *, time_based=False, velocity_control=False, start=0.0):
    """Trajectory of one servo, one row per step, and its profile."""
    profile = Profile((1,), DT)
    profile.trajectory[...] = start
    profile.configure(velocity, acceleration, time_based, velocity_control)
    return np.array([profile.follow(np.array([goal]), np.array([0.0]))[0] for goal in goals]), profile


def arrival(track, goal):
    return DT * (1 + np.flatnonzero(np.abs(track - goal) < 1e-6)[0])


def test_rectangular_profile_moves_at_profile_velocity():
    track, profile = run([500.0] * 200, velocity=100)
    assert profile.kind[0] == RECTANGULAR
    assert np.diff(track)[:10] == pytest.approx(100 * 0.229 * TICKS_PER_RPM * DT)
    assert arrival(track, 500) == pytest.approx(500 / (100 * 0.229 * TICKS_PER_RPM), abs=DT)


def test_trapezoidal_profile_accelerates_as_in_the_manual():
    velocity, acceleration, goal = 100, 20, 2000.0
    track, profile = run([goal] * 600, velocity, acceleration)
    assert profile.kind[0] == TRAPEZOIDAL
    speed = np.diff(track) / DT
    ramp = 64e-3 * velocity / acceleration  # t1 = 64 ms * velocity / acceleration
    assert speed.max() == pytest.approx(velocity * 0.229 * TICKS_PER_RPM)
    assert DT * np.argmax(speed >= speed.max() - 1e-6) == pytest.approx(ramp, abs=2 * DT)
    assert arrival(track, goal) == pytest.approx(goal / speed.max() + ramp, abs=4 * DT)
    assert track.max() < goal + 0.1


def test_a_short_way_makes_a_triangle():
    track, profile = run([30.0] * 100, velocity=100, acceleration=20)
    assert profile.kind[0] == TRIANGULAR
    assert np.diff(track).max() / DT < 100 * 0.229 * TICKS_PER_RPM
    assert not profile.ongoing()[0]


@pytest.mark.parametrize(("acceleration", "ramp"), [(0, 0.0), (100, 0.1), (900, 0.4)])
def test_time_based_profiles_take_their_time(acceleration, ramp):
    track, profile = run([-700.0] * 200, 800, acceleration, time_based=True)
    assert arrival(track, -700) == pytest.approx(0.8, abs=4 * DT)
    # exactly, but where a triangle's tip falls between two steps
    close = 0.02 if ramp == 0.4 else 1e-6
    assert np.abs(np.diff(track)).max() / DT == pytest.approx(700 / (0.8 - ramp), rel=close)
    assert profile.kind[0] == (RECTANGULAR if ramp == 0 else TRAPEZOIDAL) or ramp == 0.4


def test_velocity_control_ramps_the_velocity():
    track, _ = run([200.0] * 300, acceleration=10, velocity_control=True)
    assert arrival(track, 200) == pytest.approx(64e-3 * 200 / 10, abs=DT)
    timed, _ = run([200.0] * 200, acceleration=500, time_based=True, velocity_control=True)
    assert arrival(timed, 200) == pytest.approx(0.5, abs=DT)
    step, _ = run([200.0] * 2, velocity=50, velocity_control=True)
    assert step[0] == 200, "profile velocity has no say in velocity control"


def test_goals_without_profile_are_there_at_once():
    profile = Profile((2,), DT)
    profile.configure(np.array([0, 50]), np.array([0, 0]), False, False)
    track = profile.follow(np.array([5000.0, 5000.0]), np.zeros(2))
    assert track[0] == 5000
    assert 0 < track[1] < 10
    assert profile.ongoing().tolist() == [False, True]


def test_settings_count_from_the_next_goal_on():
    profile = Profile((1,), DT)
    profile.configure(100, 0, False, False)
    goal = np.array([3000.0])
    first = profile.follow(goal, goal)[0]
    profile.configure(10, 0, False, False)
    assert profile.follow(goal, goal)[0] == pytest.approx(2 * first)
    assert profile.follow(goal + 1, goal)[0] - 2 * first == pytest.approx(first / 10)


def test_a_restart_begins_at_what_is_measured():
    profile = Profile((1,), DT)
    profile.configure(100, 20, False, False)
    for _ in range(20):
        profile.follow(np.array([3000.0]), np.array([0.0]))
    profile.restart(np.array([True]))
    track = profile.follow(np.array([1000.0]), np.array([990.0]))
    assert 990 < track[0] < 992


def test_new_goals_on_the_way_keep_all_limits():
    rng, n = np.random.default_rng(0), 300
    velocity, acceleration = rng.integers(1, 400, n), rng.integers(1, 300, n)
    profile = Profile((n,), DT)
    profile.configure(velocity, acceleration, False, False)
    track = []
    for _ in range(5):
        goal = rng.integers(-300, 300, n).astype(float)
        track += [profile.follow(goal, goal).copy() for _ in range(rng.integers(1, 100))]
    track += [profile.follow(goal, goal).copy() for _ in range(8000)]
    speed = np.diff(track, axis=0, prepend=0.0) / DT
    change = np.abs(np.diff(speed, axis=0, prepend=0.0)) / DT
    assert (np.abs(speed).max(axis=0) <= velocity * 0.229 * TICKS_PER_RPM + 1e-6).all()
    assert (change.max(axis=0) <= acceleration * 214.577 * 4096 / 3600 * (1 + 1e-6)).all()
    np.testing.assert_allclose(track[-1], goal, atol=1e-6)
    assert not profile.ongoing().any()


def test_state_moves_a_profile_into_another():
    profiles, goal = (Profile((1,), DT), Profile((1,), DT)), np.array([2000.0])
    for profile in profiles:
        profile.configure(100, 20, False, False)
    for _ in range(30):
        profiles[0].follow(goal, np.zeros(1))
    for mine, theirs in zip(profiles[1].state(), profiles[0].state(), strict=True):
        mine[...] = theirs
    tracks = [[profile.follow(goal, np.zeros(1))[0] for _ in range(60)] for profile in profiles]
    assert tracks[0] == tracks[1]
    assert profiles[1].kind[0] == TRAPEZOIDAL


def test_profiles_switched_on_begin_where_goals_are():
    profile, goal = Profile((1,), DT), np.array([500.0])
    profile.trajectory[...] = goal  # kept there by the owner while there was no profile
    profile.configure(100, 20, False, False)
    assert profile.follow(goal, np.zeros(1))[0] == 500.0
    assert not profile.ongoing()[0]
    goal = np.array([2500.0])
    for _ in range(50):
        profile.follow(goal, np.zeros(1))
    assert profile.ongoing()[0]
    profile.configure(0, 0, False, False)
    assert not profile.active
    profile.configure(100, 20, False, False)  # what was under way has been forgotten
    assert (profile.speed[0], profile.kind[0]) == (0.0, 0)
    assert not profile.ongoing()[0]
