"""How an object turns, guessed from the fingers alone: a small network over half a second of their motion."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from dexndm_gym.arrays import FloatArray
from dexndm_gym.assets import FOLDER
from dexndm_gym.errors import FileFormatError
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.hand.joints import NUM_JOINTS

SHIPPED_ESTIMATOR = FOLDER / "rotation_estimator.safetensors"
"""Learned from the shipped policies in simulation; its card is beside it."""

WINDOW = 10
"""Control steps that it sees."""

NUM_FEATURES = WINDOW * 2 * NUM_JOINTS + 3

KIND = "dexndm_gym.rotation_estimator"
"""What the header of its file says."""

Array = npt.NDArray[np.float32]


def features(position: FloatArray, command: FloatArray, gravity: FloatArray) -> Array:
    """What the network sees of n hands.

    Args:
        position: of the joints, (n, WINDOW, 16), rad, oldest first.
        command: that led to each, (n, WINDOW, 16), rad.
        gravity: in the hand frame, (n, 3), of any length.

    Returns:
        (n, NUM_FEATURES).
    """
    n = len(position)
    down = gravity / np.linalg.norm(gravity, axis=1, keepdims=True)
    # What drives a servo is the difference of command and position: a tenth of the size of either.
    parts = [2.0 * (position - START_POSE).reshape(n, -1), 5.0 * (command - position).reshape(n, -1), down]
    return np.concatenate(parts, axis=1).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class RotationEstimator:
    """Layers of a fully connected network with ELU between them."""

    weights: tuple[Array, ...]
    """Each (out, in)."""
    biases: tuple[Array, ...]
    """Each (out,)."""

    def __call__(self, seen: Array) -> FloatArray:
        """Angular velocities of the objects in the hand frame, (n, 3), rad/s, from ``features``."""
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            seen = seen @ weight.T + bias
            seen = np.where(seen > 0.0, seen, np.expm1(np.minimum(seen, 0.0)))
        return (seen @ self.weights[-1].T + self.biases[-1]).astype(np.float64)


def load_estimator(path: Path = SHIPPED_ESTIMATOR) -> RotationEstimator:
    """Read what ``dexndm tracker learn`` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: it holds no estimator.
    """
    if not path.is_file():
        raise FileNotFoundError(f"No estimator of rotation at {path}; make one with 'dexndm tracker learn'")
    try:
        with safe_open(path, framework="numpy") as file:
            if (file.metadata() or {}).get("kind") != KIND:
                raise ValueError("its header does not say that it is one")
            layers = range(json.loads((file.metadata() or {})["layers"]))
            weights = tuple(file.get_tensor(f"{layer}.weight") for layer in layers)
            biases = tuple(file.get_tensor(f"{layer}.bias") for layer in layers)
            if not all(np.isfinite(array).all() for array in weights + biases):
                raise ValueError("it holds weights that are not finite")
    except (SafetensorError, ValueError, KeyError) as error:
        raise FileFormatError(f"{path} is not an estimator of rotation: {error}") from error
    sizes = [NUM_FEATURES, *(len(bias) for bias in biases)]
    if [weight.shape for weight in weights] != list(zip(sizes[1:], sizes[:-1], strict=True)) or sizes[-1] != 3:
        raise FileFormatError(f"{path} does not fit {NUM_FEATURES} features and 3 numbers of angular velocity")
    return RotationEstimator(weights=weights, biases=biases)
