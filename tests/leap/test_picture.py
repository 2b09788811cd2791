import mujoco
import numpy as np
import pytest

from dexndm_gym.leap.grasps import CUP_CENTRE, START_POSE
from dexndm_gym.leap.picture import HandPainter
from dexndm_gym.leap.rays import cast

POSE = np.array([*CUP_CENTRE, 1.0, 0.0, 0.0, 0.0])
SHAPES = {"box": [0.02, 0.03, 0.05], "sphere": [0.04, 0, 0], "capsule": [0.02, 0.03, 0], "cylinder": [0.03, 0.04, 0]}
SHAPES["ellipsoid"] = [0.02, 0.03, 0.05]


@pytest.mark.parametrize("shape", SHAPES)
def test_rays_meet_shapes_where_mujocos_do(shape: str) -> None:
    size = SHAPES[shape]
    model = mujoco.MjModel.from_xml_string(
        f"<mujoco><worldbody><geom type='{shape}' size='{' '.join(map(str, size))}'/></worldbody></mujoco>"
    )
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    rng = np.random.default_rng(0)
    origin = np.array([0.2, -0.1, 0.15])
    rays = rng.uniform(-0.06, 0.06, (200, 3)) - origin
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    expected = np.array([mujoco.mj_ray(model, data, origin, ray, None, 1, -1, np.zeros(1, np.int32)) for ray in rays])
    single = (np.array(values, dtype=np.float32) for values in (size, origin, rays.T))
    distance, normal_at = cast(f"mjGEOM_{shape.upper()}", *single)
    np.testing.assert_allclose(np.where(np.isfinite(distance), distance, -1.0), expected, atol=1e-4)
    seen = np.isfinite(distance)
    assert 20 < seen.sum() < 200
    points = (origin[:, None] + distance * rays.T)[:, seen].astype(np.float32)
    assert (np.sum(normal_at(points) * rays.T[:, seen], axis=0) < 1e-3).all(), "a surface that is seen faces the eye"


def test_shows_where_the_object_is_and_how_it_is_turned() -> None:
    painter = HandPainter(width=80, height=60)
    empty = painter.draw(START_POSE, None, "cube")
    lying = painter.draw(START_POSE, POSE, "cube")
    turned = painter.draw(START_POSE, np.array([*CUP_CENTRE, np.cos(0.2), 0, 0, np.sin(0.2)]), "cube")
    assert lying.shape == (60, 80, 3)
    assert lying.dtype == np.uint8
    changed = np.argwhere((lying != empty).any(axis=2))
    assert len(changed) > 200
    assert (np.abs(changed.mean(axis=0) - (30, 40)) < 12).all(), "the cupped hand is in the middle of the picture"
    assert (turned != lying).any(axis=2).sum() > 50
    np.testing.assert_array_equal(painter.draw(START_POSE, POSE, "cube"), lying)


def test_moves_with_the_joints() -> None:
    painter = HandPainter(width=80, height=60)
    assert (painter.draw(START_POSE, POSE, "cylinder") != painter.draw(np.zeros(16), POSE, "cylinder")).any()


def test_a_lost_object_is_no_error() -> None:
    painter = HandPainter(width=40, height=30)
    far = np.array([0.19, -0.24, 0.60, 1.0, 0.0, 0.0, 0.0])
    np.testing.assert_array_equal(painter.draw(START_POSE, far, "cube"), painter.draw(START_POSE, None, "cube"))
