"""Gravity that grows with success, for each wrist orientation, axis and object set of its own.

At low gravity lifting a finger costs nothing, so that finger gaiting is found; then gravity rises and the gait
survives.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from dexndm_gym.arrays import IntArray
from dexndm_gym.checks import Bound, Checked, Count, NotNegative
from dexndm_gym.task.options import EpisodeSetup
from dexndm_gym.task.orientations import AXES, WRISTS, down_in_hand

_WRIST_NAMES, _AXIS_NAMES = tuple(WRISTS), tuple(AXES)
NAMED_DOWN = np.array([down_in_hand(np.array(wrist)) for wrist in WRISTS.values()])
"""Direction of gravity in the hand frame of each named wrist; a wrist belongs to the nearest."""

NAMED_AXES = np.array(list(AXES.values()))
"""The named axes, world frame; an axis belongs to the nearest."""


@dataclass(frozen=True, kw_only=True)
class GravityConfig(Checked):
    """When gravity rises and falls."""

    start: Annotated[float, Bound(above=0.0, most=1.0)] = 1.0
    """Gravity that every cell starts with, as a share of standard gravity; 1 switches the curriculum off, 0.1 lets
    gaits be found."""

    step: Annotated[float, Bound(above=0.0, most=1.0)] = 0.3
    """How much it rises or falls at a time."""

    rotation: NotNegative = 4.0
    """Rotation per episode, rad, above which it rises."""

    dropped: Annotated[float, Bound(above=0.0, most=1.0)] = 0.3
    """Share of episodes that drop the object below which it rises; from twice that on it falls."""

    episodes: Count = 24
    """Episodes that are judged; only those that began after the last change count."""


@dataclass(frozen=True, kw_only=True)
class CellReport:
    """How one cell does."""

    wrist: str
    axis: str
    objects: str
    """Name of the object set."""

    gravity: float
    """Share of standard gravity."""

    speed: float
    """Mean rotation speed of the latest episodes, rad/s."""

    dropped: float
    """Share of them that dropped the object."""

    episodes: int
    """How many they are."""


class _Judged:
    """The latest episodes of a cell and their sums: adding up thousands anew for each would take too long."""

    def __init__(self, size: int) -> None:
        self._episodes: deque[tuple[float, bool]] = deque()
        self._size, self._rotation, self._dropped = size, 0.0, 0

    def add(self, rotation: float, dropped: bool) -> None:
        """Take in an episode; the oldest makes room for it."""
        if self.full:
            oldest, lost = self._episodes.popleft()
            self._rotation, self._dropped = self._rotation - oldest, self._dropped - lost
        self._episodes.append((rotation, dropped))
        self._rotation, self._dropped = self._rotation + rotation, self._dropped + dropped

    @property
    def full(self) -> bool:
        """Whether there are as many as are to be judged."""
        return len(self._episodes) == self._size

    @property
    def rotation(self) -> float:
        """Mean rotation, rad."""
        return self._rotation / len(self._episodes)

    @property
    def dropped(self) -> float:
        """Share that dropped the object."""
        return self._dropped / len(self._episodes)


class GravityCurriculum:
    """Gravity of cells: nearest named wrist x nearest principal axis x object set.

    All of its state goes through pickle.
    """

    def __init__(self, config: GravityConfig, object_sets: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Start every cell at ``config.start``.

        Args:
            config: when gravity rises and falls.
            object_sets: name and objects of each set; an object belongs to the first set that has it.
        """
        self.config = config
        self._sets = tuple(name for name, _ in object_sets)
        self._set_of = {item: k for k, (_, items) in reversed(list(enumerate(object_sets))) for item in items}
        shape = (len(self._sets), len(WRISTS), len(AXES))
        self.gravity = np.full(shape, config.start)
        self._version = np.zeros(shape, dtype=np.int64)
        self._judged: dict[int, _Judged] = {}
        self._latest: dict[int, deque[tuple[float, float, bool]]] = {}

    def cell(self, episode: EpisodeSetup) -> int:
        """Number of the cell that an episode belongs to."""
        wrist = int(np.argmax(NAMED_DOWN @ np.array(down_in_hand(episode.wrist))))
        axis = int(np.argmax(NAMED_AXES @ episode.axis))
        return int(np.ravel_multi_index((self._set_of[episode.scene.object], wrist, axis), self.gravity.shape))

    def sets_of(self, objects: Sequence[str]) -> IntArray:
        """Number of the set that each of these objects belongs to; first index of ``gravity`` and ``versions``."""
        return np.array([self._set_of[name] for name in objects])

    def lightened(self, episode: EpisodeSetup) -> EpisodeSetup:
        """The episode under the gravity of its cell."""
        level = self.gravity.flat[self.cell(episode)]
        x, y, z = episode.scene.gravity
        return replace(episode, scene=replace(episode.scene, gravity=(level * x, level * y, level * z)))

    def version(self, cell: int) -> int:
        """How often the gravity of a cell has changed: to be handed back with the result of an episode of it."""
        return int(self._version.flat[cell])

    @property
    def versions(self) -> IntArray:
        """``version`` of every cell, of the same shape as ``gravity``."""
        return self._version

    def record(self, cell: int, version: int, *, rotation: float, time: float, dropped: bool) -> None:
        """Take in how an episode ended, and change its cell's gravity where it is time.

        Args:
            cell: its cell.
            version: the cell's ``version`` when it began.
            rotation: about the axis, rad.
            time: how long it lasted, s.
            dropped: whether it ended by a drop.
        """
        c = self.config
        self._latest.setdefault(cell, deque(maxlen=2 * c.episodes)).append((rotation, time, dropped))
        if version != self._version.flat[cell]:
            return
        judged = self._judged.setdefault(cell, _Judged(c.episodes))
        judged.add(rotation, dropped)
        if not judged.full:
            return
        level = self.gravity.flat[cell]
        if judged.rotation > c.rotation and judged.dropped < c.dropped:
            changed = min(level + c.step, 1.0)
        elif judged.dropped > 2.0 * c.dropped:
            changed = max(level - c.step, c.start)
        else:
            return
        if changed != level:
            self.gravity.flat[cell] = changed
            self._version.flat[cell] += 1
            del self._judged[cell]

    def report(self) -> list[CellReport]:
        """How the cells do that have seen episodes, in the order of sets, wrists and axes."""
        rows = []
        for cell in sorted(self._latest):
            rotation, time, dropped = (np.array(column) for column in zip(*self._latest[cell], strict=True))
            k, wrist, axis = np.unravel_index(cell, self.gravity.shape)
            rows.append(
                CellReport(
                    wrist=_WRIST_NAMES[wrist],
                    axis=_AXIS_NAMES[axis],
                    objects=self._sets[k],
                    gravity=float(self.gravity.flat[cell]),
                    speed=float(rotation.sum() / max(time.sum(), 1e-9)),
                    dropped=float(dropped.mean()),
                    episodes=len(rotation),
                )
            )
        return rows
