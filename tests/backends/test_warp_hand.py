"""Hands in MuJoCo Warp do what hands in C MuJoCo do; on Warp's CPU device, whose first compilation takes 40 s."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest
import torch

from dexndm_gym.backends.mujoco_hand import PUSH_DECAY, SUBSTEPS, MujocoHand
from dexndm_gym.backends.randomization import Randomization
from dexndm_gym.backends.warp_hand import WarpHand
from dexndm_gym.backends.warp_objects import ObjectTable, resolve
from dexndm_gym.constants import GRAVITY, PHYSICS_TIMESTEP
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.start_states import StartStates, load_starts
from dexndm_gym.hand.model import joint_indices
from dexndm_gym.hand.servo import SIM_SERVO
from dexndm_gym.objects.catalog import OBJECT_SETS, get_object
from dexndm_gym.objects.object_model import shape_code
from dexndm_gym.objects.object_slots import build_batch_model
from dexndm_gym.objects.scene import Scene
from dexndm_gym.objects.scene_model import build_spec

pytest.importorskip("mujoco_warp", reason="needs the extra gpu")

N = 8
EVERYTHING = Randomization(
    center_of_mass=0.005, armature=(0.8, 1.5), link_mass=(0.8, 1.3), delay=(0.0, 0.12), push_probability=0.5
)
NOTHING = Randomization(
    mass=(0.03, 0.03),
    friction=(1, 1),
    torsional_friction=(0.001, 0.001),
    stiffness=(1, 1),
    damping=(1, 1),
    frictionloss=(1, 1),
    push_scale=0.0,
)


def make(num_hands=N, objects=("cube",), **options):
    return WarpHand(num_hands, objects=objects, starts=options.pop("starts", load_starts()), device="cpu", **options)


def targets(hand, steps, seed=0):
    """Random walks of targets, (steps, n, 16)."""
    walk = np.random.default_rng(seed).uniform(-0.03, 0.03, (steps, hand.num_hands, 16)).cumsum(axis=0)
    return hand.start_target + torch.tensor(walk, dtype=torch.float32)


def first_of(name):
    """One state of an object that holds in every wrist, so that nothing is left to chance."""
    return dict(load_starts().of_object(name))[None][:1]


def same_start(hand, i):
    """A hand in C MuJoCo that starts as hand i does."""
    name = hand.objects[hand.object_index[i]]
    scale = hand.privileged()["size"][i, :1] / float(shape_code(get_object(name))[0])
    row = torch.cat([hand.position[i], hand.start_target[i], hand.object_pose[i], scale]).double().numpy()
    twin = MujocoHand(1, num_threads=1, starts=StartStates({(name, None): row[None]}))
    twin.reset(np.array([0]), [Scene(object=name, gravity=tuple(hand.gravity[i].tolist()))], np.random.default_rng(0))
    return twin


def assert_same(hand, twins, tolerance):
    states = [twin.state() for twin in twins]
    for name, factor in (("position", 1.0), ("object_pose", 1.0), ("velocity", 30.0), ("torque", 3.0)):
        expected = np.concatenate([getattr(state, name) for state in states])
        np.testing.assert_allclose(getattr(hand, name), expected, atol=factor * tolerance, err_msg=name)
    seen, known = hand.privileged(), [twin.privileged() for twin in twins]
    assert list(seen) == list(known[0])
    for name, value in seen.items():
        factor = 30.0 if "velocity" in name else 1.0
        expected = np.concatenate([each[name] for each in known])
        np.testing.assert_allclose(value, expected, atol=factor * tolerance, err_msg=name)


def apart(hand, twins):
    """Largest difference between joints of each hand and its twin, (n,), rad."""
    return np.abs(hand.position.numpy() - np.concatenate([twin.state().position for twin in twins])).max(axis=1)


def play_both(hand, steps=10):
    """Twins of all hands, after both have gone through the same targets."""
    twins = [same_start(hand, i) for i in range(hand.num_hands)]
    assert_same(hand, twins, 1e-6)
    for target in targets(hand, steps):
        hand.step(target)
        for twin, aim in zip(twins, target.double().numpy(), strict=True):
            twin.step(aim[None])
    assert not hand.worlds.overflow.any()
    return twins


def test_moves_as_c_mujoco_does():
    hand = make()
    twins = play_both(hand)
    assert_same(hand, twins, 5e-4)
    *others, farthest = np.sort(apart(hand, twins))  # one cube of eight: neither its solver's tolerance nor iterations
    assert max(others) < 3e-5
    assert np.median([*others, farthest]) < 1e-5


@pytest.mark.slow
@pytest.mark.timeout(900)  # the colliders of cylinders and ellipsoids take minutes to compile
def test_basic_objects_move_as_in_c_mujoco():
    hand = make(9, OBJECT_SETS["basic"])
    twins = play_both(hand)
    assert np.median(apart(hand, twins)) < 5e-5
    assert apart(hand, twins).max() < 5e-3  # single cylinders rest on contacts where C leaves itself as far


def test_too_little_room_shows_as_overflow():
    hand = make(rows=20)
    hand.step(hand.start_target)
    assert hand.worlds.overflow.any()


def test_options_of_the_solver_change_little():
    starts = StartStates({("cube", None): first_of("cube")})
    hands = [make(1, starts=starts, **options) for options in ({}, {"sparse": False}, {"deterministic": True})]
    for hand in hands:
        for target in targets(hand, 5):
            hand.step(target)
    for other in hands[1:]:
        np.testing.assert_allclose(other.position, hands[0].position, atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_nothing_waits_for_the_gpu():
    hand = WarpHand(64, objects=("cube",), starts=load_starts(), randomization=EVERYTHING)
    target, gravity = hand.start_target, hand.gravity
    hand.step(target)
    torch.cuda.set_sync_debug_mode("error")
    try:
        hand.step(target)
        hand.reset(hand.broken, hand.object_index, gravity)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert hand.nan_worlds == 0


def c_model(hand, i):
    """World i as a model of C MuJoCo."""
    container = ObjectTable(resolve(hand.objects), hand.device).container
    model = build_batch_model(build_spec(SIM_SERVO, timestep=PHYSICS_TIMESTEP, first_object=container))
    for name, field in hand.worlds.model.items():
        getattr(model, name)[:] = field[i].numpy().reshape(getattr(model, name).shape)
    mujoco.mj_setConst(model, mujoco.MjData(model))
    model.opt.gravity[:] = hand.gravity[i]
    return model


def test_randomized_worlds_move_as_c_mujoco_does():
    hand = make(4, randomization=EVERYTHING, seed=3)
    models = [c_model(hand, i) for i in range(4)]
    datas = [mujoco.MjData(model) for model in models]
    for i, data in enumerate(datas):
        data.qpos[:] = hand.worlds.qpos[i]
    for target in targets(hand, 10):
        hand.step(target)
        for i, (model, data) in enumerate(zip(models, datas, strict=True)):
            data.xfrc_applied[:] = hand.worlds.applied[i]
            for step in range(SUBSTEPS):
                data.ctrl[:] = hand.worlds.controls[step, i]
                mujoco.mj_step(model, data)
    assert hand.worlds.applied.any()
    # Held by fingertips alone, one world in some parts from its twin by as much as float32 makes of one contact.
    apart = np.abs(hand.worlds.qpos.numpy() - [data.qpos for data in datas]).max(axis=1)
    assert np.median(apart) < 3e-5
    assert apart.max() < 1e-3


def test_derived_constants_are_those_of_mujoco():
    hand = make(4, randomization=EVERYTHING)
    for i in range(4):
        model = c_model(hand, i)
        for name in ("body_invweight0", "dof_invweight0", "body_subtreemass"):
            seen = hand.worlds.model[name][i].numpy()
            np.testing.assert_allclose(seen, getattr(model, name), rtol=1e-5, atol=1e-7, err_msg=name)


def test_draws_fill_their_ranges():
    r, hand = EVERYTHING, make(256, randomization=EVERYTHING)
    fields, dofs = hand.worlds.model, joint_indices(c_model(hand, 0))[1]
    nominal = make(1).worlds.model
    seen = {
        "mass": fields["body_mass"][:, -1],
        "friction": fields["geom_friction"][:, -1, 0],
        "torsional_friction": fields["geom_friction"][:, -1, 1],
        "stiffness": fields["actuator_gainprm"][:, :, 0] / nominal["actuator_gainprm"][:, :, 0],
        "damping": fields["dof_damping"][:, dofs] / nominal["dof_damping"][:, dofs],
        "frictionloss": fields["dof_frictionloss"][:, dofs] / nominal["dof_frictionloss"][:, dofs],
        "armature": fields["dof_armature"][:, dofs] / nominal["dof_armature"][:, dofs],
        "link_mass": fields["body_mass"][:, 1:-1] / nominal["body_mass"][:, 1:-1],
    }
    assert (fields["actuator_biasprm"][:, :, 1] == -fields["actuator_gainprm"][:, :, 0]).all()
    for name, values in seen.items():
        low, high = getattr(r, name)
        width = high - low
        assert low - 1e-5 <= values.min() < low + 0.05 * width, name
        assert high - 0.05 * width < values.max() <= high + 1e-5, name
        assert values.mean() == pytest.approx((low + high) / 2, abs=0.06 * width), name
    centers = fields["geom_pos"][:, -1]
    assert 0.0045 < centers.abs().max() <= r.center_of_mass


def test_a_center_of_mass_moves_without_the_object():
    row = first_of("cube")
    hand = make(starts=StartStates({("cube", None): row}), randomization=replace(NOTHING, center_of_mass=0.01))
    off = hand.object_pose[:, :3] - torch.tensor(row[0, 32:35])
    assert 0.005 < off.norm(dim=1).max() < 0.018
    turn = np.empty(9)
    mujoco.mju_quat2Mat(turn, row[0, 35:39])
    geom = hand.object_pose[:, :3] + hand.worlds.model["geom_pos"][:, -1] @ torch.tensor(turn.reshape(3, 3).T).float()
    np.testing.assert_allclose(geom, np.broadcast_to(row[0, 32:35], (N, 3)), atol=1e-6)


def test_pushes_come_by_chance_and_decay():
    hand = make(256, randomization=EVERYTHING)
    forces = []
    hand.worlds.advance = lambda: None  # only what goes into the physics is of interest
    for _ in range(2):
        hand.step(hand.start_target)
        forces.append(hand.worlds.applied[:, -1, :3].clone())
    decayed = torch.isclose(forces[1], PUSH_DECAY * forces[0], rtol=1e-5, atol=0.0).all(dim=1)
    pushed = forces[0].any(dim=1)
    assert 0.4 < pushed.float().mean() < 0.6
    assert 0.4 < decayed[pushed].float().mean() < 0.6
    assert (forces[0][pushed] / hand.privileged()["mass"][pushed]).std() == pytest.approx(
        EVERYTHING.push_scale, rel=0.1
    )


SWITCHES = [
    {"mass": (0.05, 0.05)},
    {"friction": (0.3, 0.3)},
    {"stiffness": (0.7, 0.7)},
    {"damping": (2.0, 2.0)},
    {"frictionloss": (3.0, 3.0)},
    {"torsional_friction": (0.01, 0.01)},
    {"push_scale": 5.0},
    {"center_of_mass": 0.01},
    {"armature": (3.0, 3.0)},
    {"link_mass": (1.5, 1.5)},
    {"delay": (0.02, 0.02)},
]


def run(randomization, steps=8):
    hand = make(randomization=randomization)
    for target in targets(hand, steps):
        hand.step(target)
    return torch.cat([hand.position, hand.object_pose], dim=1)


@pytest.mark.parametrize("change", SWITCHES, ids=lambda change: next(iter(change)))
def test_each_switch_changes_the_physics(change):
    assert not np.allclose(run(NOTHING), run(replace(NOTHING, **change)), atol=1e-6)


@pytest.mark.parametrize(("delay", "still_steps"), [(0.0, 0), (0.04, 0), (0.05, 1), (0.12, 2)])
def test_a_delay_is_as_long_as_said(delay, still_steps):
    hands = [make(1, randomization=replace(NOTHING, delay=(delay, delay))) for _ in range(2)]
    differences = []
    for _ in range(4):
        for hand, change in zip(hands, (0.0, 0.2), strict=True):
            hand.step(hand.start_target + change)
        differences.append(float((hands[0].position - hands[1].position).abs().max()))
    assert np.count_nonzero(np.array(differences) == 0.0) == still_steps
    assert differences[-1] > 0.02


def test_an_object_is_the_same_alone():
    names = ("cube", "ball_40", "chair")
    starts = StartStates({(name, None): first_of(name) for name in names})

    def poses(objects, num_hands):
        hand = make(num_hands, objects, starts=starts)
        for change in np.linspace(0.0, 0.05, 10, dtype=np.float32):
            hand.step(hand.start_target + change)
        assert not hand.worlds.overflow.any()
        return hand.object_pose

    mixed = poses(names, 6)
    np.testing.assert_array_equal(mixed[:3], mixed[3:])
    for i, name in enumerate(names):
        np.testing.assert_allclose(poses((name,), 1)[0], mixed[i], atol=1e-6, err_msg=name)


def snapshot(hand):
    """Everything that belongs to a hand, by name."""
    worlds = hand.worlds
    state = {name: getattr(worlds, name) for name in ("qpos", "qvel", "warm_start", "actuator_force", "site_xpos")}
    own = {name: getattr(hand, name) for name in ("gravity", "start_target", "object_index")}
    return {name: value.clone() for name, value in (state | own | worlds.model | hand.privileged()).items()}


def test_a_masked_reset_touches_nothing_else():
    names = ("cube", "ball_40", "chair")
    hand = make(6, names, randomization=EVERYTHING)
    for target in targets(hand, 3):
        hand.step(target)
    before = snapshot(hand)
    mask = torch.tensor([False, True, False, False, True, False])
    gravity = torch.tensor([0.0, GRAVITY, 0.0]).expand(6, 3)
    hand.reset(mask, torch.full((6,), 2), gravity)
    after = snapshot(hand)
    for name, value in before.items():
        np.testing.assert_array_equal(after[name][~mask], value[~mask], err_msg=name)
    assert hand.object_index.tolist() == [0, 2, 2, 0, 2, 2]
    np.testing.assert_array_equal(hand.gravity[mask], gravity[mask])
    assert not hand.velocity[mask].any()
    assert (before["qpos"][mask] != after["qpos"][mask]).any(dim=1).all()


def test_reset_does_not_change_other_hands():
    hands = [make(4) for _ in range(2)]
    for hand in hands:
        for target in targets(hand, 3):
            hand.step(target)
    mask = torch.tensor([False, True, False, False])
    start_target = hands[0].start_target
    hands[1].reset(mask, hands[1].object_index, -hands[1].gravity)
    for hand in hands:
        hand.step(start_target)
    np.testing.assert_array_equal(hands[0].object_pose[~mask], hands[1].object_pose[~mask])


def test_gravity_pulls_each_world_its_own_way():
    hand = make(2, starts=StartStates({("cube", None): first_of("cube")}))
    hand.set_gravity(torch.tensor([[0.0, 0.0, -5.0 * GRAVITY], [0.0, 0.0, 5.0 * GRAVITY]]))
    for _ in range(5):
        hand.step(hand.start_target)
    assert hand.object_pose[1, 2] > hand.object_pose[0, 2] + 0.001


def test_diverging_world_is_counted_and_put_back():
    hands = [make(4) for _ in range(2)]
    start = hands[0].position
    hands[0].worlds.qpos[2, 5] = float("nan")
    for hand in hands:
        hand.step(hand.start_target)
    assert hands[0].broken.tolist() == [False, False, True, False]
    assert hands[0].nan_worlds == 1
    np.testing.assert_array_equal(hands[0].position[2], start[2])
    for hand in hands:
        for _ in range(3):
            hand.step(hand.start_target)
            assert not hand.broken.any()
    rest = [0, 1, 3]
    np.testing.assert_array_equal(hands[0].object_pose[rest], hands[1].object_pose[rest])
    assert (hands[0].object_pose[2, :3] - hands[1].object_pose[2, :3]).norm() < 0.002
    assert all(value.isfinite().all() for value in hands[0].privileged().values())


@pytest.mark.parametrize(("objects", "match"), [((), "at least one"), (("none",), "empty"), (("cub",), "cube")])
def test_objects_that_cannot_be_simulated_are_refused(objects, match):
    with pytest.raises(ConfigurationError, match=match):
        make(1, objects)


def test_same_seed_gives_the_same_draws():
    first, second, other = (make(4, randomization=EVERYTHING, seed=seed).privileged() for seed in (1, 1, 2))
    np.testing.assert_array_equal(first["mass"], second["mass"])
    assert (first["mass"] != other["mass"]).any()
