"""What a virtual camera sees of an object that is turned in the hand."""

import pytest

pytest.importorskip("cv2", reason='needs pip install "dexndm_gym[tracking]"')

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from dexndm_gym.arrays import FloatArray
from dexndm_gym.tracking.virtual_camera import VirtualCamera


@pytest.fixture(scope="session")
def camera() -> VirtualCamera:
    cv2.setNumThreads(1)
    return VirtualCamera(seed=0)


def lying(angle: float, tilt: float = 0.0) -> FloatArray:
    """A pose in the cupped hand, turned about z and then tilted, rad."""
    x, y, z, w = (Rotation.from_euler("y", tilt) * Rotation.from_euler("z", angle)).as_quat()
    return np.array([-0.012, 0.047, 0.068, w, x, y, z])


def off(pose: FloatArray, truth: FloatArray) -> tuple[float, float]:
    """How far a pose is from the true one, mm and degrees."""
    cosine = min(abs(float(pose[3:] @ truth[3:])), 1.0)
    return 1000.0 * float(np.linalg.norm(pose[:3] - truth[:3])), float(np.degrees(2.0 * np.arccos(cosine)))
