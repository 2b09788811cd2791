"""Types of arrays and tuples of numbers, for annotations."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

Vector = tuple[float, float, float]
"""x, y, z."""

Quaternion = tuple[float, float, float, float]
"""w, x, y, z."""
