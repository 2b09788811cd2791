"""Cameras: what pictures come from, and the lens behind them."""

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import FloatArray
from dexndm_gym.errors import CameraError, ConfigurationError, FileFormatError
from dexndm_gym.outputs import write_bytes

Picture = npt.NDArray[np.uint8]
"""(height, width), gray."""

FRAME_RATE = 30.0
"""Hz."""


class Frame(NamedTuple):
    """One picture."""

    picture: Picture
    time: float
    """When it was exposed, s of ``time.monotonic``."""


class FrameSource(Protocol):
    """Something that gives pictures."""

    def read(self) -> Frame:
        """Wait for the next picture.

        Raises:
            CameraError: there is none.
        """
        ...

    def close(self) -> None:
        """Release the camera; safe to call twice."""
        ...


@dataclass(frozen=True, kw_only=True)
class Lens:
    """A calibrated lens: a pinhole with OpenCV's five numbers of distortion."""

    width: int
    height: int
    """Pixels."""
    focal: tuple[float, float]
    """Pixels, along x and y."""
    center: tuple[float, float]
    """Where its axis meets the picture, pixels from the center of the top left one."""
    distortion: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0)
    """k1, k2, p1, p2, k3."""
    error: float = 0.0
    """Root mean square distance of the calibration board's corners from where they should be, pixels."""

    @property
    def matrix(self) -> FloatArray:
        """OpenCV's camera matrix, (3, 3)."""
        return np.array([[self.focal[0], 0.0, self.center[0]], [0.0, self.focal[1], self.center[1]], [0.0, 0.0, 1.0]])

    @property
    def coefficients(self) -> FloatArray:
        """Its distortion as OpenCV takes it, (5,)."""
        return np.array(self.distortion)

    def project(self, points: FloatArray) -> FloatArray:
        """Pixels, (k, 2), of points in the camera's frame (x right, y down, z forward), (k, 3)."""
        pixels = cv2.projectPoints(points, np.zeros(3), np.zeros(3), self.matrix, self.coefficients)[0]
        return np.asarray(pixels, dtype=np.float64)[:, 0]

    def straightened(self, pixels: FloatArray) -> FloatArray:
        """Where pixels, (..., 2), would be without distortion."""
        flat = cv2.undistortPoints(pixels.reshape(-1, 1, 2), self.matrix, self.coefficients, P=self.matrix)
        return np.asarray(flat, dtype=np.float64).reshape(pixels.shape)

    def directions(self, pixels: FloatArray) -> FloatArray:
        """Where pixels, (k, 2), look to in the camera's frame, (k, 3), one unit forward each."""
        flat = cv2.undistortPoints(pixels.reshape(-1, 1, 2), self.matrix, self.coefficients)
        return np.column_stack([np.asarray(flat, dtype=np.float64).reshape(-1, 2), np.ones(len(pixels))])

    def finer(self, samples: int) -> "Lens":
        """The same lens where each pixel is divided into samples x samples."""
        off = (samples - 1) / 2
        (fx, fy), (x, y) = self.focal, self.center
        return replace(
            self,
            width=self.width * samples,
            height=self.height * samples,
            focal=(fx * samples, fy * samples),
            center=(x * samples + off, y * samples + off),
        )

    def save(self, path: Path) -> None:
        """Write it as JSON.

        Raises:
            OutputError: it cannot be written.
        """
        write_bytes(path, (json.dumps(vars(self), indent=2) + "\n").encode())


def load_lens(path: Path) -> Lens:
    """Read what ``Lens.save`` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: it holds no lens.
    """
    if not path.is_file():
        raise FileNotFoundError(f"No calibration of a camera at {path}; make one with 'dexndm tracker calibrate'")
    try:
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in json.loads(path.read_text(encoding="utf-8")).items()
        }
        lens = Lens(**fields)
        if lens.matrix.shape != (3, 3) or lens.coefficients.shape != (5,) or not np.isfinite(lens.matrix).all():
            raise ValueError("its numbers are not those of a lens")
    except (ValueError, TypeError, AttributeError) as error:
        raise FileFormatError(
            f"{path} is not the calibration of a camera ({error}); make one with 'dexndm tracker calibrate'"
        ) from error
    return lens


class UsbCamera:
    """A camera that OpenCV can open."""

    def __init__(self, camera: int | str, *, width: int = 640, height: int = 480, delay: float = 0.0) -> None:
        """Open it.

        Args:
            camera: number of a camera, or path of a video device or stream.
            width: of pictures, pixels.
            height: of pictures, pixels.
            delay: from exposure until a picture can be read, s.

        Raises:
            CameraError: it cannot be opened, or gives pictures of another size.
        """
        self._camera, self._delay = camera, delay
        self._capture = cv2.VideoCapture(camera)
        if not self._capture.isOpened():
            raise CameraError(
                f"cannot open camera {camera!r}; expected its number, such as 0 for /dev/video0. Is it plugged in, and "
                "does no other program use it?"
            )
        # Compressed pictures: some cameras have no 30 Hz without. One of them waiting at most: old ones are no use.
        settings: dict[int, Any] = {
            cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"MJPG"),
            cv2.CAP_PROP_FRAME_WIDTH: width,
            cv2.CAP_PROP_FRAME_HEIGHT: height,
            cv2.CAP_PROP_FPS: FRAME_RATE,
            cv2.CAP_PROP_BUFFERSIZE: 1,
            cv2.CAP_PROP_AUTOFOCUS: 0,  # focus changes the focal length that was calibrated
        }
        for setting, value in settings.items():
            self._capture.set(setting, value)
        shape = self.read().picture.shape
        if shape != (height, width):
            self.close()
            raise CameraError(f"camera {camera!r} gives pictures of {shape[1]} x {shape[0]}, not {width} x {height}")

    def read(self) -> Frame:
        """See ``FrameSource``."""
        there, picture = self._capture.read()
        if not there:
            raise CameraError(f"camera {self._camera!r} gives no more pictures; was it unplugged?")
        gray = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        return Frame(np.asarray(gray, dtype=np.uint8), time.monotonic() - self._delay)

    def close(self) -> None:
        """See ``FrameSource``."""
        self._capture.release()


def camera_of(text: str) -> int | str:
    """What OpenCV opens for a camera that is named by its number or path.

    Raises:
        ConfigurationError: it has no name.
    """
    if not text.strip():
        raise ConfigurationError("expected the number of a camera such as 0, or the path of a device, got nothing")
    return int(text) if text.strip().isdecimal() else text
