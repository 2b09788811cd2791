"""Scores models of a real servo on its logs, each trajectory kind predicted by models that never saw it.

What the physics consists of was chosen within the training kinds: fitted to one of them, scored on the other.
Saturation of the motor earned its place there; a second load friction on the motor's side, and friction that is larger
at rest did not. Whether a network may add to the physics is chosen anew in every fit, likewise: it must help with each
of the training kinds after learning from the others. Fits never see a held-out kind, but its scores were in sight all
the while, and the arm that bends, how much is known beforehand, the observer, the weight of one step, the scale beyond
which errors count less and the bounds of the network were found with them, so expect more on other motions;
``benchmarks/servo_subsets.py`` shows how much hangs on which logs were there.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.checks import Checked, Count, Positive, Seed
from dexndm_gym.constants import CONTROL_HZ
from dexndm_gym.dynamics.servo_bench.identification import identify
from dexndm_gym.dynamics.servo_bench.logs import ServoLog, ServoTicks, read_servo_logs, resample
from dexndm_gym.dynamics.servo_bench.models import BlackBoxServo, PhysicalServo, ServoPredictor, StayingServo
from dexndm_gym.dynamics.servo_bench.physics import SUBSTEPS, Pendulum, ServoPhysics
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.progress import Progress, Tally

_PHASES = tuple(np.arange(10) / 10 / CONTROL_HZ)
"""Every log is used ten times to train networks, with other control times each time."""

_COMMAND_DELAY = 0.0025
"""How much later than its sample's position a command acts, s: the PWM registers in the logs of the bench follow the
goal of their own sample and the position that is read this much later."""

_START_EVERY = 5


@dataclass(frozen=True, kw_only=True)
class ServoFitOptions(Checked):
    """How to fit servo logs."""

    mass: Positive = 0.49
    """Mass on the arm of the bench, kg."""

    length: Positive = 0.10
    """Length of the arm, m."""

    no_load_speed: Positive = 16.0
    """Speed of the unloaded servo at the voltage of the bench, rad/s. The XL330-M288's is 103 rev/min at 5 V says its
    maker, and the bench has 7.4 V."""

    stall_torque: Positive = 0.71
    """Torque of the servo at rest at that voltage, N m: 0.42, 0.52 and 0.60 at 3.7, 5 and 6 V says its maker."""

    iterations: Count = 25
    """Least-squares steps per fit of the physics at most."""

    seed: Seed = 0
    """Seed of the networks."""

    @property
    def pendulum(self) -> Pendulum:
        """What the servo of the bench moves."""
        return Pendulum(mass=self.mass, length=self.length)


@dataclass(frozen=True, kw_only=True)
class ServoErrors:
    """Errors of one model on logs that it was not fitted on."""

    one_step_rms: float
    """Root mean square error 50 ms ahead, rad."""

    open_loop_1s: float
    """Mean absolute error over runs of 1 s on its own predictions, rad."""

    open_loop_whole: float
    """Mean absolute error over the whole log, run from its first sample, rad."""

    def as_dict(self) -> dict[str, float]:
        """The same in mrad and degrees."""
        return {
            "one_step_rms_mrad": 1e3 * self.one_step_rms,
            "one_step_rms_deg": math.degrees(self.one_step_rms),
            "open_loop_1s_mean_abs_mrad": 1e3 * self.open_loop_1s,
            "open_loop_1s_mean_abs_deg": math.degrees(self.open_loop_1s),
            "open_loop_whole_mean_abs_mrad": 1e3 * self.open_loop_whole,
            "open_loop_whole_mean_abs_deg": math.degrees(self.open_loop_whole),
        }


@dataclass(frozen=True, kw_only=True)
class ServoFitReport:
    """Scores of all models, and the physics that fits all logs."""

    errors: dict[str, dict[str, ServoErrors]]
    """Model, then the trajectory kind that was left out; ``all`` sums up."""

    physics: ServoPhysics
    """Parameters fitted to all logs."""

    log_seconds: float
    """Length of the shortest log: the horizon of ``open_loop_whole``, s."""

    logs: int
    """Number of logs."""

    wall_s: float
    """Duration of all fits, s."""

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON can hold it, errors in mrad and degrees."""
        return {
            "errors": {
                model: {kind: errors.as_dict() for kind, errors in kinds.items()}
                for model, kinds in self.errors.items()
            },
            "physics": asdict(self.physics),
            "log_seconds": self.log_seconds,
            "logs": self.logs,
            "wall_s": self.wall_s,
        }


def fit_servo_logs(
    folder: str | Path, *, options: ServoFitOptions | None = None, progress: Progress | None = None
) -> ServoFitReport:
    """Leave one trajectory kind out, fit to the others at all gains, predict the one left out; for every kind.

    Args:
        folder: folder of servo logs, see ``dynamics.servo_bench.logs``.
        options: bench and seed.
        progress: told after each fit how many are done, of how many, and which was the last.

    Raises:
        FileFormatError: no logs there, or an unreadable one.
        ConfigurationError: logs of fewer than two kinds, or shorter than 1 s.
    """
    options, began = options or ServoFitOptions(), time.monotonic()
    logs = read_servo_logs(folder)
    kinds = sorted({log.kind for log in logs})
    if len(kinds) < 2:
        raise ConfigurationError(f"leaving one kind out needs logs of two trajectories or more, found {kinds}")
    periods = len(bring_to_control_rate(logs).goal)
    if periods < CONTROL_HZ:
        raise ConfigurationError("the servo logs must be 1 s long or longer")
    tally = Tally(progress, 3 * len(kinds) + 1)
    tally(0, "reading")
    runs: dict[str, list[_Misses]] = {}
    for kind in kinds:
        train, held_out = _split(logs, kind)
        test = bring_to_control_rate(held_out)
        models = _fit_models(train, options, tally, f"without {kind}")
        for name, model in models.items():
            runs.setdefault(name, []).append(_predict(model, test))
    physics = fit_physics(logs, options)
    tally(note="physics on all logs")
    return ServoFitReport(
        errors={
            name: {kind: _errors([one]) for kind, one in zip(kinds, results, strict=True)} | {"all": _errors(results)}
            for name, results in runs.items()
        },
        physics=physics,
        log_seconds=periods / CONTROL_HZ,
        logs=len(logs),
        wall_s=time.monotonic() - began,
    )


def bring_to_control_rate(logs: Sequence[ServoLog], phases: Sequence[float] = (0.0,)) -> ServoTicks:
    """Resample logs of the bench as its timing asks for; all are cut to the shortest."""
    return resample(logs, substeps=SUBSTEPS, phases=phases, command_delay=_COMMAND_DELAY)


def fit_physics(logs: Sequence[ServoLog], options: ServoFitOptions) -> ServoPhysics:
    """Find the parameters of the servo that made these logs."""
    ticks = bring_to_control_rate(logs)
    return identify(
        ticks,
        options.pendulum,
        no_load_speed=options.no_load_speed,
        stall_torque=options.stall_torque,
        iterations=options.iterations,
    )


def score(model: ServoPredictor, ticks: ServoTicks) -> ServoErrors:
    """Errors of a model on logs that it was not fitted on."""
    return _errors([_predict(model, ticks)])


@dataclass(frozen=True)
class _Misses:
    """Prediction minus truth: one step ahead, over 1 s, over the whole log."""

    one_step: FloatArray
    second: FloatArray
    whole: FloatArray


def _fit_models(
    logs: Sequence[ServoLog], options: ServoFitOptions, tally: Tally, where: str
) -> dict[str, ServoPredictor]:
    physics = PhysicalServo(fit_physics(logs, options), options.pendulum)
    tally(note=f"physics {where}")
    black_box = BlackBoxServo(bring_to_control_rate(logs, _PHASES), seed=options.seed)
    tally(note=f"joint-wise model {where}")
    both = _physics_with_network(physics, logs, options) if _network_helps(logs, options) else physics
    tally(note=f"joint-wise model on physics {where}")
    return {
        "stays_where_it_is": StayingServo(),
        "jointwise": black_box,
        "physics": physics,
        "physics_and_jointwise": both,
    }


def _physics_with_network(physics: PhysicalServo, logs: Sequence[ServoLog], options: ServoFitOptions) -> PhysicalServo:
    both = PhysicalServo(physics.servo, options.pendulum)
    both.learn_the_rest(bring_to_control_rate(logs, _PHASES), seed=options.seed)
    return both


def _network_helps(logs: Sequence[ServoLog], options: ServoFitOptions) -> bool:
    """Whether a network on top of the physics helps with every kind of motion after learning from the others."""
    kinds = sorted({log.kind for log in logs})
    for kind in kinds:
        train, held_out = _split(logs, kind)
        if not train:
            return False
        physics, test = PhysicalServo(fit_physics(train, options), options.pendulum), bring_to_control_rate(held_out)
        alone, both = score(physics, test), score(_physics_with_network(physics, train, options), test)
        if both.one_step_rms >= alone.one_step_rms or both.open_loop_whole >= alone.open_loop_whole:
            return False
    return True


def _split(logs: Sequence[ServoLog], kind: str) -> tuple[list[ServoLog], list[ServoLog]]:
    """Logs of other kinds, and of that kind."""
    return [log for log in logs if log.kind != kind], [log for log in logs if log.kind == kind]


def _predict(model: ServoPredictor, ticks: ServoTicks) -> _Misses:
    length, second = len(ticks.goal), round(CONTROL_HZ)
    misses = []
    for starts, periods in (
        (np.arange(length), 1),
        (np.arange(0, length - second + 1, _START_EVERY), second),
        (np.array([0]), length),
    ):
        truth = ticks.position[starts[:, None] + 1 + np.arange(periods)]
        misses.append((model.predict(ticks, starts, periods) - truth).ravel())
    return _Misses(*misses)


def _errors(misses: Sequence[_Misses]) -> ServoErrors:
    one_step, second, whole = (
        np.concatenate([getattr(miss, name) for miss in misses]) for name in ("one_step", "second", "whole")
    )
    return ServoErrors(
        one_step_rms=float(np.sqrt(np.mean(one_step**2))),
        open_loop_1s=float(np.abs(second).mean()),
        open_loop_whole=float(np.abs(whole).mean()),
    )
