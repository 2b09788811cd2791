"""Fitting the joint-wise model: pre-train on simulation, fine-tune on recordings of a hand."""

import copy
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dexndm_gym.constants import CONTROL_HZ
from dexndm_gym.data.reading import RecordingReader
from dexndm_gym.data.trajectory import Trajectory, TrajectoryView
from dexndm_gym.dynamics.identification import identify_joints
from dexndm_gym.dynamics.model import JointwiseModel, ModelConfig
from dexndm_gym.dynamics.prediction_errors import PredictionErrors, measure, one_step_errors, stay
from dexndm_gym.dynamics.training import FitOptions, Training
from dexndm_gym.dynamics.windows import WindowSet
from dexndm_gym.errors import ConfigurationError, ModelMismatchError
from dexndm_gym.progress import Progress


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
    config: ModelConfig | None = None,
    options: FitOptions | None = None,
    wrist: str | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> tuple[JointwiseModel, FitReport]:
    """Fit a model to recordings of one hand, which may be larger than memory; see ``fit_trajectories``.

    Args:
        paths: recordings written by ``RecordingWriter``.
        start: model to fine-tune, as a rule the one pre-trained on simulation; None trains from nothing.
        config: what to build when there is no ``start``.
        options: how to fit.
        wrist: orientation of the wrist in which they have been collected; None for all of them.
        checkpoint: file that keeps the state of training until it ends; with the same data and options, a fit that was
            killed goes on from it and ends as it would have.
        progress: told after each epoch.

    Returns:
        The model, with the recordings in its provenance, and the report.

    Raises:
        FileFormatError: an unreadable recording.
        ConfigurationError: too little data.
    """
    with ExitStack() as files:
        trajectories = TrajectoryView(*(files.enter_context(RecordingReader(path)) for path in paths))
        if wrist is not None:
            trajectories = _of_wrist(trajectories, wrist)
        model, report = fit_trajectories(
            trajectories, start=start, config=config, options=options, checkpoint=checkpoint, progress=progress
        )
    provenance = {**model.config.provenance, "recordings": [Path(path).name for path in paths]}
    model.config = replace(model.config, provenance=provenance)
    return model, report


def fit_trajectories(
    trajectories: Sequence[Trajectory],
    *,
    start: JointwiseModel | None = None,
    config: ModelConfig | None = None,
    options: FitOptions | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> tuple[JointwiseModel, FitReport]:
    """Fit a model to trajectories, keeping the network's weights that predict held-out trajectories best.

    Args:
        trajectories: motions of one hand, simulated or recorded; a single one is cut in time to hold out its end. No
            more than ``options.buffer`` control periods of them are held at a time.
        start: model whose weights and normalization to start from; it is not changed.
        config: what to build when there is no ``start``.
        options: how to fit.
        checkpoint: file that keeps the state of training until it ends; with the same data and options, a fit that was
            killed goes on from it and ends as it would have.
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
    lengths = [len(one) for one in training]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        model = copy.deepcopy(start) if start is not None else JointwiseModel(config)
        some, unseen = (WindowSet(_some(part, options.buffer), model.config.window) for part in (training, held_out))
        if some.num_joints != len(model.config.joint_names):
            raise ModelMismatchError(
                f"the model has {len(model.config.joint_names)} joints, the trajectories {some.num_joints}"
            )
        before = measure(start, unseen) if start is not None else None
        if model.config.physics != "none":
            if progress is not None:
                progress(0, options.epochs, "physics of the joints")
            known = None if start is None else start.physics.double().numpy()
            model.physics.copy_(torch.from_numpy(identify_joints(_untouched(training, options.buffer), start=known)))
        if start is None:
            model.forget_network()
            model.normalize_to(some)
        del some
        epochs = 0
        if model.config.physics != "alone":
            run = Training(model, training, lengths, unseen, options)
            epochs = run.run(checkpoint=checkpoint, progress=progress)
    minutes = (sum(lengths) + sum(len(one) for one in held_out)) / CONTROL_HZ / 60
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


def split(
    trajectories: Sequence[Trajectory], share: float, seed: int
) -> tuple[Sequence[Trajectory], Sequence[Trajectory]]:
    """Split into training and held-out trajectories, at least one each; a single one is cut in time.

    Raises:
        ConfigurationError: less than two control periods of data.
    """
    view = TrajectoryView(trajectories)
    if len(view) == 1 and len(view[0]) > 1:
        whole = view[0]
        cut = min(max(1, round((1 - share) * len(whole))), len(whole) - 1)
        return [whole.cut(0, cut)], [whole.cut(cut, len(whole))]
    if len(view) < 2:
        raise ConfigurationError("fitting needs at least two control periods of data; record some motion first")
    order = np.random.default_rng(seed).permutation(len(view)).tolist()
    count = min(max(1, round(share * len(view))), len(view) - 1)
    return view.pick(order[count:]), view.pick(order[:count])


def _of_wrist(trajectories: TrajectoryView, wrist: str) -> TrajectoryView:
    """Those that were collected in a wrist orientation.

    Raises:
        ConfigurationError: there are none.
    """
    wrists = [one.metadata.get("wrist") for one in trajectories]
    if wrist not in wrists:
        known = sorted({str(one) for one in wrists if one is not None})
        raise ConfigurationError(
            f"nothing was recorded {wrist.replace('_', ' ')}; expected a wrist out of {', '.join(known) or 'none'}"
        )
    return trajectories.pick([index for index, one in enumerate(wrists) if one == wrist])


def _untouched(trajectories: Sequence[Trajectory], limit: int) -> list[Trajectory]:
    # What pushed back at the fingers is no part of the joints.
    free = _some((one for one in trajectories if one.free), limit)
    return free or _some(trajectories, limit)


def _some(trajectories: Iterable[Trajectory], limit: int) -> list[Trajectory]:
    """The first trajectories, at least one, at most ``limit`` control periods of them otherwise."""
    some, held = [], 0
    for one in trajectories:
        if some and held + len(one) > limit:
            break
        some.append(one)
        held += len(one)
    return some


def _note_provenance(model: JointwiseModel, report: FitReport, options: FitOptions, fine_tuned: bool) -> None:
    note = {
        "fine_tuned": fine_tuned,
        "data_minutes": round(report.data_minutes, 3),
        "held_out_one_step_rms_mrad": round(1e3 * report.fitted.one_step_rms, 4),
        "seed": options.seed,
    }
    model.config = replace(model.config, provenance={**model.config.provenance, **note})
