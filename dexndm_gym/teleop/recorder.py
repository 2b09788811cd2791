"""Writes a teleoperation into a recording: what was asked for beside what the hand did."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.data.recording import RecordingWriter
from dexndm_gym.teleop.steering import Steering, wrist_text


class TeleopRecorder:
    """One trajectory for as long as the hand does the same thing; use it as a context manager.

    Axis, wrist and speed are in every tick, mode and task in the metadata of the trajectory.
    """

    def __init__(self, path: str | Path, about: Mapping[str, Any] | None = None) -> None:
        """Create the file.

        Args:
            path: file to create.
            about: metadata of all trajectories.

        Raises:
            ConfigurationError: the file exists, or its folder does not.
            OutputError: the disk is full.
        """
        self._writer, self._about = RecordingWriter(path, steered=True), dict(about or {})
        self._segment: tuple[Any, ...] | None = None
        self._before: tuple[Any, ...] = ()

    def __enter__(self) -> "TeleopRecorder":
        """The recorder itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file, whatever happened."""
        self.close()

    def begin(self, position: FloatArray, info: Mapping[str, Any], current: FloatArray | None) -> None:
        """An episode has begun.

        Args:
            position: joint positions, (16,), rad.
            info: of the reset.
            current: of the servos, (16,), A; None where it is not measured.
        """
        self.end()
        self._before = (position.copy(), current, info["object_pose"])

    def step(
        self,
        steering: Steering,
        frame: FloatArray,
        position: FloatArray,
        info: Mapping[str, Any],
        current: FloatArray | None,
    ) -> None:
        """A control step has been played.

        Args:
            steering: what was asked for.
            frame: wrist quaternion and axis in the world frame that held in it, (7,).
            position: joint positions after it, (16,), rad.
            info: of the step.
            current: of the servos after it, (16,), A; None where it is not measured.
        """
        segment = steering.segment()
        if segment != self._segment:
            self.end()
            self._segment = segment
            self._writer.begin_trajectory(self._about | _metadata(steering, frame, str(info["object"])))
        before, amperes, pose = self._before
        asked = np.concatenate([frame[4:], frame[:4], [steering.speed]])
        self._writer.append(before, info["command"], amperes, pose, steering=asked)
        self._before = (position.copy(), current, info["object_pose"])

    def end(self) -> None:
        """The hand does something else from here on, or nothing."""
        if self._segment is not None:
            self._segment = None
            self._writer.end_trajectory(*self._before)

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self.end()
        self._writer.close()


def _metadata(steering: Steering, frame: FloatArray, item: str) -> dict[str, Any]:
    return {
        "mode": "policy",
        "object": item,
        "wrist": wrist_text(frame[:4]),
        "task": steering.task(item),
        "teleop": {"mode": steering.mode, "axis": steering.axis_text(), "goal": steering.goal},
    }
