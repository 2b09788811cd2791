"""Hands in Isaac Gym against MuJoCo's: the worker as it is, on a stand-in for Isaac Gym that has MuJoCo for physics."""

import numpy as np
import pytest
from isaacgym_in_process import InProcess, make

from dexndm_gym.backends.backend import SimulatedBackend
from dexndm_gym.backends.isaacgym_hand import IsaacGymHand
from dexndm_gym.backends.isaacgym_plan import SIZES, Plan
from dexndm_gym.backends.mujoco_hand import MujocoHand
from dexndm_gym.backends.randomization import Randomization
from dexndm_gym.backends.registry import BackendRequest
from dexndm_gym.errors import ConfigurationError, SimulationDivergedError, SimulatorError
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.grasps.start_states import StartStates, load_starts, palm_rest_rows
from dexndm_gym.hand.kinematics import Fingertips
from dexndm_gym.hand.servo import SIM_SERVO
from dexndm_gym.objects.catalog import OBJECTS
from dexndm_gym.objects.geoms import Hull
from dexndm_gym.objects.object_model import RotatableObject, primitive
from dexndm_gym.objects.scene import Scene

SIX = np.concatenate([np.eye(3), -np.eye(3)])
"""Directions of gravity in the hand frame."""

WEIGHTLESS = Scene(object="cube", gravity=(0.0, 0.0, -1e-9))
EMPTY = Scene(object="none")
NOTHING = Randomization(
    mass=(0.03, 0.03), friction=(1, 1), stiffness=(1, 1), damping=(1, 1), frictionloss=(1, 1), push_scale=0.0
)


def hands(num_hands=2, objects=("cube",), **options):
    randomization = options.pop("randomization", None)
    return make(BackendRequest(num_hands=num_hands, objects=objects, randomization=randomization), **options)


def begin(hand, scenes, seed=0):
    return hand.reset(np.arange(len(scenes)), scenes, np.random.default_rng(seed))


def let_go(randomization=None, num_hands=6):
    """Hands whose cube starts half a meter away from them."""
    pose = np.array([[0.4, 0.0, 0.3, 0.5, 0.5, -0.5, 0.5]])
    starts = StartStates({("cube", None): palm_rest_rows(START_POSE[None], pose, np.ones(1))})
    worker = InProcess(num_hands)
    return IsaacGymHand(worker, objects=["cube"], starts=starts, randomization=randomization, device="cpu"), pose[0]


def test_it_is_a_simulated_hand():
    assert isinstance(hands(1), SimulatedBackend)


def test_empty_hand_moves_as_in_mujoco():
    hand, reference, rng = hands(1, ("none",)), MujocoHand(1, num_threads=1), np.random.default_rng(3)
    scene = Scene(object="none", gravity=(5.9, 0.0, -7.8))
    target, apart, moved = START_POSE[None].copy(), [], []
    for one in (hand, reference):
        begin(one, [scene])
        for _ in range(15):  # until it no longer matters where they started
            one.step(target)
    for _ in range(30):
        target = target + rng.uniform(-0.15, 0.15, (1, 16))
        hand.step(target)
        reference.step(target)
        apart.append(hand.state().position - reference.state().position)
        moved.append(reference.state().position)
    assert np.ptp(moved, axis=0).mean() > 0.5
    assert np.abs(apart).max() < 0.035
    assert np.sqrt(np.square(apart).mean()) < 0.01


def test_loaded_joint_sticks_as_dry_friction_has_it():
    hand = hands(1, ("none",))
    begin(hand, [EMPTY])
    for _ in range(40):
        hand.step(START_POSE[None])
    rest = hand.state()
    for _ in range(20):
        hand.step(START_POSE[None])
    assert np.abs(hand.state().position - rest.position).max() < 2e-4
    assert np.abs(rest.torque).max() > 0.005, "something is held"


def test_objects_fall_along_gravity_of_each_wrist():
    hand, pose = let_go()
    begin(hand, [Scene(object="cube", gravity=tuple(9.81 * way)) for way in SIX])
    np.testing.assert_allclose(hand.state().object_pose, np.tile(pose, (6, 1)), atol=1e-6)
    for _ in range(2):
        hand.step(np.tile(START_POSE, (6, 1)))
    fallen = hand.state().object_pose - pose
    steps, dt = 12, 0.05 / 6
    np.testing.assert_allclose(fallen[:, :3], 9.81 * dt**2 * steps * (steps + 1) / 2 * SIX, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(fallen[:, 3:], 0.0, atol=1e-4)
    np.testing.assert_allclose(hand.privileged()["object_velocity"][:, :3], 9.81 * 0.1 * SIX, rtol=1e-3, atol=1e-5)


def test_objects_fall_another_way_once_the_wrist_has_turned():
    hand, _ = let_go(num_hands=2)
    begin(hand, [WEIGHTLESS] * 2)
    hand.turn(np.array([1]), np.array([[0.0, 9.81, 0.0]]))
    hand.step(np.tile(START_POSE, (2, 1)))
    speed = hand.privileged()["object_velocity"][:, :3]
    np.testing.assert_allclose(speed, [[0.0, 0.0, 0.0], [0.0, 9.81 * 0.05, 0.0]], atol=1e-3)


def test_push_is_a_share_of_mass_whatever_that_is():
    hand, _ = let_go(Randomization(mass=(0.01, 0.1), push_scale=5.0, push_probability=1.0), num_hands=24)
    masses = hand.privileged()["mass"]
    assert np.ptp(masses) == 0.0 == masses[0], "no object is held yet"
    begin(hand, [WEIGHTLESS] * 24)
    hand.step(np.tile(START_POSE, (24, 1)))
    speed = hand.privileged()["object_velocity"][:, :3]
    assert 5.0 * 0.05 * 0.7 < speed.std() < 5.0 * 0.05 * 1.3
    assert np.ptp(hand.privileged()["mass"]) > 0.05


def test_push_ends_with_its_episode():
    hand, _ = let_go(NOTHING, num_hands=2)
    hand._push[:] = 1.0
    hand.reset(np.array([1]), [WEIGHTLESS], np.random.default_rng(0))
    hand.step(np.tile(START_POSE, (2, 1)))
    assert (hand._worker.arrays["push"] > 0.5).all(axis=1).tolist() == [True, False]


def test_turning_is_told_in_the_frame_of_the_object():
    hand, _ = let_go(num_hands=1)
    begin(hand, [WEIGHTLESS])
    hand._worker.arrays["object_velocity"][0, 3:] = 1.0, 2.0, 3.0
    # the object's x, y and z point along the hand's z, -x and -y
    np.testing.assert_allclose(hand.privileged()["object_velocity"][0, 3:], [3.0, -1.0, -2.0], atol=1e-6)


def test_starts_hold_their_objects_in_six_wrists():
    hand = hands(6, ("cube", "cylinder"))
    names = ("cube", "cylinder") * 3
    target = begin(hand, [Scene(object=name, gravity=tuple(9.81 * way)) for name, way in zip(names, SIX, strict=True)])
    start = hand.state().object_pose
    for _ in range(10):
        hand.step(target)
    assert np.linalg.norm(hand.state().object_pose[:, :3] - start[:, :3], axis=1).max() < 0.02


def test_state_after_reset_is_the_start_at_once():
    hand = hands(3, ("cube", "ball_40"))
    target = begin(hand, [Scene(object="cube"), EMPTY, Scene(object="ball_40")])
    state = hand.state()
    assert np.abs(state.position - target).max() < 0.3
    np.testing.assert_array_equal(state.velocity, 0.0)
    np.testing.assert_array_equal(state.object_pose[1, :3], [0.0, 0.0, -0.5])
    np.testing.assert_allclose(np.linalg.norm(state.object_pose[:, 3:], axis=1), 1.0, atol=1e-6)
    stiffness = np.array(SIM_SERVO.stiffness)
    expected = np.clip(stiffness * (target - state.position), -SIM_SERVO.torque_limit, SIM_SERVO.torque_limit)
    np.testing.assert_allclose(state.torque, expected, atol=1e-6)


def test_only_hands_that_begin_are_moved():
    hand, pose = let_go(num_hands=3)
    begin(hand, [Scene(object="cube")] * 3)
    hand.step(np.tile(START_POSE - 0.2, (3, 1)))
    before = hand.state()
    hand.reset(np.array([1]), [Scene(object="cube")], np.random.default_rng(0))
    after = hand.state()
    np.testing.assert_allclose(after.object_pose[1], pose, atol=1e-6)
    for mine, theirs in zip(after[:3], before[:3], strict=True):
        np.testing.assert_array_equal(mine[[0, 2]], theirs[[0, 2]])
    hand.step(np.tile(START_POSE - 0.2, (3, 1)))
    depths = hand.state().object_pose[:, 2]
    assert depths[0] == depths[2] < depths[1] - 0.02


def test_state_is_not_a_view_of_shared_memory():
    hand = hands(1)
    target = begin(hand, [Scene(object="cube")])
    before = hand.state()
    kept = [np.array(value) for value in before[:3]]
    hand.step(target + 0.3)
    for value, copy in zip(before[:3], kept, strict=True):
        np.testing.assert_array_equal(value, copy)


def test_same_seed_gives_the_same_motion():
    def run():
        hand = hands(2, ("cube", "cylinder"), randomization=Randomization())
        target = begin(hand, [Scene(object="cube"), Scene(object="cylinder")], seed=5)
        for _ in range(5):
            hand.step(target)
        return np.hstack([hand.state().position, hand.state().object_pose])

    np.testing.assert_array_equal(run(), run())


@pytest.mark.parametrize(
    "change",
    [
        {"mass": (0.09, 0.09)},
        {"friction": (0.1, 0.1)},
        {"stiffness": (0.6, 0.6)},
        {"damping": (2.0, 2.0)},
        {"frictionloss": (3.0, 3.0)},
        {"push_scale": 20.0},
        {"armature": (3.0, 3.0)},
        {"link_mass": (1.5, 1.5)},
        {"delay": (0.03, 0.03)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_randomization_changes_the_physics(change):
    def run(randomization):
        hand = hands(1, ("cube",), randomization=randomization)
        target = begin(hand, [Scene(object="cube")])
        for _ in range(4):
            hand.step(target + 0.25)
        return np.hstack([hand.state().position, hand.state().object_pose])

    assert not np.allclose(run(NOTHING), run(Randomization(**(vars(NOTHING) | change))), atol=1e-5)


@pytest.mark.parametrize(("delay", "still_steps"), [(0.0, 0), (0.04, 0), (0.05, 1), (0.12, 2)])
def test_delay_is_as_long_as_it_is_said_to_be(delay, still_steps):
    late = Randomization(**(vars(NOTHING) | {"delay": (delay, delay)}))
    pair = [hands(1, ("none",), randomization=late) for _ in range(2)]
    targets = [begin(hand, [EMPTY]) for hand in pair]
    differences = []
    for _ in range(4):
        for hand, target, change in zip(pair, targets, (0.0, 0.2), strict=True):
            hand.step(target + change)
        differences.append(np.abs(pair[0].state().position - pair[1].state().position).max())
    assert np.count_nonzero(np.array(differences) == 0.0) == still_steps


def test_sizes_differ_between_hands_and_starts_fit_them():
    plan = Plan(4, [OBJECTS["cube"], OBJECTS["duck"]], load_starts(), None, np.random.default_rng(0))
    assert len(set(plan.size[:3, 0])) == len(SIZES)
    np.testing.assert_array_equal(plan.size[0], plan.size[3])
    for i in range(3):
        rows = np.concatenate([rows for _, rows in plan.starts_of(i).of_object("cube")])
        assert len(rows) >= 8
        assert np.abs(rows[:, -1] - plan.size[i, 0]).max() <= 0.005
    assert all(len(rows) >= 4 for _, rows in plan.starts_of(0).of_object("duck"))


def test_privileged_state_names_are_those_of_mujoco():
    hand, reference = hands(2), MujocoHand(2, num_threads=1)
    for one in (hand, reference):
        begin(one, [Scene(object="cube"), Scene(object="cube", gravity=(0.0, 9.81, 0.0))])
    ours, theirs = hand.privileged(), reference.privileged()
    assert {name: value.shape for name, value in ours.items()} == {name: value.shape for name, value in theirs.items()}
    for name in ("gravity", "shape", "stiffness", "frictionloss", "friction", "mass"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-6, err_msg=name)
    tips = Fingertips().positions(hand.state().position) - hand.state().object_pose[:, None, :3]
    np.testing.assert_allclose(ours["fingertips"], tips.reshape(2, 12), atol=1e-9)


def test_state_that_is_not_finite_is_reported():
    hand = hands(2)
    begin(hand, [Scene(object="cube")] * 2)
    hand._worker.sims[0].worlds[1].root = lambda _: np.full(13, np.nan)
    with pytest.raises(SimulationDivergedError, match="1 of 2"):
        hand.step(np.tile(START_POSE, (2, 1)))


def test_importer_that_reads_other_masses_is_noticed():
    with pytest.raises(SimulatorError, match="read other links"):
        hands(1, edit=lambda text: text.replace('"link_mass": mass,', '"link_mass": [1.1 * one for one in mass],'))


BRICK = primitive("brick", "box", (0.05, 0.05, 0.05))
CORNERS = ((0.02, 0.0, 0.0), (-0.02, 0.0, 0.0), (0.0, 0.02, 0.0), (0.0, 0.0, 0.02))
STONE = RotatableObject(name="stone", geoms=(Hull(vertices=CORNERS, content=1e-6, moments=(1e-4,) * 3),), mass=0.02)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"randomization": Randomization(center_of_mass=0.01)}, "center_of_mass=0, got 0.01"),
        ({"objects": ["no_such_object"]}, "no_such_object"),
        ({"objects": [BRICK]}, "brick.*dexndm grasps"),
        ({"objects": ["cube", STONE]}, "hulls.*: stone"),
        ({"device": "gpu"}, "got 'gpu'"),
    ],
)
def test_what_cannot_be_is_refused_and_ends_the_worker(options, said, monkeypatch):
    ended = []
    monkeypatch.setattr(InProcess, "close", lambda self: ended.append(self))
    with pytest.raises(ConfigurationError, match=said):
        IsaacGymHand(InProcess(1), **({"objects": ["cube"], "starts": load_starts(), "device": "cpu"} | options))
    assert len(ended) == 1


def test_object_that_was_not_named_is_refused():
    hand = hands(1)
    with pytest.raises(ConfigurationError, match="without this object 'ball_40'"):
        begin(hand, [Scene(object="ball_40")])
    with pytest.raises(ConfigurationError, match="without this object 'cube'"):
        begin(hand, [Scene(object="cube", item=primitive("cube", "box", (0.05, 0.05, 0.05)))])
