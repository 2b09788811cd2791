"""A virtual camera: pictures of a virtual hand as a cheap camera would take them."""

import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from dexndm_gym.checks import Checked, NotNegative
from dexndm_gym.errors import CameraError
from dexndm_gym.hand.joints import FloatArray
from dexndm_gym.tracking.camera import FRAME_RATE, Frame, Lens, Picture
from dexndm_gym.tracking.tags import TagLayout, base_tags
from dexndm_gym.tracking.virtual_scene import View, VirtualScene

VIRTUAL_LENS = Lens(
    width=640,
    height=480,
    focal=(620.0, 620.0),
    center=(322.0, 236.0),
    distortion=(-0.12, 0.05, 0.001, -0.0005, 0.0),
)
"""An angle of view of 55 degrees across, with the distortion of a cheap lens."""


@dataclass(frozen=True, kw_only=True)
class Optics(Checked):
    """What makes a picture worse than the scene."""

    blur: NotNegative = 0.8
    """Standard deviation of the blur, pixels."""

    noise: NotNegative = 3.0
    """Standard deviation of the noise, of 255 shades of gray."""

    delay: NotNegative = 0.03
    """From exposure until the picture can be read, s."""


class VirtualCamera:
    """Takes pictures of a scene that it is told."""

    def __init__(
        self,
        *,
        lens: Lens = VIRTUAL_LENS,
        view: View | None = None,
        optics: Optics | None = None,
        base: TagLayout | None = None,
        seed: int = 0,
    ) -> None:
        """Set it up; the seed draws the noise."""
        self.lens, self.view, self.optics = lens, view or View(), optics or Optics()
        self._scene = VirtualScene(lens, self.view, base or base_tags())
        self._rng = np.random.default_rng(seed)

    def take(self, position: FloatArray, item: TagLayout | None, pose: FloatArray | None) -> Picture:
        """A picture of a hand with joint angles (16,), rad, and of an object with a pose (7,), hand frame."""
        samples = self._scene.draw(position, item, pose)
        size = (self.lens.width, self.lens.height)
        picture = np.asarray(cv2.resize(samples, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
        if self.optics.blur > 0.0:
            picture = cv2.GaussianBlur(picture, (0, 0), self.optics.blur)
        picture = picture + self.optics.noise * self._rng.standard_normal(picture.shape, dtype=np.float32)
        return np.clip(picture + 0.5, 0.0, 255.0).astype(np.uint8)


class LiveVirtualCamera:
    """Looks at a virtual hand in a process of its own, 30 times per second; a ``FrameSource``.

    Attributes:
        item: tags on what lies in the hand; None for nothing.
    """

    item: TagLayout | None

    def __init__(self, camera: VirtualCamera, control: str) -> None:
        """Connect.

        Args:
            camera: takes the pictures.
            control: path of the socket of the virtual hand's side channel.

        Raises:
            CameraError: there is no virtual hand.
        """
        self.item = None
        self._camera = camera
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(1.0)
        self._next = time.monotonic()
        try:
            self._socket.connect(control)
        except OSError as error:
            raise CameraError(f"there is no virtual hand at {control} to look at: {error}") from error
        self._answers = self._socket.makefile("rb")

    def read(self) -> Frame:
        """See ``FrameSource``."""
        self._next = max(self._next + 1.0 / FRAME_RATE, time.monotonic() - 1.0 / FRAME_RATE)
        time.sleep(max(self._next - time.monotonic(), 0.0))
        exposed = time.monotonic()
        seen = self._ask()
        pose = None if self.item is None else np.array(seen["object_pose"])
        picture = self._camera.take(np.array(seen["position"]), self.item, pose)
        time.sleep(max(exposed + self._camera.optics.delay - time.monotonic(), 0.0))
        return Frame(picture, exposed)

    def close(self) -> None:
        """See ``FrameSource``."""
        self._socket.close()

    def _ask(self) -> Mapping[str, Any]:
        try:
            self._socket.sendall(b'{"command": "scene"}\n')
            line = self._answers.readline()
            if not line:
                raise ConnectionResetError("it has ended")
            return json.loads(line)["result"]
        except OSError as error:
            raise CameraError(f"the virtual hand cannot be looked at any more: {error}") from error
