import numpy as np
import pytest

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.palm_rest import PALM_REST_CENTER, START_POSE
from dexndm_gym.rendering.camera import CAMERAS, Camera
from dexndm_gym.rendering.renderer import HandRenderer

POSE = np.array([*PALM_REST_CENTER, 1.0, 0.0, 0.0, 0.0])


def test_picture_shows_place_and_turn_of_the_object() -> None:
    renderer = HandRenderer(width=80, height=60)
    empty = renderer.draw(START_POSE, None, "cube")
    lying = renderer.draw(START_POSE, POSE, "cube")
    turned = renderer.draw(START_POSE, np.array([*PALM_REST_CENTER, np.cos(0.2), 0, 0, np.sin(0.2)]), "cube")
    assert lying.shape == (60, 80, 3)
    assert lying.dtype == np.uint8
    changed = np.argwhere((lying != empty).any(axis=2))
    assert len(changed) > 200
    assert (np.abs(changed.mean(axis=0) - (30, 40)) < 12).all(), "the cupped hand is in the middle of the picture"
    assert (turned != lying).any(axis=2).sum() > 50
    np.testing.assert_array_equal(renderer.draw(START_POSE, POSE, "cube"), lying)


def test_moves_with_the_joints() -> None:
    renderer = HandRenderer(width=80, height=60)
    assert (renderer.draw(START_POSE, POSE, "cylinder") != renderer.draw(np.zeros(16), POSE, "cylinder")).any()


def test_a_lost_object_is_no_error() -> None:
    renderer = HandRenderer(width=40, height=30)
    far = np.array([0.19, -0.24, 0.60, 1.0, 0.0, 0.0, 0.0])  # behind the camera
    assert (renderer.draw(START_POSE, far, "cube") == renderer.draw(START_POSE, None, "cube")).mean() > 0.9


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize(
    "up", [(0, 0, 1), (0, 0, -1), (1, 0, 0), (0, -1, 0), tuple(np.array([0.19, -0.24, 0.4]) / 0.5)]
)
def test_hand_is_in_every_picture(camera: str, up: tuple[float, float, float]) -> None:
    picture = HandRenderer(width=80, height=60, camera=camera, up=up).draw(START_POSE, POSE, "cube")
    sky = HandRenderer(width=80, height=60, up=up, camera=Camera(eye=(0, 0, 0.5), target=(0, 0.0, 9.0), angle=20.0))
    differs = (picture != sky.draw(START_POSE, None, "cube")).any(axis=2)
    assert 0.15 < differs.mean() < 0.7
    assert differs[20:40, 30:50].mean() > 0.8


def test_object_shows_through_fingers_if_wanted() -> None:
    fist = START_POSE + 0.5 * np.sign(START_POSE)
    plain, clear, empty = (
        HandRenderer(width=80, height=60, see_through=share).draw(fist, pose, "truck").astype(int)
        for share, pose in ((0.0, POSE), (0.5, POSE), (0.0, None))
    )
    assert (clear != empty).any(axis=2).sum() > 1.2 * (plain != empty).any(axis=2).sum()


def test_edges_are_smooth() -> None:
    picture = HandRenderer(width=80, height=60).draw(START_POSE, POSE, "cube")
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 500


def test_unknown_camera_is_named_with_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"side.*front, top"):
        HandRenderer(camera="side")
