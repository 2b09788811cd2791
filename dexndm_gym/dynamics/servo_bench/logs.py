"""Logs of single real servos on a pendulum bench: CSV files at an irregular rate, read and brought to the control rate.

A log is named ``<trajectory>_kp<position gain>_<anything>.csv`` and has at least the columns ``t_s``, ``goal_rad``,
``present_rad`` and ``torque_enable``. Where it has ``temp_C``, too, a warm motor is taken to be a weaker one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dexndm_gym.arrays import BoolArray, FloatArray
from dexndm_gym.constants import CONTROL_HZ
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.errors import ConfigurationError, FileFormatError

_NAME = re.compile(r"(?P<kind>.+)_kp(?P<gain>\d+)(_.*)?\.csv")
_COLUMNS = ("t_s", "goal_rad", "present_rad", "torque_enable")
_TEMPERATURE = "temp_C"

_USUAL = 30.0
"""Temperature of a servo at which its parameters are stated, degrees Celsius."""

_COLDEST, _HOTTEST = -20.0, 100.0

_TORQUE_PER_KELVIN = 0.006
"""How fast a motor at a given voltage loses torque as it gets warm, per K: the resistance of copper rises by 0.39 %,
the field of ferrite magnets falls by 0.2 %. The case is measured, so this is less than what the winding loses."""


@dataclass(frozen=True, eq=False)
class ServoLog:
    """What one servo was told and did."""

    name: str
    """File name."""

    kind: str
    """Name of the trajectory that the goals follow."""

    gain: float
    """The servo's Position P Gain register."""

    time: FloatArray
    """Time of each sample, (samples,), s, increasing."""

    goal: FloatArray
    """Goal position sent at that time, (samples,), rad."""

    position: FloatArray
    """Measured position, (samples,), rad."""

    torque_on: BoolArray
    """Whether the motor was switched on, (samples,)."""

    temperature: float = _USUAL
    """Mean temperature of the servo, degrees Celsius."""

    @property
    def strength(self) -> float:
        """Torque of the motor at this temperature per torque at the usual one."""
        return 1 / (1 + _TORQUE_PER_KELVIN * (self.temperature - _USUAL))


@dataclass(frozen=True, eq=False)
class ServoTicks:
    """n logs at the control rate, all T periods long; commands also in between, ``S`` times per period."""

    goal: FloatArray
    """Goal positions held at each substep, (T, S, n), rad."""

    torque_on: FloatArray
    """The motor's strength where it is on, 1 but for its temperature, else 0, (T, S, n)."""

    position: FloatArray
    """Positions at the control times, (T+1, n), rad."""

    gain: FloatArray
    """Position P Gain registers, (n,)."""

    def trajectories(self) -> list[Trajectory]:
        """One single-joint trajectory per log; the command of a period is the mean of the goals held in it."""
        command = self.goal.mean(axis=1)
        return [Trajectory(self.position[:, [i]], command[:, [i]]) for i in range(len(self.gain))]


def read_servo_logs(folder: str | Path) -> list[ServoLog]:
    """Read all logs of a folder, in the order of their names.

    Raises:
        FileFormatError: no log there, or one that cannot be read.
    """
    found = [(path, match) for path in sorted(Path(folder).glob("*.csv")) if (match := _NAME.fullmatch(path.name))]
    if not found:
        raise FileFormatError(f"no servo logs in {folder}: expected files named <trajectory>_kp<gain>_*.csv")
    return [_read(path, match["kind"], float(match["gain"])) for path, match in found]


def resample(
    logs: Sequence[ServoLog], *, substeps: int, phases: Sequence[float] = (0.0,), command_delay: float = 0.0
) -> ServoTicks:
    """Bring logs to the control rate: goals are held until the next one, positions interpolated.

    Args:
        logs: the logs; all are cut to the shortest.
        substeps: how many times per control period the commands are kept.
        phases: for each of these delays of the first control time after the first sample, in s, every log gives one
            column, log by log.
        command_delay: how much later than its sample's position a command acts, s.

    Raises:
        ConfigurationError: no logs, or one shorter than a control period.
    """
    period = 1 / CONTROL_HZ
    columns = [(log, log.time[0] + phase) for log in logs for phase in phases]
    periods = min((int((log.time[-1] - start) / period) for log, start in columns), default=0)
    if periods < 1:
        raise ConfigurationError("resampling needs servo logs of at least one control period each")
    steps, ticks = np.arange(periods * substeps) * period / substeps, np.arange(periods + 1) * period
    goal, torque_on, position = [], [], []
    for log, start in columns:
        # A sample's command counts from its own time on, the first one's also for times that rounding puts before it.
        held = np.maximum(np.searchsorted(log.time, start + steps - command_delay, side="right") - 1, 0)
        goal.append(log.goal[held].reshape(periods, substeps))
        torque_on.append(log.strength * log.torque_on[held].reshape(periods, substeps))
        position.append(np.interp(start + ticks, log.time, log.position))
    return ServoTicks(
        goal=np.stack(goal, axis=-1),
        torque_on=np.stack(torque_on, axis=-1),
        position=np.stack(position, axis=-1),
        gain=np.array([log.gain for log, _ in columns]),
    )


def _read(path: Path, kind: str, gain: float) -> ServoLog:
    try:
        table = np.genfromtxt(path, delimiter=",", names=True)
    except ValueError as error:
        raise FileFormatError(f"{path} is no table of comma-separated numbers: {error}") from error
    missing = set(_COLUMNS) - set(table.dtype.names or ())
    if missing or table.size < 2:
        raise FileFormatError(
            f"{path} needs the columns {_COLUMNS} and at least two samples; it lacks {sorted(missing)}"
        )
    time, goal, position, torque = (np.asarray(table[name]) for name in _COLUMNS)
    if not all(np.isfinite(column).all() for column in (time, goal, position, torque)) or (np.diff(time) <= 0).any():
        raise FileFormatError(f"{path} has values that are not numbers, or times that do not increase")
    warmth = float(np.mean(table[_TEMPERATURE])) if _TEMPERATURE in (table.dtype.names or ()) else _USUAL
    if not _COLDEST < warmth < _HOTTEST:
        raise FileFormatError(f"{path} has a mean {_TEMPERATURE} of {warmth:g}; expected degrees Celsius")
    return ServoLog(path.name, kind, gain, time, goal, position, torque != 0, warmth)
