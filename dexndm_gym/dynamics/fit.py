"""Fitting the joint-wise model: pre-train on simulation, fine-tune on recordings of a hand."""

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dexndm_gym.data.recording import read_recording
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.dynamics.identification import identify_joints
from dexndm_gym.dynamics.measures import PredictionErrors, measure, one_step_errors, stay
from dexndm_gym.dynamics.model import JointwiseModel, ModelConfig
from dexndm_gym.dynamics.windows import WindowSet
from dexndm_gym.errors import ConfigurationError, ModelMismatchError

Progress = Callable[[int, int, str], None]
"""Told (epochs done, epochs planned, a few words) after each epoch."""


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """How to fit."""

    epochs: int = 20
    """Passes over the training data at most; with 0 the network stays as it is and only physics are fitted."""

    batch: int = 256
    """Windows per gradient step."""

    learning_rate: float = 0.015
    """Highest learning rate of the one-cycle schedule."""

    held_out: float = 0.1
    """Share of the trajectories kept for early stopping and for the report."""

    patience: int = 8
    """Stop after so many epochs without a better held-out error."""

    seed: int = 0
    """Seed of the split, the first weights and the order of the data."""


@dataclass(frozen=True, kw_only=True)
class FitReport:
    """What a fit achieved, on held-out trajectories."""

    stay: PredictionErrors
    """The joint stays where it is."""

    start: PredictionErrors | None
    """The model that the fit started from, if any."""

    fitted: PredictionErrors
    """The fitted model."""

    joint_one_step_rms: tuple[float, ...]
    """One-step error of the fitted model for each joint, rad."""

    trajectories: int
    """Trajectories fitted on."""

    held_out_trajectories: int
    """Trajectories held out."""

    data_minutes: float
    """Recorded time, training and held out, min."""

    epochs: int
    """Epochs run."""

    wall_s: float
    """Duration of the fit, s."""

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON can hold it, errors in mrad and degrees."""
        return {
            "errors": {
                "stays_where_it_is": self.stay.as_dict(),
                "before": self.start.as_dict() if self.start else None,
                "fitted": self.fitted.as_dict(),
            },
            "joint_one_step_rms_mrad": [1e3 * value for value in self.joint_one_step_rms],
            "trajectories": self.trajectories,
            "held_out_trajectories": self.held_out_trajectories,
            "data_minutes": self.data_minutes,
            "epochs": self.epochs,
            "wall_s": self.wall_s,
        }


def fit_recordings(
    paths: Sequence[str | Path],
    *,
    start: JointwiseModel | None = None,
    options: FitOptions | None = None,
    progress: Progress | None = None,
) -> tuple[JointwiseModel, FitReport]:
    """Fit a model to recordings of one hand; see ``fit_trajectories``.

    Args:
        paths: recordings written by ``RecordingWriter``.
        start: model to fine-tune, as a rule the one pre-trained on simulation; None trains from nothing.
        options: how to fit.
        progress: told after each epoch.

    Returns:
        The model, with the recordings in its provenance, and the report.

    Raises:
        FileFormatError: an unreadable recording.
        ConfigurationError: too little data.
    """
    trajectories = [trajectory for path in paths for trajectory in read_recording(path)]
    model, report = fit_trajectories(trajectories, start=start, options=options, progress=progress)
    provenance = {**model.config.provenance, "recordings": [Path(path).name for path in paths]}
    model.config = replace(model.config, provenance=provenance)
    return model, report


def fit_trajectories(
    trajectories: Sequence[Trajectory],
    *,
    start: JointwiseModel | None = None,
    config: ModelConfig | None = None,
    options: FitOptions | None = None,
    progress: Progress | None = None,
) -> tuple[JointwiseModel, FitReport]:
    """Fit a model to trajectories, keeping the weights that predict held-out trajectories best.

    Args:
        trajectories: motions of one hand, simulated or recorded; a single one is cut in time to hold out its end.
        start: model whose weights and normalisation to start from; it is not changed.
        config: what to build when there is no ``start``.
        options: how to fit.
        progress: told after each epoch.

    Returns:
        The fitted model and its errors on the held-out trajectories.

    Raises:
        ConfigurationError: no data, or both ``start`` and ``config``.
        ModelMismatchError: trajectories of another number of joints.
    """
    if start is not None and config is not None:
        raise ConfigurationError("give either the model to start from or the configuration of a new one, not both")
    options = options or FitOptions()
    began = time.monotonic()
    training, held_out = split(trajectories, options.held_out, options.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        model = copy.deepcopy(start) if start is not None else JointwiseModel(config)
        windows, unseen = (WindowSet(part, model.config.window) for part in (training, held_out))
        if windows.num_joints != len(model.config.joint_names):
            raise ModelMismatchError(
                f"the model has {len(model.config.joint_names)} joints, the trajectories {windows.num_joints}"
            )
        before = measure(start, unseen) if start is not None else None
        if model.config.physics:
            if progress is not None:
                progress(0, options.epochs, "physics of the joints")
            known = None if start is None else start.physics.double().numpy()
            # What pushed back at the fingers is no part of the joints.
            untouched = [one for one in training if one.free]
            model.physics.copy_(torch.from_numpy(identify_joints(untouched or training, start=known)))
        if start is None:
            model.forget_network()
            model.normalise_to(windows)
        epochs = _train(model, windows, unseen, options, progress)
    minutes = sum(trajectory.seconds for trajectory in trajectories) / 60
    report = FitReport(
        stay=measure(stay, unseen),
        start=before,
        fitted=measure(model, unseen),
        joint_one_step_rms=tuple(one_step_errors(model, unseen).square().mean(dim=1).sqrt().tolist()),
        trajectories=len(training),
        held_out_trajectories=len(held_out),
        data_minutes=minutes,
        epochs=epochs,
        wall_s=time.monotonic() - began,
    )
    _note_provenance(model, report, options, fine_tuned=start is not None)
    return model, report


def split(trajectories: Sequence[Trajectory], share: float, seed: int) -> tuple[list[Trajectory], list[Trajectory]]:
    """Split into training and held-out trajectories, at least one each; a single one is cut in time.

    Raises:
        ConfigurationError: less than two control periods of data.
    """
    usable = [trajectory for trajectory in trajectories if len(trajectory)]
    if len(usable) == 1 and len(usable[0]) > 1:
        whole = usable[0]
        cut = min(max(1, round((1 - share) * len(whole))), len(whole) - 1)
        return [whole.cut(0, cut)], [whole.cut(cut, len(whole))]
    if len(usable) < 2:
        raise ConfigurationError("fitting needs at least two control periods of data; record some motion first")
    order = np.random.default_rng(seed).permutation(len(usable))
    count = min(max(1, round(share * len(usable))), len(usable) - 1)
    return [usable[index] for index in order[count:]], [usable[index] for index in order[:count]]


def _train(
    model: JointwiseModel, windows: WindowSet, unseen: WindowSet, options: FitOptions, progress: Progress | None
) -> int:
    """Train in place and leave the best weights in the model; returns the number of epochs run."""
    if options.epochs == 0:
        return 0
    batch = min(options.batch, len(windows))
    steps = len(windows) // batch
    optimiser = torch.optim.Adam(model.parameters(), lr=options.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, options.learning_rate, total_steps=steps * options.epochs, pct_start=0.1
    )
    best, best_weights, best_epoch = _unseen_error(model, unseen), copy.deepcopy(model.state_dict()), 0
    epoch = 0
    for epoch in range(1, options.epochs + 1):
        for index in torch.randperm(len(windows))[: steps * batch].split(batch):
            position, target, following = windows.gather(index)
            error = (model(position, target) - (following - position[..., -1])) / model.step
            optimiser.zero_grad()
            error.square().mean().backward()
            optimiser.step()
            schedule.step()
        error_now = _unseen_error(model, unseen)
        if error_now < best:
            best, best_weights, best_epoch = error_now, copy.deepcopy(model.state_dict()), epoch
        if progress is not None:
            progress(epoch, options.epochs, f"held-out error {best:.3f} of a step")
        if epoch - best_epoch >= options.patience:
            break
    model.load_state_dict(best_weights)
    return epoch


def _unseen_error(model: JointwiseModel, unseen: WindowSet) -> float:
    # In units of each joint's typical step, so that joints count alike however little they move.
    return float((one_step_errors(model, unseen) / model.step).square().mean().sqrt())


def _note_provenance(model: JointwiseModel, report: FitReport, options: FitOptions, fine_tuned: bool) -> None:
    note = {
        "fine_tuned": fine_tuned,
        "data_minutes": round(report.data_minutes, 3),
        "held_out_one_step_rms_mrad": round(1e3 * report.fitted.one_step_rms, 4),
        "seed": options.seed,
    }
    model.config = replace(model.config, provenance={**model.config.provenance, **note})
