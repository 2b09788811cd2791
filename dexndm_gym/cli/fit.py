"""``dexndm fit``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tqdm import tqdm

from dexndm_gym.cli.common import SHIPPED_POLICY, File, load_policy_file, parse, table, write_json
from dexndm_gym.dynamics.fit import FitOptions, FitReport, fit_recordings, fit_trajectories, tqdm_progress
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.dynamics.model_file import SHIPPED_SIM_MODEL, load_model, save_model
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.evaluation.collecting import simulate
from dexndm_gym.task.config import TaskConfig

REPLAY_NOISE = 0.01
"""Standard deviation of the noise on the targets of half of the simulated episodes, rad: what collection adds too."""


@dataclass(frozen=True, kw_only=True)
class FitCommand(FitOptions):
    """Fit the joint-wise dynamics model: where each joint will be 50 ms later.

    Fits to recordings of one hand, starting from the model of the simulated hand, and prints the errors on trajectories
    that were held out. `--pretrain` makes that model of the simulated hand, from simulated episodes.
    """

    paths: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[PATH ...]")] = ()
    """Recordings, or folders of them."""

    out: Path = Path("runs/hand_dynamics.safetensors")
    """File to write the model to."""

    start: Path = SHIPPED_SIM_MODEL
    """Model to start from; the default is that of the simulated hand, which is shipped."""

    from_scratch: bool = False
    """Start from nothing instead."""

    pretrain: bool = False
    """Fit to simulated episodes of a policy instead of recordings, from scratch."""

    policy: Path = SHIPPED_POLICY
    """Policy that plays them."""

    episodes: int = 256
    """How many of them."""

    json: File = None
    """Also write the numbers to this file."""


def run(arguments: list[str]) -> None:
    """Run the command."""
    command = parse(FitCommand, "fit", arguments)
    if bool(command.paths) == command.pretrain:
        raise ConfigurationError("give recordings to fit to (folders that `dexndm collect` wrote), or --pretrain")
    model, report = _pretrain(command) if command.pretrain else _fit(command)
    command.out.parent.mkdir(parents=True, exist_ok=True)
    save_model(model, command.out)
    write_json(report.as_dict() | {"model": str(command.out)}, command.json)
    print(f"{summary(report)}\n\nModel: {command.out}")


def summary(report: FitReport) -> str:
    """The table that the fit prints."""
    errors = {"stays where it is": report.stay, "before": report.start, "fitted": report.fitted}
    rows = []
    for name, error in errors.items():
        if error is not None:
            units = error.as_dict()
            rows.append((name, *(f"{value:.3f}" for value in units.values())))
    head = ("predictor", "1 step, mrad rms", "deg rms", "1 s open loop, mrad mean abs", "deg mean abs")
    data = f"{report.data_minutes:.1f} min, {report.held_out_trajectories} trajectories held out"
    return f"{table(head, rows)}\n\nData: {data}, {report.trajectories} fitted on, {report.epochs} epochs"


def _fit(command: FitCommand) -> tuple[JointwiseModel, FitReport]:
    recordings = _recordings(command.paths)
    start = None if command.from_scratch else load_model(command.start)
    with tqdm_progress("fit") as tell:
        return fit_recordings(recordings, start=start, options=command, progress=tell)


def _pretrain(command: FitCommand) -> tuple[JointwiseModel, FitReport]:
    policy = load_policy_file(command.policy)
    with tqdm(total=command.episodes * TaskConfig().episode_steps, desc="simulate", unit="step") as bar:
        trajectories = simulate(policy, command.episodes, seed=command.seed, noise=REPLAY_NOISE, progress=bar.update)
    with tqdm_progress("fit") as tell:
        return fit_trajectories(trajectories, options=command, progress=tell)


def _recordings(paths: tuple[Path, ...]) -> list[Path]:
    """The files, with folders replaced by the recordings in them."""
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"no such file or folder: {path}")
    found = [file for path in paths for file in (sorted(path.glob("*.h5")) if path.is_dir() else [path])]
    if not found:
        raise ConfigurationError(f"no recordings (*.h5) in {', '.join(map(str, paths))}")
    return found
