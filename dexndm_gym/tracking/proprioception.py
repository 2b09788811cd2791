"""A tracker without a camera: it guesses from the fingers how the object turns."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.grasps.palm_rest import PALM_REST_CENTER
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.objects.catalog import NO_OBJECT
from dexndm_gym.objects.scene import Scene
from dexndm_gym.tracking.rotation_estimator import WINDOW, RotationEstimator, features, load_estimator


class ProprioceptiveTracker:
    """Adds up estimated angular velocities: a ``Tracker`` for rotation, and for nothing else.

    The object counts as lying where objects lie in the cupped hand, whatever it does: a drop is not seen. ``info`` says
    ``tracker_estimated``.
    """

    def __init__(self, estimator: RotationEstimator | None = None) -> None:
        """Take an estimator; None for the shipped one."""
        self._estimator = estimator if estimator is not None else load_estimator()
        self._window = np.zeros((2, WINDOW, NUM_JOINTS))
        self._gravity = np.array([0.0, 0.0, -1.0])
        self._turned = Rotation.identity()
        self._steps, self._empty = 0, True

    def begin(self, scene: Scene) -> None:
        """Start anew, with the object of a scene in the hand."""
        self._gravity, self._empty = np.array(scene.gravity), scene.object == NO_OBJECT
        self._turned, self._steps = Rotation.identity(), 0

    def observe(self, position: FloatArray, command: FloatArray) -> None:
        """Take in a control step: joint positions at its end and the command that led to them, (16,) each, rad."""
        if self._steps == 0:
            self._window[...] = np.stack([position, command])[:, None]
        else:
            self._window = np.roll(self._window, -1, axis=1)
            self._window[:, -1] = position, command
            positions, commands = self._window[:, None]
            spin = self._estimator(features(positions, commands, self._gravity[None]))[0]
            self._turned = Rotation.from_rotvec(spin * CONTROL_PERIOD) * self._turned
        self._steps += 1

    def object_pose(self) -> FloatArray | None:
        """Estimated pose, (7,), m and quaternion w x y z, hand frame; None for the empty hand and before any step."""
        if self._empty or self._steps == 0:
            return None
        x, y, z, w = self._turned.as_quat()
        return np.array([*PALM_REST_CENTER, w, x, y, z])

    def info(self) -> Mapping[str, Any]:
        """How it is doing, for the ``info`` of an environment."""
        return {
            "tracker": "estimated",
            "tracker_age": 0.0,
            "tracker_tags": 0,
            "tracker_estimated": True,
        }
