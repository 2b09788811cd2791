"""``dexndm fit``."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Literal

import tyro

from dexndm_gym.assets import SHIPPED_POLICY
from dexndm_gym.backends.mujoco_hand import MujocoHand
from dexndm_gym.checks import Count, NotEmpty, Width
from dexndm_gym.cli.common import (
    NOTHING_KEPT,
    JsonFile,
    Names,
    find_recordings,
    interruptible,
    load_policy_file,
    parse,
    table,
    write_json,
)
from dexndm_gym.data.collection import CollectOptions
from dexndm_gym.data.replay import longest, replay_at_once, simulate
from dexndm_gym.distributed.workers_config import WorkersConfig
from dexndm_gym.dynamics.fit import FitOptions, FitReport, fit_recordings, fit_trajectories
from dexndm_gym.dynamics.fit_hands import fit_hands
from dexndm_gym.dynamics.model import JointwiseModel, ModelConfig, Network, PhysicsRole
from dexndm_gym.dynamics.model_file import SHIPPED_SIM_MODEL, load_model, save_model
from dexndm_gym.dynamics.prediction_errors import PredictionErrors
from dexndm_gym.dynamics.servo_bench.fit import ServoFitOptions, ServoFitReport, fit_servo_logs
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.mesh_grasp_cache import choose_starts
from dexndm_gym.outputs import Output
from dexndm_gym.progress import Tally, progress_bar


@dataclass(frozen=True, kw_only=True)
class FitCommand(FitOptions, WorkersConfig):
    """Fit the joint-wise dynamics model: where each joint will be 50 ms later.

    Given recordings of one hand, it starts from the model of the simulated hand, fits, and prints the errors on
    trajectories that were held out. Given a folder of logs of single servos (CSV), it leaves out one kind of motion
    after the other, fits to the rest and prints how well what was left out is predicted. With --pretrain it makes the
    model of the simulated hand, from replays of simulated episodes on empty simulated hands. With --models it fits many
    hands. A fit that was killed goes on when the same command is run again.
    """

    paths: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[PATH ...]")] = ()
    """Recordings, or folders of them; or one folder of servo logs."""

    out: Annotated[Path, Output(suffixes=(".safetensors",))] = Path("runs/hand_dynamics.safetensors")
    """File to write the model to."""

    models: Annotated[Path | None, tyro.conf.arg(metavar="DIR"), Output(folder=True)] = None
    """Fit a model to each PATH by itself, a hand's recordings, side by side on --processes or a --cluster, and write
    them into this folder, with the names of the paths."""

    start: Path = SHIPPED_SIM_MODEL
    """Model to start from; the default is that of the simulated hand, which is shipped."""

    from_scratch: bool = False
    """Start from nothing instead."""

    physics: PhysicsRole = ModelConfig.physics
    """What the physics of a servo are to a model made from scratch: nothing, all that predicts, the base to which a
    network adds what they miss, or a second opinion beside it."""

    network: Network = ModelConfig.network
    """Whose windows its network sees: one joint's, with weights that all joints share or each its own, a finger's, or
    the hand's."""

    hidden: Annotated[tuple[Width, ...], NotEmpty()] = ModelConfig.hidden
    """Width of each hidden layer of that network."""

    pretrain: bool = False
    """Fit to a simulated collection instead of recordings, from scratch."""

    policy: Path = SHIPPED_POLICY
    """Policy that plays them: a file, or the name of a shipped one."""

    episodes: Count = 256
    """How many of them. Where a policy drops objects, those that last are replayed."""

    wrist: Literal["palm_up", "palm_down", "base_up", "base_down", "thumb_up", "thumb_down"] | None = None
    """Fit to what was recorded in this wrist orientation alone; with --pretrain, simulate this one. If not given, all
    recordings, and palm up."""

    object: Names = ("basic",)
    """Objects in the simulated episodes."""

    axis: Names = ("+z",)
    """Axes to turn about in them."""

    starts: Literal["grasps"] | None = None
    """"grasps" begins them with grasps, palm up, too."""

    bench: ServoFitOptions = field(default_factory=ServoFitOptions)
    """Where servo logs come from (only for those)."""

    json: JsonFile = None
    """Also write the numbers to this file."""


def run(arguments: list[str]) -> None:
    """Run the command."""
    command = parse(FitCommand, "fit", arguments)
    if bool(command.paths) == command.pretrain:
        raise ConfigurationError("give recordings or servo logs to fit to, or --pretrain")
    logs = len(command.paths) == 1 and command.models is None and any(command.paths[0].glob("*.csv"))
    from_scratch = (command.pretrain or command.from_scratch) and not logs
    if _config(command) != ModelConfig() and not from_scratch:
        raise ConfigurationError(
            "--physics, --network and --hidden say what --from-scratch or --pretrain make, and nothing to servo logs; "
            "add one of these, or give a model of that kind as --start"
        )
    if logs:
        with interruptible(lambda: NOTHING_KEPT), progress_bar("fit", "epoch", leave=False) as progress:
            scores = fit_servo_logs(command.paths[0], options=command.bench, progress=progress)
        print(servo_summary(scores))
        write_json(scores.as_dict(), command.json)
        return
    if command.models is not None:
        _fit_many(command, command.models)
        return
    with interruptible(lambda: _kept(command)):
        model, report = _pretrain(command) if command.pretrain else _fit(command)
    print(summary(report))
    save_model(model, command.out)
    print(f"\nModel: {command.out}")
    write_json(report.as_dict() | {"model": str(command.out)}, command.json)


def summary(report: FitReport) -> str:
    """The table that a fit to recordings prints."""
    errors = {"stays where it is": report.stay, "before": report.start, "fitted": report.fitted}
    rows = [_errors(name, error) for name, error in errors.items() if error is not None]
    data = f"{report.data_minutes:.1f} min, {report.held_out_trajectories} trajectories held out"
    text = table(("predictor", "1 step, rms", "1 s open loop, mean abs"), rows)
    return f"{text}\n\nData: {data}, {report.trajectories} fitted on, {report.epochs} epochs"


def servo_summary(report: ServoFitReport) -> str:
    """The table that a fit to servo logs prints: all kinds of motion together first, then each that was left out."""
    columns = ("one_step_rms", "open_loop_1s_mean_abs", "open_loop_whole_mean_abs")
    rows = []
    kinds = list(next(iter(report.errors.values())))
    for kind in ["all", *(kind for kind in kinds if kind != "all")]:
        for model, errors in report.errors.items():
            units = errors[kind].as_dict()
            rows.append((kind, model.replace("_", " "), *(_both(units, column) for column in columns)))
    head = ("left out", "model", "1 step, rms", "1 s open loop, mean abs", f"{report.log_seconds:.1f} s open loop")
    return f"{table(head, rows, labels=2)}\n\nData: {report.logs} logs, {report.wall_s:.0f} s"


def _errors(name: str, error: PredictionErrors) -> tuple[str, ...]:
    """A row of the table."""
    units = error.as_dict()
    return name, _both(units, "one_step_rms"), _both(units, "open_loop_1s_mean_abs")


def _both(units: dict[str, float], name: str) -> str:
    """An error in both units."""
    return f"{units[f'{name}_mrad']:.2f} mrad {units[f'{name}_deg']:6.3f} deg"


def _fit(command: FitCommand) -> tuple[JointwiseModel, FitReport]:
    recordings = find_recordings(command.paths)
    start = None if command.from_scratch else load_model(command.start)
    config = _config(command) if command.from_scratch else None
    with progress_bar("fit", "epoch", leave=False) as progress:
        return fit_recordings(
            recordings,
            start=start,
            config=config,
            options=command,
            wrist=command.wrist,
            checkpoint=_checkpoint(command),
            progress=progress,
        )


def _fit_many(command: FitCommand, folder: Path) -> None:
    """Fit the hands of ``--models``, and print a row for each."""
    if command.pretrain:
        raise ConfigurationError("--models wants recordings of hands; --pretrain makes the one model of the simulation")
    hands = {path.stem: find_recordings([path]) for path in command.paths}
    if len(hands) < len(command.paths):
        raise ConfigurationError("two of the paths have the same name, which is to be that of a model; rename one")
    options = FitOptions(**{field.name: getattr(command, field.name) for field in fields(FitOptions)})
    start = None if command.from_scratch else load_model(command.start)
    config = _config(command) if command.from_scratch else None
    reports: dict[str, FitReport] = {}
    with (
        interruptible(lambda: f"the models that are ready are in {folder}" if reports else NOTHING_KEPT),
        progress_bar("fit", "hand") as progress,
    ):
        tally = Tally(progress, len(hands))
        for name, (model, report) in fit_hands(
            hands, folder, start=start, config=config, options=options, workers=command
        ):
            save_model(model, folder / f"{name}.safetensors")
            reports[name] = report
            tally(note=name)
    rows = [_errors(name, reports[name].fitted) for name in hands]
    print(table(("hand", "1 step, rms", "1 s open loop, mean abs"), rows))
    print(f"\nModels: {folder}")
    write_json({name: reports[name].as_dict() for name in hands}, command.json)


def _pretrain(command: FitCommand) -> tuple[JointwiseModel, FitReport]:
    policy = load_policy_file(command.policy)
    wrist = command.wrist or "palm_up"
    wanted = {"object": list(command.object), "wrist": wrist, "axis": list(command.axis)}
    with progress_bar("simulate", "step") as progress:
        played = simulate(
            policy, command.episodes, seed=command.seed, options=wanted, starts=command.starts, progress=progress
        )
    replays = longest(played)
    with progress_bar("replay", "step") as progress:
        hand = MujocoHand(len(replays), starts=choose_starts((), command.starts))
        options = CollectOptions(seed=command.seed)
        trajectories = replay_at_once(hand, replays, options, wrist=wrist, progress=progress)
    with progress_bar("fit", "epoch", leave=False) as progress:
        return fit_trajectories(
            trajectories, config=_config(command), options=command, checkpoint=_checkpoint(command), progress=progress
        )


def _config(command: FitCommand) -> ModelConfig:
    """The kind of model that is made from scratch."""
    return ModelConfig(physics=command.physics, network=command.network, hidden=command.hidden)


def _checkpoint(command: FitCommand) -> Path:
    """Where an unfinished fit is kept, beside the model that it makes."""
    return command.out.with_suffix(".checkpoint")


def _kept(command: FitCommand) -> str:
    """What is left of an interrupted fit."""
    path = _checkpoint(command)
    return f"the epochs so far are in {path}; the same command goes on from there" if path.is_file() else NOTHING_KEPT
