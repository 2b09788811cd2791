"""A tracker with a camera in a process of its own."""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Mapping
from dataclasses import asdict
from typing import IO, Any

from dexndm_gym.arrays import FloatArray
from dexndm_gym.errors import CameraError
from dexndm_gym.objects.catalog import NO_OBJECT
from dexndm_gym.objects.object_choice import object_of
from dexndm_gym.objects.scene import Scene
from dexndm_gym.tracking.config import CameraTrackerConfig
from dexndm_gym.tracking.latest_value import LatestSighting
from dexndm_gym.tracking.tag_tracker import Sighting, TrackerStatus
from dexndm_gym.tracking.tags import object_tags

_GRACE = 1.0
"""Time that the process gets to end by itself, s."""


class CameraTracker:
    """Sees the object by its tags: a ``Tracker``.

    A process of its own takes the pictures and finds the tags; asked for the pose, the tracker looks at what that
    process has written last, which takes microseconds, whatever the camera does.
    """

    def __init__(self, config: CameraTrackerConfig | None = None, *, virtual_hand: str | None = None) -> None:
        """Start the process and wait for the first picture.

        Args:
            config: which camera, and what it looks at.
            virtual_hand: socket of the side channel of a virtual hand, at which a virtual camera is to look.

        Raises:
            CameraError: there is no camera, it is not calibrated, or it gives no picture.
        """
        self._config = config or CameraTrackerConfig()
        self._latest = LatestSighting()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dexndm_gym.tracking", str(self._latest.fd)],
            stdin=subprocess.PIPE,
            stderr=self._log,
            stdout=subprocess.DEVNULL,
            pass_fds=[self._latest.fd],
            start_new_session=True,  # Ctrl-C is the host's business
        )
        self._finalizer = weakref.finalize(self, _end, self.process, self._latest, self._log)
        self._since = -1.0
        settings = asdict(self._config) | {"calibration": str(self._config.calibration), "virtual_hand": virtual_hand}
        try:
            self._send(settings)
            self._wait_for_picture()
        except CameraError:
            self.close()
            raise

    def begin(self, scene: Scene) -> None:
        """Look for the object of a scene from now on.

        Raises:
            ConfigurationError: there is no room for tags on it.
        """
        item = None if scene.object == NO_OBJECT else object_of(scene)
        if item is not None:
            object_tags(item)  # refuse it here, where somebody can see the message
        self._since = time.monotonic()
        self._send(None if item is None else asdict(item))

    def object_pose(self) -> FloatArray | None:
        """Pose in the newest picture, (7,), m and quaternion w x y z, hand frame; None where it does not show it."""
        newest = self.newest()
        return newest.pose if newest.status is TrackerStatus.SEEN else None

    def newest(self) -> Sighting:
        """What the newest picture told; what no longer holds is marked as such."""
        found = self._latest.read()
        if found is None:
            raise CameraError("the tracker has been closed or never started")
        sighting = found[1]
        if self.process.poll() is not None:
            return sighting._replace(status=TrackerStatus.ENDED)
        # A picture from before the object was changed shows another one.
        if time.monotonic() - sighting.time > self._config.oldest or sighting.time < self._since:
            return sighting._replace(status=TrackerStatus.LATE)
        return sighting

    def info(self) -> Mapping[str, Any]:
        """How it is doing, for the ``info`` of an environment."""
        newest = self.newest()
        return {
            "tracker": newest.status.name.lower(),
            "tracker_age": time.monotonic() - newest.time,
            "tracker_tags": newest.tags,
            "tracker_estimated": False,
        }

    def last_words(self) -> str:
        """What the process has said last; as a rule why it ended."""
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "the camera's process has said nothing"

    def __deepcopy__(self, memo: dict[int, Any]) -> "CameraTracker":
        """Return itself: there is one camera, and Gymnasium copies an env's spec, and options in it, to show it."""
        return self

    def close(self) -> None:
        """End the process. Safe to call twice."""
        self._finalizer()

    def _send(self, message: Any) -> None:
        stdin = self.process.stdin
        assert stdin is not None
        with contextlib.suppress(OSError):  # it has ended, which the next look at it shows
            stdin.write(json.dumps(message).encode() + b"\n")
            stdin.flush()

    def _wait_for_picture(self) -> None:
        deadline = time.monotonic() + self._config.start_timeout
        while self._latest.read() is None:
            if self.process.poll() is not None:
                raise CameraError(self.last_words())
            if time.monotonic() > deadline:
                raise CameraError(
                    f"the camera gave no picture within {self._config.start_timeout:g} s; does another program use it?"
                )
            time.sleep(0.01)


def _end(process: "subprocess.Popen[bytes]", latest: LatestSighting, log: IO[bytes]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    latest.close()
    log.close()
