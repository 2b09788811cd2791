import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from dexndm_gym.task.quaternions import angular_velocity, conjugate, multiply, rotate, rotation_vector

finite = st.floats(-1, 1)
quaternions = (
    arrays(np.float64, 4, elements=finite)
    .filter(lambda q: np.linalg.norm(q) > 0.1)
    .map(lambda q: q / np.linalg.norm(q))
)
vectors = arrays(np.float64, 3, elements=st.floats(-2, 2))


def scipy_rotation(q):
    return Rotation.from_quat(np.roll(q, -1))


@given(quaternions, quaternions, vectors)
def test_product_and_rotation_agree_with_scipy(a, b, v):
    np.testing.assert_allclose(rotate(multiply(a, b), v), (scipy_rotation(a) * scipy_rotation(b)).apply(v), atol=1e-9)


@given(quaternions, vectors)
def test_conjugate_undoes(q, v):
    np.testing.assert_allclose(rotate(conjugate(q), rotate(q, v)), v, atol=1e-9)


@given(quaternions)
def test_both_signs_are_the_same_turn(q):
    if abs(q[0]) > 1e-6:  # half a turn has two equally good axes
        np.testing.assert_allclose(rotation_vector(q), rotation_vector(-q), atol=1e-9)


@given(vectors.filter(lambda v: 1e-9 < np.linalg.norm(v) < 2.0), quaternions)
def test_angular_velocity_recovers_a_constant_turn(omega, start):
    x, y, z, w = Rotation.from_rotvec(omega * 0.05).as_quat()
    after = multiply(np.array([w, x, y, z]), start)
    np.testing.assert_allclose(angular_velocity(start, after, 0.05), omega, atol=1e-6)


def test_no_turn_is_exactly_zero():
    q = np.array([[1.0, 0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(angular_velocity(q, q, 0.05), np.zeros((1, 3)))
