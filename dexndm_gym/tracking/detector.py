"""Finds tags in a picture."""

import cv2
import numpy as np

from dexndm_gym.hand.joints import FloatArray
from dexndm_gym.tracking.camera import Lens, Picture
from dexndm_gym.tracking.edges import refined_corners
from dexndm_gym.tracking.panel_picture import DICTIONARY, MODULES


class TagDetector:
    """OpenCV's ArUco detector, with the settings of small tags in small pictures."""

    def __init__(self, lens: Lens) -> None:
        """Look through a lens."""
        self._lens = lens
        settings = cv2.aruco.DetectorParameters()
        settings.adaptiveThreshWinSizeMin = settings.adaptiveThreshWinSizeMax = 23
        settings.minMarkerPerimeterRate = 0.06
        settings.errorCorrectionRate = 0.3
        settings.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
        self.settings=settings
        self._detector = cv2.aruco.ArucoDetector(DICTIONARY, settings)

    def detect(self, picture: Picture) -> dict[int, FloatArray]:
        """Corners of all tags by id, (4, 2), pixels, with the lens's distortion taken out."""
        corners, ids, _ = self._detector.detectMarkers(picture)
        if ids is None:
            return {}
        rough = np.concatenate(corners).astype(np.float64)
        flat = refined_corners(picture, rough, self._lens, MODULES)
        return dict(zip(ids.ravel().tolist(), flat, strict=True))
