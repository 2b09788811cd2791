"""Finds tags in a picture."""

import cv2
import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.tracking.camera import Lens, Picture
from dexndm_gym.tracking.edges import refined_corners
from dexndm_gym.tracking.panel_picture import DICTIONARY, MODULES


class TagDetector:
    """OpenCV's ArUco detector, with settings for small tags in small pictures, and sharper corners than its own."""

    def __init__(self, lens: Lens) -> None:
        """Look through a lens."""
        self._lens = lens
        settings = cv2.aruco.DetectorParameters()
        # One threshold is enough where tags are all of about one size, and takes a third of the time.
        settings.adaptiveThreshWinSizeMin = settings.adaptiveThreshWinSizeMax = 23
        settings.minMarkerPerimeterRate = 0.06
        # Of 4 x 4 bits none is to be guessed: a wrong tag is worse than one that is not seen.
        settings.errorCorrectionRate = 0.0
        settings.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_NONE
        self._detector = cv2.aruco.ArucoDetector(DICTIONARY, settings)

    def detect(self, picture: Picture) -> dict[int, FloatArray]:
        """Corners of all tags by id, (4, 2), pixels, with the lens's distortion taken out."""
        corners, ids, _ = self._detector.detectMarkers(picture)
        if ids is None:
            return {}
        rough = np.concatenate(corners).astype(np.float64)
        return dict(zip(ids.ravel().tolist(), refined_corners(picture, rough, self._lens, MODULES), strict=True))
