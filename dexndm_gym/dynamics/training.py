"""Training of a model's network on windows streamed from recordings, with early stopping; when killed, it can go on."""

import copy
import hashlib
import io
import itertools
import logging
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch

from dexndm_gym.checks import Bound, Checked, Count, LearningRate, Seed
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.dynamics.prediction_errors import one_step_errors
from dexndm_gym.dynamics.windows import WindowSet
from dexndm_gym.outputs import write_bytes
from dexndm_gym.progress import Progress

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class FitOptions(Checked):
    """How to fit."""

    epochs: Count = 20
    """Passes over the training data at most."""

    batch: Count = 256
    """Windows per gradient step."""

    learning_rate: LearningRate = 0.015
    """Highest learning rate of the one-cycle schedule."""

    held_out: Annotated[float, Bound(least=0.0, below=1.0)] = 0.1
    """Share of the trajectories kept for early stopping and for the report."""

    patience: Count = 8
    """Stop after so many epochs without a better held-out error."""

    buffer: Count = 200_000
    """Control periods held in memory at a time (75 MB, 2.8 h): windows are shuffled within it, trajectories over all.
    Physics are identified on so many, and errors are measured on so many at most."""

    seed: Seed = 0
    """Seed of the split, the first weights and the order of the data."""


def portions(lengths: Sequence[int], order: Sequence[int], limit: int) -> Iterator[list[int]]:
    """Cut an order of trajectories into portions of at most ``limit`` control periods, or of one trajectory.

    Args:
        lengths: control periods of each trajectory.
        order: which trajectories, and in which order.
        limit: control periods.
    """
    portion, held = [], 0
    for index in order:
        if portion and held + lengths[index] > limit:
            yield portion
            portion, held = [], 0
        portion.append(index)
        held += lengths[index]
    if portion:
        yield portion


class Training:
    """One training run of a model's network, epoch by epoch."""

    def __init__(
        self,
        model: JointwiseModel,
        trajectories: Sequence[Trajectory],
        lengths: Sequence[int],
        unseen: WindowSet,
        options: FitOptions,
    ) -> None:
        """Prepare a run.

        Args:
            model: trained in place.
            trajectories: to train on, read when they are needed.
            lengths: their control periods.
            unseen: windows that decide which weights are kept.
            options: how to train.
        """
        self._model, self._trajectories, self._lengths = model, trajectories, lengths
        self._unseen, self._options = unseen, options
        steps = sum(self._batches(size) for epoch in range(1, options.epochs + 1) for size in self._sizes(epoch))
        self._optimizer = torch.optim.Adam(model.parameters(), lr=options.learning_rate)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer, options.learning_rate, total_steps=steps, pct_start=0.1
        )
        self._epoch = self._best_epoch = 0
        self._best, self._best_weights = self._unseen_error(), copy.deepcopy(model.state_dict())
        self._fingerprint = _fingerprint(model, lengths, options, trajectories)

    def run(self, *, checkpoint: Path | None = None, progress: Progress | None = None) -> int:
        """Train and leave the best weights in the model.

        Args:
            checkpoint: file that holds an unfinished run; written after every epoch, removed at the end.
            progress: told after each epoch.

        Returns:
            The number of epochs run, those of an earlier start included.
        """
        options = self._options
        if checkpoint is not None:
            self._go_on_from(checkpoint)
        while self._epoch < options.epochs and self._epoch - self._best_epoch < options.patience:
            self._epoch += 1
            self._train_epoch()
            error = self._unseen_error()
            if error < self._best:
                self._best, self._best_epoch = error, self._epoch
                self._best_weights = copy.deepcopy(self._model.state_dict())
            if checkpoint is not None:
                self._save(checkpoint)
            if progress is not None:
                progress(self._epoch, options.epochs, f"held-out error {self._best:.3f} of a step")
        self._model.load_state_dict(self._best_weights)
        if checkpoint is not None:
            checkpoint.unlink(missing_ok=True)
        return self._epoch

    def _train_epoch(self) -> None:
        # Every epoch has its own generator, so that a run that goes on draws what an uninterrupted one would have.
        generator = torch.Generator().manual_seed(self._options.seed * 100_003 + self._epoch)
        for portion in self._portions(self._epoch):
            windows = WindowSet([self._trajectories[index] for index in portion], self._model.config.window)
            shuffled = torch.randperm(len(windows), generator=generator)
            batch = min(self._options.batch, len(windows))
            for index in itertools.islice(shuffled.split(batch), self._batches(len(windows))):
                position, command, following = windows.gather(index)
                error = self._model.trained_step(position, command) - (following - position[..., -1])
                self._optimizer.zero_grad()
                (error / self._model.step).square().mean().backward()
                self._optimizer.step()
                self._schedule.step()

    def _portions(self, epoch: int) -> Iterator[list[int]]:
        order = np.random.default_rng([self._options.seed, epoch]).permutation(len(self._lengths)).tolist()
        return portions(self._lengths, order, self._options.buffer)

    def _sizes(self, epoch: int) -> list[int]:
        return [sum(self._lengths[index] for index in portion) for portion in self._portions(epoch)]

    def _batches(self, windows: int) -> int:
        """Full batches out of so many windows, or one that is not full."""
        return max(windows // self._options.batch, 1)

    def _unseen_error(self) -> float:
        # In units of the typical step: where each joint has its own, joints count alike however little they move.
        errors = one_step_errors(self._model.trained_step, self._unseen)
        return float((errors / self._model.step).square().mean().sqrt())

    def _save(self, path: Path) -> None:
        state = {
            "fingerprint": self._fingerprint,
            "epoch": self._epoch,
            "best": self._best,
            "best_epoch": self._best_epoch,
            "best_weights": self._best_weights,
            "model": self._model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
        }
        packed = io.BytesIO()
        torch.save(state, packed)
        write_bytes(path, packed.getvalue())

    def _go_on_from(self, path: Path) -> None:
        """Take up a run that was stopped, if it is one of the same fit."""
        if not path.is_file():
            return
        try:
            state = torch.load(path, weights_only=True)
        except (OSError, EOFError, RuntimeError, ValueError, KeyError, pickle.UnpicklingError) as error:
            _LOG.warning("%s holds no fit to go on from (%s); starting anew", path, type(error).__name__)
            return
        if not isinstance(state, dict) or state.get("fingerprint") != self._fingerprint:
            return
        self._epoch, self._best, self._best_epoch = state["epoch"], state["best"], state["best_epoch"]
        self._best_weights = state["best_weights"]
        self._model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])


def _fingerprint(
    model: JointwiseModel, lengths: Sequence[int], options: FitOptions, trajectories: Sequence[Trajectory]
) -> str:
    """Tells fits apart: by options, first weights, and the first and the last of the trajectories."""
    digest = hashlib.sha256(repr((options, model.config, list(lengths))).encode())
    for tensor in model.state_dict().values():
        digest.update(tensor.numpy().tobytes())
    for trajectory in (trajectories[0], trajectories[len(trajectories) - 1]):
        digest.update(trajectory.position.tobytes() + trajectory.command.tobytes())
    return digest.hexdigest()
