import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dexndm_gym.task.quaternions import angular_velocity, conjugate, multiply, rotate, rotation_vector, turn

finite = st.floats(-1, 1)
quaternions = (
    st.tuples(finite, finite, finite, finite)
    .filter(lambda q: np.linalg.norm(q) > 0.1)
    .map(lambda q: tuple((np.array(q) / np.linalg.norm(q)).tolist()))
)
vectors = st.tuples(*[st.floats(-2, 2)] * 3)


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
        opposite = tuple(-number for number in q)
        np.testing.assert_allclose(rotation_vector(q), rotation_vector(opposite), atol=1e-9)


@given(vectors.filter(lambda v: np.linalg.norm(v) > 1e-3), st.floats(-3.0, 3.0))
def test_a_turn_has_its_axis_and_angle(v, angle):
    axis = tuple((np.array(v) / np.linalg.norm(v)).tolist())
    np.testing.assert_allclose(rotation_vector(turn(axis, angle)), np.multiply(angle, axis), atol=1e-9)


@given(vectors.filter(lambda v: 1e-9 < np.linalg.norm(v) < 2.0), quaternions)
def test_angular_velocity_recovers_a_constant_turn(omega, start):
    x, y, z, w = Rotation.from_rotvec(np.multiply(omega, 0.05)).as_quat().tolist()
    after = multiply((w, x, y, z), start)
    np.testing.assert_allclose(angular_velocity(start, after, 0.05), omega, atol=1e-6)


def test_no_turn_is_exactly_zero():
    q = (1.0, 0.0, 0.0, 0.0)
    assert angular_velocity(q, q, 0.05) == (0.0, 0.0, 0.0)
