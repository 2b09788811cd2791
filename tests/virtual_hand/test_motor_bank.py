import numpy as np
import pytest

from dexndm_gym.virtual_hand.firmware import PWM_FULL, VELOCITY_UNIT
from dexndm_gym.virtual_hand.motor_bank import ServoBank
from dexndm_gym.virtual_hand.parameters import ServoParameters
from dexndm_gym.virtual_hand.single_joint import SingleJoints

DT = 0.001
NOMINAL = ServoParameters()
KT, RESISTANCE, COULOMB = (
    float(np.asarray(value)) for value in (NOMINAL.torque_constant, NOMINAL.resistance, NOMINAL.coulomb)
)
SUPPLY = np.array([5.0])


def make_bank(**changes):
    return ServoBank(ServoParameters(**changes), (1,), DT, 2e-4)


def configure(bank, *, p=800, i=0, d=0, pwm=PWM_FULL, current=np.inf, enable=True):
    bank.configure(p_gain=p, i_gain=i, d_gain=d, pwm_limit=pwm, current_limit=current, enable=enable)


def still(time, position, velocity):
    return np.zeros_like(position)


def run(joints, goal, seconds, external=still, supply=5.0):
    goals = joints.servos.ticks(np.asarray(goal, dtype=float))
    track = []
    for _ in range(round(seconds / DT)):
        joints.step(goals, supply, external)
        track.append(joints.position.copy())
    return np.array(track)


@pytest.mark.parametrize(("p_gain", "error"), [(100, 50), (400, -120), (800, 200), (800, -283)])
def test_pwm_is_p_gain_times_error_over_256(p_gain, error):
    bank = make_bank()
    configure(bank, p=p_gain)
    bank.drive(np.zeros(1), np.array([2048.0 + error]), SUPPLY)
    assert bank.duty[0] * PWM_FULL == pytest.approx(p_gain * error / 256)


def test_pwm_saturates_at_the_limit():
    bank = make_bank()
    configure(bank, pwm=300)
    bank.drive(np.zeros(1), np.array([4096.0]), SUPPLY)
    assert bank.duty[0] * PWM_FULL == pytest.approx(300)


def test_d_gain_answers_a_change_of_error_once():
    bank = make_bank()
    configure(bank, p=0, d=160)
    duties = []
    for goal in (2048.0, 2058.0, 2058.0):
        bank.drive(np.zeros(1), np.array([goal]), SUPPLY)
        duties.append(bank.duty[0] * PWM_FULL)
    assert duties == pytest.approx([0.0, 160 / 16 * 10, 0.0])


def test_stall_torque_follows_the_motor_equation():
    bank = make_bank(saturation=0.0)
    configure(bank)
    bank.drive(np.zeros(1), np.array([4096.0]), SUPPLY)
    assert bank.torque[0] == pytest.approx(KT * 5.0 / RESISTANCE)


def test_the_current_limit_cuts_the_pwm_back():
    bank = make_bank()
    configure(bank, current=0.5)
    bank.drive(np.zeros(1), np.array([4096.0]), SUPPLY)
    assert bank.current[0] == pytest.approx(0.5)
    assert bank.duty[0] == pytest.approx(0.5 * RESISTANCE / 5.0)


@pytest.mark.parametrize("speed", [3.0, -2.0])
def test_turning_rotor_takes_voltage_from_windings(speed):
    bank = make_bank()
    configure(bank, current=0.3)
    bank.gearbox.rotor[:] = speed
    bank.drive(np.zeros(1), np.array([2148.0]), SUPPLY)
    duty = 800 / 256 * 100 / PWM_FULL
    assert bank.current[0] == pytest.approx(min((duty * 5.0 - KT * speed) / RESISTANCE, 0.3))
    assert bank.duty[0] * 5.0 == pytest.approx(bank.current[0] * RESISTANCE + KT * speed)


def test_stiffness_is_torque_per_small_error():
    bank = make_bank(saturation=0.0)
    configure(bank, p=600)
    bank.drive(np.zeros(1), np.array([2058.0]), SUPPLY)
    assert bank.torque[0] == pytest.approx(bank.stiffness(600, SUPPLY)[0] * 10 * 2 * np.pi / 4096)


def test_saturation_lowers_torque_per_current():
    bank = make_bank(saturation=0.5)
    torques = []
    for current in (0.1, 1.0):
        configure(bank, current=current)
        bank.drive(np.zeros(1), np.array([0.0]), SUPPLY)
        torques.append(bank.torque[0])
    assert torques == pytest.approx([-KT * 0.1 / 1.05, -KT / 1.5])


def test_encoder_reads_whole_ticks_with_its_offset():
    bank = make_bank(encoder_offset=0.1)
    position = np.array([0.3])
    assert bank.ticks(position)[0] == np.rint(2048 + 0.4 * 4096 / (2 * np.pi))
    assert bank.position_at(bank.ticks(position))[0] == pytest.approx(0.3, abs=np.pi / 4096)


def test_joint_reaches_its_goal_up_to_friction():
    joints = SingleJoints(NOMINAL, [2e-4])
    configure(joints.servos, d=200, current=0.5)
    track = run(joints, [0.5], 1.0)[:, 0]
    # what dry friction can hold against the proportional gain, and a tick
    band = COULOMB / 0.83 / (800 / 256 * 4096 / (2 * np.pi) / 885 * 5 / RESISTANCE * KT) + 0.0016
    assert abs(track[-1] - 0.5) < band
    assert track.max() < 0.6


def test_integral_gain_removes_the_error_under_load():
    errors = []
    for i_gain in (0, 2000):
        joints = SingleJoints(NOMINAL, [2e-4])
        configure(joints.servos, i=i_gain, d=200)
        errors.append(abs(run(joints, [0.3], 2.0, lambda t, q, v: np.full_like(q, -0.06))[-1, 0] - 0.3))
    assert errors[0] > 0.03
    assert errors[1] < 0.01


def test_back_emf_bounds_no_load_speed():
    joints = SingleJoints(NOMINAL, [2e-4])
    configure(joints.servos)
    track = run(joints, [40.0], 1.0)[:, 0]
    speed = (track[-1] - track[-101]) / (100 * DT)
    assert 0.8 * 5 / 0.371 < speed < 5 / 0.371


def test_without_torque_it_is_passive():
    joints = SingleJoints(NOMINAL, [2e-4])
    configure(joints.servos, enable=False)
    moved = run(joints, [1.0], 0.5)
    assert not moved.any()
    pushed = run(joints, [1.0], 0.3, lambda t, q, v: np.full_like(q, 0.05))
    assert pushed[-1, 0] > 0.5
    assert joints.servos.current[0] == 0.0
    assert joints.servos.duty[0] == 0.0


def test_a_working_servo_warms_up_and_weakens():
    bank = make_bank(thermal_time=100.0)
    configure(bank)
    torques = []
    for _ in range(2):
        bank.drive(np.zeros(1), np.array([4096.0]), SUPPLY)
        torques.append(bank.torque[0])
        bank.warm(10.0)
    assert bank.temperature[0] > 30
    assert torques[1] < 0.99 * torques[0]


def test_warmth_settles_where_losses_leave_the_case():
    bank = make_bank(thermal_time=100.0, thermal_resistance=20.0)
    configure(bank, current=0.5)
    bank.drive(np.zeros(1), np.array([4096.0]), SUPPLY)
    bank.warm(10.0)
    first = 20.0 * 0.25 * RESISTANCE
    assert bank.temperature[0] == pytest.approx(25.0 + 0.1 * first)
    for _ in range(200):
        bank.warm(10.0)
    rise = first / (1.0 - 0.0039 * first)  # as copper's resistance grows by 0.39 % per kelvin
    assert bank.temperature[0] == pytest.approx(25.0 + rise)
    assert bank.resistance[0] == pytest.approx(RESISTANCE * (1.0 + 0.0039 * rise))


def test_state_moves_a_servo_into_another_bank():
    first, second = SingleJoints(NOMINAL, [2e-4]), SingleJoints(NOMINAL, [2e-4])
    for joints in (first, second):
        configure(joints.servos, i=200, d=200)
    run(first, [0.5], 0.05)
    second.position[:], second.velocity[:] = first.position, first.velocity
    for mine, theirs in zip(second.servos.state(), first.servos.state(), strict=True):
        mine[...] = theirs
    second.servos.gearbox.note_free()
    assert (run(first, [-0.2], 0.2) == run(second, [-0.2], 0.2)).all()


def test_servos_of_a_bank_are_brought_to_rest_alone():
    joints = SingleJoints(NOMINAL, [2e-4, 2e-4])
    configure(joints.servos, i=200)
    run(joints, [0.5, 0.5], 0.05)
    moving = joints.servos.current[0], joints.servos.duty[0]
    joints.servos.rest(np.array([1]))
    assert (joints.servos.current[0], joints.servos.duty[0]) == moving
    assert joints.servos.current[1] == joints.servos.duty[1] == joints.servos.torque[1] == 0.0
    joints.servos.drive(np.zeros(2), np.full(2, 2048.0), SUPPLY)
    assert joints.servos.current[1] == 0.0


def test_servos_of_a_bank_are_independent():
    together = SingleJoints(ServoParameters(coulomb=np.array([0.004, 0.02])), [2e-4, 3e-4])
    configure(together.servos)
    both = run(together, [0.2, -0.4], 0.3)
    for i, (coulomb, inertia, goal) in enumerate([(0.004, 2e-4, 0.2), (0.02, 3e-4, -0.4)]):
        alone = SingleJoints(ServoParameters(coulomb=coulomb), [inertia])
        configure(alone.servos)
        assert np.array_equal(run(alone, [goal], 0.3)[:, 0], both[:, i])


def in_mode(mode, goal, seconds=0.5, *, external=still, current=np.inf, velocity_gains=(180, 1600)):
    """A servo after some time in another mode, from rest, and its speeds in units of the registers."""
    joints = SingleJoints(NOMINAL, [2e-4])
    p, i = velocity_gains
    joints.servos.configure(
        **{"p_gain": 800, "i_gain": 0, "d_gain": 200, "pwm_limit": PWM_FULL, "current_limit": current},
        **{"enable": True, "mode": mode, "velocity_p_gain": p, "velocity_i_gain": i},
    )
    speeds = []
    for _ in range(round(seconds / DT)):
        joints.step(np.array([float(goal)]), 5.0, external)
        speeds.append(joints.velocity[0] / VELOCITY_UNIT)
    return joints.servos, np.array(speeds)


@pytest.mark.parametrize("goal", [100, -250])
def test_velocity_mode_reaches_its_goal_under_load(goal):
    _, speeds = in_mode(1, goal, 1.5, external=lambda t, q, v: np.full_like(q, -0.03))
    assert np.abs(speeds[-200:] - goal).max() < 3


def test_velocity_gains_count():
    _, weak = in_mode(1, 200, external=lambda t, q, v: np.full_like(q, -0.03), velocity_gains=(180, 0))
    assert weak[-1] < 120, "without integral gain an error remains"


@pytest.mark.parametrize("goal", [300, -80])
def test_current_mode_lets_the_goal_current_flow(goal):
    servo, _ = in_mode(0, goal, external=lambda t, q, v: -50.0 * q - v)
    assert servo.current[0] == pytest.approx(goal / 1000)
    servo, _ = in_mode(0, goal, 0.01, current=0.05)
    assert servo.current[0] == pytest.approx(np.sign(goal) * 0.05), "but no more than the limit"


@pytest.mark.parametrize("goal", [442, -885, 0])
def test_pwm_mode_sets_the_duty(goal):
    servo, speeds = in_mode(16, goal)
    assert servo.duty[0] * PWM_FULL == pytest.approx(goal)
    assert np.sign(speeds[-1]) == np.sign(goal)


def test_modes_of_a_bank_are_independent():
    modes, goals = np.array([1, 3, 16, 0, 5]), np.array([150.0, 2300.0, 200.0, 100.0, 2000.0])
    bank = SingleJoints(NOMINAL, np.full(5, 2e-4))
    gains = {"p_gain": 800, "d_gain": 200, "pwm_limit": PWM_FULL, "enable": True}
    bank.servos.configure(i_gain=100, current_limit=0.4, mode=modes, velocity_p_gain=180, velocity_i_gain=1600, **gains)
    for _ in range(200):
        bank.step(goals, 5.0, still)
    for i, (mode, goal) in enumerate(zip(modes, goals, strict=True)):
        alone = SingleJoints(NOMINAL, [2e-4])
        alone.servos.configure(
            i_gain=100, current_limit=0.4, mode=mode, velocity_p_gain=180, velocity_i_gain=1600, **gains
        )
        for _ in range(200):
            alone.step(np.array([goal]), 5.0, still)
        assert alone.position[0] == bank.position[i]
