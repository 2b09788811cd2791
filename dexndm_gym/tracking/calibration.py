"""Calibration of a camera with a ChArUco board."""

import cv2
import numpy as np
import numpy.typing as npt

from dexndm_gym.errors import CameraError
from dexndm_gym.tracking.camera import Lens, Picture
from dexndm_gym.tracking.panel_picture import DICTIONARY

BOARD_CELL = 0.004
"""Side of the smallest cells of the board, m."""

_COLUMNS, _ROWS, _SQUARE, _MARKER = 7, 5, 8, 6  # squares; cells along a square and a marker
_LEAST_CORNERS = 12
_NEW_VIEW = 0.06
"""How far corners must have moved on average, as a share of the picture's width, for a picture to tell anything new."""

FEWEST_VIEWS = 8
"""Views below which a calibration means nothing."""

BOARD = cv2.aruco.CharucoBoard((_COLUMNS, _ROWS), _SQUARE * BOARD_CELL, _MARKER * BOARD_CELL, DICTIONARY)

_CORNERS = np.asarray(BOARD.getChessboardCorners(), dtype=np.float32)
_Array = npt.NDArray[np.float32]


def board_cells() -> npt.NDArray[np.bool_]:
    """Which cells of the board are white, (rows, columns) from the top left, ``BOARD_CELL`` wide each."""
    return BOARD.generateImage((_COLUMNS * _SQUARE, _ROWS * _SQUARE), marginSize=0, borderBits=1) > 127


class Calibrator:
    """Collects views of the board and finds the lens that explains them."""

    def __init__(self, width: int, height: int) -> None:
        """For pictures of this size, pixels."""
        self._size = (width, height)
        self._detector = cv2.aruco.CharucoDetector(BOARD)
        self._views: list[tuple[_Array, _Array]] = []
        self._seen: list[dict[int, _Array]] = []

    @property
    def num_views(self) -> int:
        """Views so far."""
        return len(self._views)

    def look(self, picture: Picture) -> bool:
        """Take in a picture, if it shows the board otherwise than those before; whether it does."""
        corners, ids, _, _ = self._detector.detectBoard(picture)
        if ids is None or len(ids) < _LEAST_CORNERS:
            return False
        places = np.asarray(corners, dtype=np.float32).reshape(-1, 2)
        seen: dict[int, _Array] = dict(zip(ids.ravel().tolist(), places, strict=True))
        if any(self._moved(seen, other) < _NEW_VIEW * self._size[0] for other in self._seen):
            return False
        self._views.append((_CORNERS[ids.ravel().astype(np.int64)], places))
        self._seen.append(seen)
        return True

    def solve(self) -> Lens:
        """The lens.

        Raises:
            CameraError: there are too few views.
        """
        if self.num_views < FEWEST_VIEWS:
            raise CameraError(
                f"the board was seen in {self.num_views} different views, expected at least {FEWEST_VIEWS}; move it "
                "about, near and far, and tilt it"
            )
        points, pixels = (list(of) for of in zip(*self._views, strict=True))
        error, matrix, coefficients, _, _ = cv2.calibrateCamera(points, pixels, self._size, None, None)
        k1, k2, p1, p2, k3 = coefficients.ravel()[:5].tolist()
        return Lens(
            width=self._size[0],
            height=self._size[1],
            focal=(float(matrix[0, 0]), float(matrix[1, 1])),
            center=(float(matrix[0, 2]), float(matrix[1, 2])),
            distortion=(k1, k2, p1, p2, k3),
            error=float(error),
        )

    @staticmethod
    def _moved(one: dict[int, _Array], other: dict[int, _Array]) -> float:
        both = one.keys() & other.keys()
        if not both:
            return np.inf
        return float(np.mean([np.linalg.norm(one[corner] - other[corner]) for corner in both]))
