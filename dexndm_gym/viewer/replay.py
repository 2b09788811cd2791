"""A recording, played and scrubbed through."""

import math
import time
from collections.abc import Sequence

import numpy as np

from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.objects.catalog import OBJECTS
from dexndm_gym.task.orientations import WRISTS
from dexndm_gym.viewer.controls import ControlEvent
from dexndm_gym.viewer.snapshot import Snapshot

_IDLE = 0.03
"""Time between two looks at the controls while nothing moves, s."""


class Replay:
    """Shows the trajectories of a recording one after another."""

    def __init__(self, trajectories: Sequence[Trajectory]) -> None:
        """Begin at the beginning, playing."""
        self._trajectories = trajectories
        self._now: Trajectory = trajectories[0]
        self._number, self._place = 0, 0
        self._speed, self._paused, self._due = 1.0, False, time.monotonic()

    def handle(self, *events: ControlEvent) -> None:
        """Do what somebody asks for with controls, the oldest first."""
        for event in events:
            self._handle(event)

    def _handle(self, event: ControlEvent) -> None:
        if event.name == "trajectory":
            self._take(int(np.clip(event.value, 0, len(self._trajectories) - 1)))
        elif event.name == "seek":
            self._place = int(np.clip(round(event.value / CONTROL_PERIOD), 0, len(self._now)))
        elif event.name == "pause":
            self._paused = not self._paused
        elif event.name == "speed":
            self._speed = float(event.value)

    def advance(self) -> Snapshot:
        """Wait until the next tick is due, or a moment where nothing moves; what there is to see then."""
        if self._paused:
            time.sleep(_IDLE)
            return self.snapshot()
        shown = self.snapshot()
        self._due = max(self._due + self._period(), time.monotonic() - CONTROL_PERIOD)
        time.sleep(max(self._due - time.monotonic(), 0.0))
        if self._place < len(self._now):
            self._place += 1
        else:
            self._take((self._number + 1) % len(self._trajectories))
        return shown

    def snapshot(self) -> Snapshot:
        """What the hand did at this time."""
        now, place, meta = self._now, self._place, self._now.metadata
        command = now.command[min(place, len(now) - 1)]
        current = np.full(now.num_joints, np.nan) if now.current is None else now.current[place]
        pose = np.full(7, np.nan) if now.object_pose is None else now.object_pose[place]
        return Snapshot(
            time=place * CONTROL_PERIOD,
            position=now.position[place],
            target=command,
            command=command,
            current=current,
            object=str(meta.get("object", "")) if meta.get("object") in OBJECTS else "",
            object_pose=pose,
            wrist=np.array(WRISTS.get(str(meta.get("wrist")), WRISTS["palm_up"])),
            episode=self._number,
            paused=self._paused,
            task=", ".join(f"{name} {meta[name]}" for name in ("hand", "mode", "object") if name in meta),
        )

    def _period(self) -> float:
        return CONTROL_PERIOD / self._speed if math.isfinite(self._speed) else CONTROL_PERIOD / 8

    def _take(self, number: int) -> None:
        self._number, self._place, self._now = number, 0, self._trajectories[number]
