"""From pictures to the object's pose in the hand frame."""

import enum
import time
from typing import NamedTuple

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.tracking.camera import Frame, Lens
from dexndm_gym.tracking.detector import TagDetector
from dexndm_gym.tracking.pose import Pose, find_pose, turn_of
from dexndm_gym.tracking.pose_filter import BaseFilter, ObjectFilter
from dexndm_gym.tracking.tags import TagLayout


class TrackerStatus(enum.IntEnum):
    """How a tracker is doing; anything but ``SEEN`` means that there is no pose."""

    SEEN = 0
    """The object's pose is known."""
    NO_OBJECT = 1
    """Too few of the object's tags are seen, or they contradict each other."""
    NO_BASE = 2
    """Too few tags of the hand's base are seen."""
    EMPTY = 3
    """There is no object to look for."""
    LATE = 4
    """No picture has come for too long: the camera or its process hangs."""
    ENDED = 5
    """The camera's process has ended."""


class Sighting(NamedTuple):
    """What one picture told."""

    status: TrackerStatus
    time: float
    """When it was exposed, s of ``time.monotonic``."""
    pose: FloatArray
    """(7,), m and quaternion w x y z, hand frame; NaN where it is not known."""
    tags: int
    """Tags of the object that the pose rests on."""
    base_tags: int
    """Tags of the base that its pose rests on."""
    error: float
    """Root mean square distance of the object's corners from where the pose puts them, pixels; NaN without a pose."""
    effort: float
    """Processor time that it took, s."""


class TagTracker:
    """Follows one object."""

    def __init__(self, lens: Lens, base: TagLayout) -> None:
        """Look through a lens at the card of a hand's base."""
        self._lens, self._base, self._item = lens, base, None
        self._detector = TagDetector(lens)
        self._base_filter, self._filter = BaseFilter(), ObjectFilter()
        self._base_seen: Pose | None = None

    def follow(self, item: TagLayout | None) -> None:
        """Look for another object from now on; None for none."""
        self._item, self._filter = item, ObjectFilter()

    def update(self, frame: Frame) -> Sighting:
        """What a picture tells."""
        begin = time.thread_time()
        seen = self._detector.detect(frame.picture)
        base = find_pose(seen, self._base.corners, self._lens, self._base_seen)
        self._base_seen = None if base is None else base.pose
        hand = self._base_filter.update(self._base_seen, frame.time)
        before = self._filter.newest
        prior = None if hand is None or before is None else hand @ before
        item = None if self._item is None else find_pose(seen, self._item.corners, self._lens, prior)
        pose = None if hand is None or item is None else self._filter.update(hand.inverse @ item.pose, frame.time)
        if pose is not None:
            status = TrackerStatus.SEEN
        elif self._item is None:
            status = TrackerStatus.EMPTY
        else:
            status = TrackerStatus.NO_BASE if hand is None else TrackerStatus.NO_OBJECT
        return Sighting(
            status=status,
            time=frame.time,
            pose=np.full(7, np.nan) if pose is None else _numbers(pose),
            tags=0 if item is None else item.tags,
            base_tags=0 if base is None else base.tags,
            error=np.nan if item is None else item.error,
            effort=time.thread_time() - begin,
        )


def _numbers(pose: Pose) -> FloatArray:
    """(7,), m and quaternion w x y z."""
    turn = turn_of(pose.rotation)
    angle = float(np.linalg.norm(turn))
    axis = turn / angle if angle > 0.0 else turn
    return np.array([*pose.position, np.cos(angle / 2), *(np.sin(angle / 2) * axis)])
