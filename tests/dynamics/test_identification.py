import numpy as np
import pytest
from scipy.optimize import least_squares as scipy_least_squares

from dexndm_gym.backends.virtual_hand import VirtualHand
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.dynamics.identification import identify_joints, typical_joints
from dexndm_gym.dynamics.joint_physics import PARAMETERS, JointPhysics, advance
from dexndm_gym.dynamics.least_squares import least_squares
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.hand.servo import SIM_SERVO
from dexndm_gym.objects.scene import Scene
from dexndm_gym.virtual_hand.parameters import HandParameters, ServoParameters

TRUTH = np.array([[1.1, 0.05, 0.01, 0.0, 0.0, 0.0], [0.45, 0.02, 0.02, 0.02, 0.03, 0.02]])
TICK = 2 * np.pi / 4096


def motion(table: np.ndarray, seed: int, ticks: int = 400, disturbed: float = 0.0) -> Trajectory:
    """Joints that follow random commands; in a share of the periods something pushes them away."""
    rng = np.random.default_rng(seed)
    joints = JointPhysics.from_table(table)
    changes = rng.random((ticks, len(table))) < 0.3
    command = np.cumsum(np.where(changes, rng.normal(0, 0.08, changes.shape), 0.0), axis=0)
    command = 0.3 * np.sin(command)
    position = velocity = np.zeros((len(table), 1))
    positions, last = [position[:, 0]], np.zeros((len(table), 1))
    for now in command:
        position, velocity = advance(joints, position, velocity, last, now[:, None])
        position = position + np.where(rng.random(position.shape) < disturbed, 0.05, 0.0)
        positions.append(position[:, 0])
        last = now[:, None]
    return Trajectory(np.round(np.array(positions) / TICK) * TICK, command)


@pytest.mark.parametrize("disturbed", [0.0, 0.01])
def test_parameters_are_found_despite_encoder_and_disturbances(disturbed: float) -> None:
    found = identify_joints([motion(TRUTH, seed, disturbed=disturbed) for seed in range(12 if disturbed else 6)])
    tolerance = 2 if disturbed else 1
    for name, allowed in (("stiffness", 0.03), ("damping", 0.05), ("friction", 0.1)):
        column = PARAMETERS.index(name)
        np.testing.assert_allclose(found[:, column], TRUTH[:, column], rtol=tolerance * allowed, err_msg=name)
    np.testing.assert_allclose(found[:, 3], TRUTH[:, 3], atol=tolerance * 0.001)
    np.testing.assert_allclose(found[:, 5], TRUTH[:, 5], atol=tolerance * 0.002)


def test_identification_tells_weak_servos_from_strong() -> None:
    weakening = np.linspace(1.0, 2.5, NUM_JOINTS)
    weak = HandParameters(servos=ServoParameters(resistance=2.98 * weakening))
    nominal, changed = (
        identify_joints(wiggle(VirtualHand([hand] * 24)))[:, 0] for hand in (HandParameters.nominal(), weak)
    )
    np.testing.assert_allclose(changed / nominal, 1 / weakening, rtol=0.25)
    assert np.corrcoef(changed / nominal, 1 / weakening)[0, 1] > 0.95


def wiggle(hand: VirtualHand) -> list[Trajectory]:
    """Every joint of empty hands about the start pose, within reach of nothing."""
    rng = np.random.default_rng(0)
    hand.reset(np.arange(hand.num_hands), [Scene(object="none")] * hand.num_hands, rng)
    positions, commands, offset = [hand.state().position], [], np.zeros((hand.num_hands, NUM_JOINTS))
    for _ in range(200):
        offset = np.where(rng.random(offset.shape) < 0.15, rng.normal(0, 0.06, offset.shape), offset)
        commands.append(START_POSE + offset)
        hand.step(commands[-1])
        positions.append(hand.state().position)
    return [Trajectory(np.array(positions)[:, i], np.array(commands)[:, i]) for i in range(hand.num_hands)]


def test_a_joint_settles_where_torques_balance() -> None:
    joints = JointPhysics.from_table(np.array([[1.0, 0.05, 0.0, 0.05, 0.25, 0.0]]))
    position = velocity = np.zeros((1, 1))
    command = np.full((1, 1), 0.1)
    for _ in range(40):
        position, velocity = advance(joints, position, velocity, command, command)
    assert position[0, 0] == pytest.approx((1.0 * 0.1 + 0.05) / (1.0 + 0.25), abs=1e-6)


def test_friction_holds_and_pull_is_limited() -> None:
    held = JointPhysics.from_table(np.array([[1.0, 0.05, 0.03, 0.0, 0.0, 0.0]]))
    rest, near = np.zeros((1, 1)), np.full((1, 1), 0.029)
    assert advance(held, rest, rest, near, near)[0] == 0.0
    far, farther = (np.full((1, 1), 2 * SIM_SERVO.torque_limit + distance) for distance in (0.0, 3.0))
    assert advance(held, rest, rest, far, far)[0] == advance(held, rest, rest, farther, farther)[0]


def test_a_delayed_command_acts_late() -> None:
    prompt, late = (JointPhysics.from_table(np.array([[1.0, 0.05, 0.0, 0.0, 0.0, delay]])) for delay in (0.0, 0.025))
    rest, command = np.zeros((1, 1)), np.full((1, 1), 0.1)
    moved = [advance(joints, rest, rest, rest, command)[0].item() for joints in (prompt, late)]
    assert 0.0 < moved[1] < 0.6 * moved[0]


def test_short_recordings_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"at least 0\.55 s"):
        identify_joints([motion(typical_joints(2), 0, ticks=10)])


def test_least_squares_agrees_with_scipy_and_ignores_outliers() -> None:
    rng = np.random.default_rng(1)
    times = np.linspace(0, 3, 80)
    truth = np.array([[1.0, 0.7], [2.0, 1.3], [0.5, 0.2]])
    measured = truth[:, :1] * np.exp(-truth[:, 1:] * times) + rng.normal(0, 0.01, (3, 80))
    measured[:, ::20] += 1.0

    def residuals(points: np.ndarray) -> np.ndarray:
        return points[..., :1] * np.exp(-points[..., 1:] * times) - measured

    found = least_squares(residuals, np.ones((3, 2)), error_scale=0.05, iterations=40)
    np.testing.assert_allclose(found, truth, rtol=0.05)
    for problem in range(3):
        theirs = scipy_least_squares(
            lambda point, problem=problem: residuals(point[None, None])[0, problem],
            [1.0, 1.0],
            loss="cauchy",
            f_scale=0.05,
        )
        np.testing.assert_allclose(found[problem], theirs.x, rtol=0.01)


@pytest.mark.parametrize(("beliefs", "expected"), [(1, 0.0), (0, 10.0)])
def test_a_belief_is_no_outlier(beliefs: int, expected: float) -> None:
    def residuals(points: np.ndarray) -> np.ndarray:
        return np.concatenate((points - 10.0, points), axis=-1)  # one error, and the distance from what is believed

    found = least_squares(residuals, np.full((1, 1), 9.0), error_scale=1.0, iterations=60, beliefs=beliefs)
    assert found[0, 0] == pytest.approx(expected, abs=0.5)
