"""``python -m dexndm_gym.tracking FD``: the process of a camera tracker, which ``CameraTracker`` starts.

It writes what it sees into the memory behind the file descriptor. On the standard input it takes lines of JSON: first
how it is to work, then, whenever another object is put into the hand, that. It ends when the input does.
"""

import contextlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import cv2

from dexndm_gym.errors import DexndmError
from dexndm_gym.objects.object_model import RotatableObject
from dexndm_gym.tracking.camera import FrameSource, UsbCamera, camera_of, load_lens
from dexndm_gym.tracking.latest_value import LatestSighting
from dexndm_gym.tracking.tag_tracker import TagTracker
from dexndm_gym.tracking.tags import TagLayout, base_tags, object_tags
from dexndm_gym.tracking.virtual_camera import LiveVirtualCamera, Optics, VirtualCamera


class _Mail:
    """Reads the standard input beside the work, so that even a camera that hangs does not keep the process alive."""

    def __init__(self) -> None:
        self.item: TagLayout | None = None
        self.changes = 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in sys.stdin:
            fields = json.loads(line)
            self.item = None if fields is None else object_tags(RotatableObject.from_dict(fields))
            self.changes += 1
        os._exit(0)


def main(fd: int) -> None:
    """Look until the input ends.

    Raises:
        CameraError: there is no camera, or no more pictures.
    """
    cv2.setNumThreads(1)  # the hand needs the other processors
    settings = json.loads(sys.stdin.readline())
    mail, latest = _Mail(), LatestSighting(fd)
    base = base_tags(tuple(settings["base"]))
    source, tracker = _open(settings, base)
    changes = -1
    with contextlib.closing(source):
        while True:
            if mail.changes != changes:
                changes, item = mail.changes, mail.item
                tracker.follow(item)
                if isinstance(source, LiveVirtualCamera):
                    source.item = item
            latest.write(tracker.update(source.read()))


def _open(settings: dict[str, Any], base: TagLayout) -> tuple[FrameSource, TagTracker]:
    if settings["virtual_hand"] is not None:
        optics = Optics(blur=settings["blur"], noise=settings["noise"], delay=settings["delay"])
        camera = VirtualCamera(optics=optics, base=base)
        return LiveVirtualCamera(camera, settings["virtual_hand"]), TagTracker(camera.lens, base)
    lens = load_lens(Path(settings["calibration"]))
    camera = camera_of(settings["camera"])
    usb = UsbCamera(camera, width=lens.width, height=lens.height, delay=settings["delay"])
    return usb, TagTracker(lens, base)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except (DexndmError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
