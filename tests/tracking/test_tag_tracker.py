import numpy as np
import pytest

from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.objects.catalog import OBJECTS
from dexndm_gym.tracking.camera import Frame
from dexndm_gym.tracking.tag_tracker import TagTracker, TrackerStatus
from dexndm_gym.tracking.tags import TagLayout, base_tags, object_tags
from dexndm_gym.tracking.virtual_camera import Optics, VirtualCamera

from .conftest import lying, off

CUBE, CYLINDER = object_tags(OBJECTS["cube"]), object_tags(OBJECTS["cylinder"])


def follow(camera: VirtualCamera, item: TagLayout) -> TagTracker:
    tracker = TagTracker(camera.lens, base_tags())
    tracker.follow(item)
    return tracker


@pytest.mark.parametrize("item", [CUBE, CYLINDER], ids=lambda item: item.name)
def test_a_turning_object_is_followed_exactly(camera: VirtualCamera, item: TagLayout) -> None:
    tracker, errors = follow(camera, item), []
    for k in range(30):
        truth = lying(0.8 * k / 30, tilt=0.2 * np.sin(k / 10))
        sighting = tracker.update(Frame(camera.take(START_POSE, item, truth), k / 30))
        assert sighting.status is TrackerStatus.SEEN
        errors.append(off(sighting.pose, truth))
    millimeters, degrees = np.array(errors).T
    assert np.median(millimeters) < 1.0
    assert np.median(degrees) < 1.0
    assert millimeters.max() < 4.0
    assert degrees.max() < 4.0


def test_closed_fingers_hide_the_object(camera: VirtualCamera) -> None:
    tracker = follow(camera, CUBE)
    hidden = lying(0.3) - np.array([0.0, 0.0, 0.2, 0, 0, 0, 0])  # behind the palm
    sighting = tracker.update(Frame(camera.take(START_POSE, CUBE, hidden), 0.0))
    assert sighting.status is TrackerStatus.NO_OBJECT
    assert np.isnan(sighting.pose).all()


def test_without_the_base_nothing_is_known(camera: VirtualCamera) -> None:
    tracker = follow(camera, CUBE)
    picture = camera.take(START_POSE, CUBE, lying(0.3))
    picture[330:] = 120  # somebody's sleeve lies on the card
    sighting = tracker.update(Frame(picture, 0.0))
    assert sighting.status is TrackerStatus.NO_BASE
    assert np.isnan(sighting.pose).all()


def test_tags_of_another_object_are_not_taken_for_it(camera: VirtualCamera) -> None:
    tracker = follow(camera, CYLINDER)
    for k in range(3):
        sighting = tracker.update(Frame(camera.take(START_POSE, CUBE, lying(0.3)), k / 30))
        assert sighting.status is TrackerStatus.NO_OBJECT


def test_an_empty_hand_has_nothing_to_look_for(camera: VirtualCamera) -> None:
    tracker = TagTracker(camera.lens, base_tags())
    sighting = tracker.update(Frame(camera.take(START_POSE, None, None), 0.0))
    assert sighting.status is TrackerStatus.EMPTY
    assert sighting.base_tags == 6


def test_much_blur_loses_tags_rather_than_guesses() -> None:
    camera = VirtualCamera(optics=Optics(blur=6.0))
    tracker = follow(camera, CUBE)
    sighting = tracker.update(Frame(camera.take(START_POSE, CUBE, lying(0.3)), 0.0))
    assert sighting.status is not TrackerStatus.SEEN
