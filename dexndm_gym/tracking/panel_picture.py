"""Tags as pictures: the texture of a panel, and the printed modules of a tag."""

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from dexndm_gym.tracking.tags import Panel

DICTIONARY = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_100)

MODULES = DICTIONARY.markerSize + 2
"""Modules along the side of a tag, with its black border."""

INK, PAPER = 25, 225
"""Gray values of print and paper."""

_FINER = 8


@cache
def tag_modules(tag: int) -> npt.NDArray[np.bool_]:
    """Which modules of a tag are white, (MODULES, MODULES), from the top left."""
    return cv2.aruco.generateImageMarker(DICTIONARY, tag, MODULES) > 0


def panel_picture(panel: Panel, resolution: float) -> npt.NDArray[np.uint8]:
    """What is printed on a panel, (height, width), gray.

    Args:
        panel: what to draw.
        resolution: pixels per m.
    """
    finer = resolution * _FINER
    height, width = round(panel.height * finer), round(panel.width * finer)
    x = ((np.arange(width) + 0.5) / width - 0.5) * panel.width
    y = (0.5 - (np.arange(height) + 0.5) / height) * panel.height
    picture = np.full((height, width), PAPER, dtype=np.uint8)
    for tag in panel.tags:
        column = np.floor((x - tag.x + tag.side / 2) / tag.side * MODULES).astype(int)
        row = np.floor((tag.y + tag.side / 2 - y) / tag.side * MODULES).astype(int)
        columns, rows = (np.flatnonzero((one >= 0) & (one < MODULES)) for one in (column, row))
        white = tag_modules(tag.id)[np.ix_(row[rows], column[columns])]
        picture[np.ix_(rows, columns)] = np.where(white, PAPER, INK)
    small = (max(round(width / _FINER), 1), max(round(height / _FINER), 1))
    return np.asarray(cv2.resize(picture, small, interpolation=cv2.INTER_AREA), dtype=np.uint8)
