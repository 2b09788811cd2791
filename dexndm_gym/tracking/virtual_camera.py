"""A virtual camera: pictures of a virtual hand as a cheap camera would take them."""

import json
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.checks import Checked, NotNegative
from dexndm_gym.errors import CameraError
from dexndm_gym.tracking.calibration import BOARD_CELL, board_cells
from dexndm_gym.tracking.camera import FRAME_RATE, Frame, Lens, Picture
from dexndm_gym.tracking.panel_picture import INK, PAPER
from dexndm_gym.tracking.tags import Panel, TagLayout, base_tags
from dexndm_gym.tracking.virtual_scene import SAMPLES, View, VirtualScene

VIRTUAL_LENS = Lens(
    width=640,
    height=480,
    focal=(620.0, 620.0),
    center=(322.0, 236.0),
    distortion=(-0.12, 0.05, 0.001, -0.0005, 0.0),
)
"""An angle of view of 55 degrees across, with the distortion of a cheap lens."""

_EMPTY = 120  # gray


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
        return self._developed(self._scene.draw(position, item, pose))

    def take_panel(self, panel: Panel, texture: Picture, pose: FloatArray) -> Picture:
        """A picture of a panel alone, with its texture and a pose (7,), hand frame."""
        samples = np.full((self.lens.height * SAMPLES, self.lens.width * SAMPLES), _EMPTY, dtype=np.uint8)
        self._scene.draw_panel(samples, panel, texture, pose)
        return self._developed(samples)

    def _developed(self, samples: Picture) -> Picture:
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


def virtual_board_views(width: int, height: int, seed: int = 0) -> Iterator[Picture]:
    """Pictures of the calibration's board that somebody moves about before a virtual camera, without end.

    Args:
        width: of the pictures, pixels.
        height: of the pictures, pixels.
        seed: draws where it is held.
    """
    factor = width / VIRTUAL_LENS.width
    lens = replace(
        VIRTUAL_LENS,
        width=width,
        height=height,
        focal=(factor * VIRTUAL_LENS.focal[0], factor * VIRTUAL_LENS.focal[1]),
        center=((width - 1) / 2, (height - 1) / 2),
    )
    # The camera of this view looks along the hand's -z, its right is the hand's -y.
    camera = VirtualCamera(lens=lens, view=View(eye=(0.0, 0.0, 1.0), target=(0.0, 0.0, 0.0)))
    cells = board_cells()
    texture = np.where(np.kron(cells, np.ones((16, 16), dtype=np.bool_)), PAPER, INK).astype(np.uint8)
    rows, columns = cells.shape
    panel = Panel(
        name="board",
        width=columns * BOARD_CELL,
        height=rows * BOARD_CELL,
        tags=(),
        center=(0.0, 0.0, 0.0),
        right=(0.0, -1.0, 0.0),
        up=(1.0, 0.0, 0.0),
    )
    rng = np.random.default_rng(seed)
    while True:
        turn = rng.uniform(-0.6, 0.6, 3)
        angle = float(np.linalg.norm(turn))
        quat = [np.cos(angle / 2), *(np.sin(angle / 2) / angle * turn)]
        place = rng.uniform((-0.08, -0.12, 0.45), (0.08, 0.12, 0.65))
        yield camera.take_panel(panel, texture, np.array([*place, *quat]))
