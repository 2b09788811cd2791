"""Autonomous collection: replay what a policy did in simulation on the hand, and record what the hand makes of it.

Target sequences from simulated episodes are replayed open loop, half of them with noise on the commands (DexNDM's
recipe), and all of them with offsets that last for about a second. As a rule the hand is empty, unlike in the paper:
where something blocks a joint, its position shows nothing of what pulls at it. Nothing here knows how a trajectory is
played, or what surrounds the hand: a player is given a plan and yields control periods.
"""

import itertools
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from tqdm import tqdm

from dexndm_gym.arrays import FloatArray
from dexndm_gym.checks import Bound, Checked, Radians, Seed, Share
from dexndm_gym.constants import CONTROL_HZ
from dexndm_gym.data.reading import read_recording
from dexndm_gym.data.recording import RecordingWriter
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.errors import ConfigurationError

TICKS_PER_MINUTE = 60 * CONTROL_HZ

_PART = "part-{:04d}.h5"
_PART_NAME = re.compile(r"part-(\d+)\.h5")
_BAR = "{l_bar}{bar}| {n:.1f}/{total:.1f} min of hand time [{elapsed}<{remaining}, {rate_fmt}{postfix}]"


@dataclass(frozen=True, kw_only=True)
class CollectOptions(Checked):
    """What to collect."""

    minutes: Annotated[float, Bound(least=0.001)] = 60.0
    """Hand time that the folder shall hold of each setting when done, min."""

    noise_probability: Share = 0.5
    """Share of the trajectories that get noise on their commands."""

    noise: Radians = 0.01
    """Standard deviation of that noise, rad."""

    offset: Radians = 0.06
    """Standard deviation of the offsets on the commands of replays, rad; each joint's changes about once a second."""

    closed_loop: Share = 0.0
    """Share of the trajectories that the policy plays itself, object in hand, instead of a replay."""

    seed: Seed = 0
    """Seed of everything that is drawn."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One trajectory to be played."""

    index: int
    """Its place in the collection."""

    replay: Trajectory | None
    """Whose commands to replay; None lets the policy play."""

    noise: float
    """Standard deviation of the noise on the commands, rad."""

    offset: float
    """Standard deviation of the offsets on the commands, rad."""

    seed: int
    """Seed of the noise and of the object's placement."""


class Tick(NamedTuple):
    """One control period, or the end of a trajectory."""

    position: FloatArray
    """Positions read, (16,), rad."""

    command: FloatArray | None
    """Targets applied from then on, (16,), rad; None where the trajectory ends."""

    current: FloatArray | None = None
    """Servo currents read with the positions, (16,), A; None where they are not measured."""

    object_pose: FloatArray | None = None
    """Object in the hand frame, (7,), m and quaternion w x y z; None, or NaN, where it is not seen."""

    object: str | None = None
    """Name of the object; None where nobody knows."""


Player = Callable[[Plan], Generator[Tick, None, None]]
"""Plays a plan on a hand, yielding its control periods as they pass."""


@dataclass(frozen=True, kw_only=True)
class CollectReport:
    """What a folder of recordings holds of one setting."""

    folder: Path
    """The folder."""

    setting: Mapping[str, str]
    """The setting."""

    minutes: float
    """Hand time recorded, min, earlier runs included."""

    trajectories: int
    """Trajectories recorded, earlier runs included."""

    resumed_minutes: float
    """What was there before, min."""

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON can hold it."""
        return asdict(self) | {"folder": str(self.folder), "setting": dict(self.setting)}


def recordings_in(folder: str | Path) -> list[Path]:
    """The recordings of a collection, oldest first."""
    numbers = {path: int(match[1]) for path in Path(folder).glob("*") if (match := _PART_NAME.fullmatch(path.name))}
    return sorted(numbers, key=numbers.__getitem__)


def new_part(folder: Path) -> RecordingWriter:
    """Create the next recording of a collection: after all that are there, whoever else is creating one.

    Raises:
        ConfigurationError: the folder does not take it.
        OutputError: the disk is full.
    """
    parts = recordings_in(folder)
    last = int(_PART_NAME.fullmatch(parts[-1].name)[1]) if parts else -1  # type: ignore[index]
    number = last + 1
    while True:
        path = folder / _PART.format(number)
        try:
            return RecordingWriter(path)
        except ConfigurationError:
            if not path.exists():
                raise
        number += 1


def collect(
    play: Player,
    folder: str | Path,
    options: CollectOptions,
    *,
    replays: Sequence[Trajectory] = (),
    about: Mapping[str, Any] | None = None,
    setting: Mapping[str, str] | None = None,
    label: str = "collect",
    progress: bool = True,
) -> CollectReport:
    """Record trajectories until the folder holds enough of this setting; what it holds already counts.

    An interrupted collection goes on where it stopped: trajectory k is the same whenever, and in whatever setting, it
    is played.

    Args:
        play: moves the hand.
        folder: where recordings go; one file for each time this is called.
        options: what to collect.
        replays: what to replay, as a rule simulated episodes of the policy.
        about: which hand this is, as JSON can hold it; recorded, and compared when a collection goes on.
        setting: under what circumstances, such as what surrounds the hand; recorded as metadata.
        label: what the bar is called.
        progress: show a bar with rate and time left.

    Raises:
        ConfigurationError: nothing to replay, or the folder holds data of another hand.
    """
    if not replays and options.closed_loop < 1.0:
        raise ConfigurationError("collection needs command sequences to replay, or closed_loop=1")
    folder, about, setting = Path(folder), dict(about or {}), dict(setting or {})
    folder.mkdir(parents=True, exist_ok=True)
    before = [trajectory for path in recordings_in(folder) for trajectory in read_recording(path)]
    _require_same_hand(before, about, folder)
    before = [one for one in before if {name: one.metadata.get(name) for name in setting} == setting]
    done = resumed = sum(len(trajectory) for trajectory in before)
    wanted, count = round(options.minutes * TICKS_PER_MINUTE), len(before)
    if done < wanted:
        first = 1 + max((int(trajectory.metadata.get("index", -1)) for trajectory in before), default=-1)
        bar = tqdm(total=wanted / TICKS_PER_MINUTE, unit="min", bar_format=_BAR, disable=not progress, desc=label)
        bar.update(done / TICKS_PER_MINUTE)
        circumstances, tell = {"about": about} | setting, partial(bar.update, 1 / TICKS_PER_MINUTE)
        with bar, new_part(folder) as writer:
            for index in itertools.count(first):
                plan = draw_plan(index, options, replays)
                done += _record(play, plan, writer, wanted - done, circumstances, tell)
                count += 1
                bar.set_postfix_str(f"{count} trajectories", refresh=False)
                if done >= wanted:
                    break
    return CollectReport(
        folder=folder,
        setting=setting,
        minutes=done / TICKS_PER_MINUTE,
        trajectories=count,
        resumed_minutes=resumed / TICKS_PER_MINUTE,
    )


def draw_plan(index: int, options: CollectOptions, replays: Sequence[Trajectory]) -> Plan:
    """Draw trajectory number ``index``; it depends on nothing but the arguments."""
    rng = np.random.default_rng([options.seed, index])
    closed_loop = not replays or rng.random() < options.closed_loop
    return Plan(
        index=index,
        replay=None if closed_loop else replays[int(rng.integers(len(replays)))],
        noise=options.noise if rng.random() < options.noise_probability else 0.0,
        offset=0.0 if closed_loop else options.offset,
        seed=int(rng.integers(2**31)),
    )


def _record(
    play: Player,
    plan: Plan,
    writer: RecordingWriter,
    limit: int,
    circumstances: Mapping[str, Any],
    passed: Callable[[], Any],
) -> int:
    """Record at most ``limit`` control periods of a plan; returns how many there were."""
    mode = "policy" if plan.replay is None else "replay"
    source = {} if plan.replay is None else {"replayed": dict(plan.replay.metadata)}
    metadata = {"index": plan.index, "mode": mode, "noise_rad": plan.noise, **circumstances, **source}
    count = 0
    with closing(play(plan)) as ticks:
        for tick in ticks:
            if count == 0:
                writer.begin_trajectory(metadata if tick.object is None else metadata | {"object": tick.object})
            if tick.command is None or count == limit:
                writer.end_trajectory(tick.position, tick.current, tick.object_pose)
                break
            writer.append(tick.position, tick.command, tick.current, tick.object_pose)
            count += 1
            passed()
    return count


def _require_same_hand(before: Sequence[Trajectory], about: Mapping[str, Any], folder: Path) -> None:
    for trajectory in before:
        found = trajectory.metadata.get("about", {})
        if found != about:
            raise ConfigurationError(
                f"{folder} holds recordings of {found}, this hand is {about}; give another folder for it"
            )
