import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.spatial.transform import Rotation

from dexndm_gym.errors import FileFormatError, ModelMismatchError
from dexndm_gym.training.policy import StudentPolicy, load_policy
from dexndm_gym.training.teacher_policy import TeacherPolicy, load_teacher


@pytest.fixture
def policy():
    torch.manual_seed(0)
    return StudentPolicy((8,)).eval()


def test_saved_policies_answer_bit_for_bit(policy, tmp_path):
    observations = np.random.default_rng(0).normal(size=(5, 327)).astype(np.float32)
    policy.save(tmp_path / "p.safetensors")
    np.testing.assert_array_equal(
        load_policy(tmp_path / "p.safetensors").predict(observations)[0], policy.predict(observations)[0]
    )


def test_policies_of_the_hands_axes_turn_about_the_nearest(tmp_path):
    torch.manual_seed(0)
    StudentPolicy((8,), hand_axes=True).save(tmp_path / "p.safetensors")
    policy, plain = load_policy(tmp_path / "p.safetensors"), StudentPolicy((8,))
    plain.load_state_dict(policy.state_dict())
    rng = np.random.default_rng(0)
    observations = rng.normal(size=(60, 327)).astype(np.float32)
    wrists = Rotation.random(60, random_state=1)
    observations[:, 320:324] = wrists.as_quat(scalar_first=True)
    wanted = np.repeat(np.concatenate([np.eye(3), -np.eye(3)]), 10, axis=0)
    observations[:, 324:] = wrists.apply(wanted)
    exact = plain.predict(observations)[0]
    beside = wanted + rng.uniform(-0.45, 0.45, size=(60, 3))
    observations[:, 324:] = wrists.apply(beside / np.linalg.norm(beside, axis=1, keepdims=True))
    np.testing.assert_allclose(policy.predict(observations)[0], exact, atol=1e-5)
    observations[:, 324:] = wrists.apply(np.roll(wanted, 10, axis=0))
    assert (np.abs(policy.predict(observations)[0] - exact).max(axis=1) > 1e-3).all()


def test_one_observation_is_a_batch_of_one(policy):
    observations = np.random.default_rng(0).normal(size=(3, 327)).astype(np.float32)
    single = np.stack([policy.predict(o)[0] for o in observations])
    np.testing.assert_allclose(single, policy.predict(observations)[0], atol=1e-6)


def test_actions_stay_in_the_action_space(policy):
    action, state = policy.predict(np.full(327, 1e4, dtype=np.float32))
    assert np.abs(action).max() <= 1.0
    assert state is None


@pytest.mark.parametrize("shape", [(326,), (2, 328), (1, 1, 327), ()])
def test_other_observations_are_refused(policy, shape):
    with pytest.raises(ModelMismatchError, match="327"):
        policy.predict(np.zeros(shape, dtype=np.float32))


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="dexndm train"):
        load_policy(tmp_path / "none.safetensors")


def test_text_is_no_policy(tmp_path):
    (tmp_path / "p.safetensors").write_text("not a policy")
    with pytest.raises(FileFormatError, match="not a policy"):
        load_policy(tmp_path / "p.safetensors")


def test_a_teacher_is_no_policy(tmp_path):
    TeacherPolicy(327, (8,)).save(tmp_path / "teacher.safetensors")
    with pytest.raises(FileFormatError, match="dexndm distill"):
        load_policy(tmp_path / "teacher.safetensors")


def test_weights_of_another_shape_are_refused(policy, tmp_path):
    weights = policy.state_dict()
    weights["network.0.weight"] = torch.zeros(8, 99)
    save_file(weights, tmp_path / "p.safetensors", {"kind": "dexndm_gym.student_policy", "width": "[8]"})
    with pytest.raises(FileFormatError, match="do not fit"):
        load_policy(tmp_path / "p.safetensors")


@pytest.mark.parametrize("network", [StudentPolicy((8,)), TeacherPolicy(3, (8,))], ids=["policy", "teacher"])
def test_weights_that_are_not_finite_are_refused(network, tmp_path) -> None:
    with torch.no_grad():
        next(network.parameters())[0] = torch.nan
    network.save(tmp_path / "p.safetensors")
    load = load_policy if isinstance(network, StudentPolicy) else load_teacher
    with pytest.raises(FileFormatError, match="not finite"):
        load(tmp_path / "p.safetensors")


def test_what_never_varied_is_silent() -> None:
    teacher = TeacherPolicy(3, (8,))
    teacher.normalize_by(torch.tensor([0.0, 5.0, 0.0]), torch.tensor([1.0, 1e-4, 0.5]))
    seen = np.array([[0.3, 5.0, -0.2], [0.3, 6.0, -0.2], [0.3, 5.0, 0.4]], dtype=np.float32)
    usual, other, varied = teacher.predict(seen)[0]
    np.testing.assert_allclose(other, usual, atol=1e-2)
    assert np.abs(varied - usual).max() > 1e-2
