"""Joint trajectories: what a hand was told and where its joints went."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import CONTROL_HZ
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.objects.scene import FREE


@dataclass(frozen=True, eq=False)
class Trajectory:
    """One uninterrupted motion at the control rate.

    ``command[j]`` is applied from time j to j+1; ``position[j]`` is read before it is applied.

    Raises:
        ConfigurationError: shapes that do not fit together, or values that are not finite.
    """

    position: FloatArray
    """Joint positions, (T+1, joints), rad."""

    command: FloatArray
    """Commands sent to the joints, (T, joints), rad."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Whatever the recorder wanted to remember, as JSON can hold it."""

    current: FloatArray | None = None
    """Currents of the servos, (T+1, joints), A, read with the positions; None where they were not recorded."""

    object_pose: FloatArray | None = None
    """Object in the hand frame, (T+1, 7), m and quaternion w x y z, NaN where it was not seen; None where it never
    was."""

    steering: FloatArray | None = None
    """What a person asked for in each control period, (T, 8): axis and wrist (quaternion w x y z) in the world frame,
    and the share of the policy's motion; None where nobody steered."""

    def __post_init__(self) -> None:
        """Check shapes and values."""
        if self.position.ndim != 2 or self.command.shape != (len(self.position) - 1, self.position.shape[1]):
            raise ConfigurationError(
                "a trajectory is position (T+1, joints) and command (T, joints); "
                f"got {self.position.shape} and {self.command.shape}"
            )
        if self.current is not None and self.current.shape != self.position.shape:
            raise ConfigurationError(f"currents must be {self.position.shape}, got {self.current.shape}")
        if self.object_pose is not None and self.object_pose.shape != (len(self.position), 7):
            raise ConfigurationError(f"object poses must be {(len(self.position), 7)}, got {self.object_pose.shape}")
        if self.steering is not None and self.steering.shape != (len(self.command), 8):
            raise ConfigurationError(f"steering must be {(len(self.command), 8)}, got {self.steering.shape}")
        if not (np.isfinite(self.position).all() and np.isfinite(self.command).all()):
            raise ConfigurationError("a trajectory must hold finite numbers only; drop the ticks that failed")

    def __len__(self) -> int:
        """Number of control periods T."""
        return len(self.command)

    @property
    def num_joints(self) -> int:
        """Number of joints."""
        return self.position.shape[1]

    @property
    def seconds(self) -> float:
        """Duration in s."""
        return len(self) / CONTROL_HZ

    @property
    def free(self) -> bool:
        """Whether nothing but the hand itself moved its joints, as far as the metadata say."""
        return self.metadata.get("mode") != "policy" and self.metadata.get("surroundings", FREE) == FREE

    def cut(self, start: int, stop: int) -> "Trajectory":
        """The part from control period ``start`` up to ``stop``, with the same metadata."""
        rows = slice(start, stop + 1)
        current = None if self.current is None else self.current[rows]
        pose = None if self.object_pose is None else self.object_pose[rows]
        steering = None if self.steering is None else self.steering[start:stop]
        return Trajectory(self.position[rows], self.command[start:stop], self.metadata, current, pose, steering)


class TrajectoryView(Sequence[Trajectory]):
    """Trajectories out of several sequences, fetched when asked for: recordings may be larger than memory."""

    def __init__(self, *sources: Sequence[Trajectory]) -> None:
        """Join sequences."""
        self._places = [(source, index) for source in sources for index in range(len(source))]

    def __len__(self) -> int:
        """Number of trajectories."""
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Trajectory: ...
    @overload
    def __getitem__(self, index: slice) -> "TrajectoryView": ...
    def __getitem__(self, index: int | slice) -> "Trajectory | TrajectoryView":
        """Fetch one trajectory, or look at several."""
        if isinstance(index, slice):
            return self.pick(range(*index.indices(len(self))))
        source, place = self._places[index]
        return source[place]

    def pick(self, indices: Iterable[int]) -> "TrajectoryView":
        """Some of the trajectories, in that order."""
        view = TrajectoryView()
        view._places = [self._places[index] for index in indices]
        return view


def as_row(values: npt.ArrayLike, width: int, what: str) -> FloatArray:
    """Check one tick's values: shape ``(width,)`` and finite.

    Raises:
        ConfigurationError: another shape, or a value that is not finite.
    """
    row = np.asarray(values, dtype=np.float64)
    if row.shape != (width,) or not np.isfinite(row).all():
        raise ConfigurationError(f"{what} must be {width} finite numbers, got {row!r}")
    return row
