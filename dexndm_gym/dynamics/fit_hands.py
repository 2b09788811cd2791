"""Fits to recordings of many hands, a model for each."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from dexndm_gym.distributed.job import Tell
from dexndm_gym.distributed.workers import Workers
from dexndm_gym.distributed.workers_config import IN_THIS_PROCESS, WorkersConfig
from dexndm_gym.dynamics.fit import FitReport, fit_recordings
from dexndm_gym.dynamics.model import JointwiseModel, ModelConfig
from dexndm_gym.dynamics.training import FitOptions

Fitted = tuple[JointwiseModel, FitReport]
"""A model and how good it is."""


def fit_hands(
    recordings: Mapping[str, Sequence[Path]],
    checkpoints: Path,
    *,
    start: JointwiseModel | None = None,
    config: ModelConfig | None = None,
    options: FitOptions | None = None,
    workers: WorkersConfig = IN_THIS_PROCESS,
) -> Iterator[tuple[str, Fitted]]:
    """Fit a model to each hand's recordings, and yield hands and models as they are ready.

    Args:
        recordings: of each hand, by its name; workers must see these files, under the same names.
        checkpoints: folder in which unfinished fits are kept, see ``fit_recordings``.
        start: model to fine-tune; None trains from nothing.
        config: what to build when there is no ``start``.
        options: how to fit.
        workers: where; the models do not depend on it.

    Raises:
        as ``fit_recordings`` and ``map_jobs``, with the hand's name before the message.
    """
    checkpoints = checkpoints.absolute()
    jobs = {
        name: ([path.absolute() for path in paths], checkpoints / f"{name}.checkpoint")
        for name, paths in recordings.items()
    }
    work = partial(_fit_hand, start, config, options or FitOptions())
    with Workers(workers) as pool:
        yield from pool.run(work, jobs)


def _fit_hand(
    start: JointwiseModel | None,
    config: ModelConfig | None,
    options: FitOptions,
    job: tuple[list[Path], Path],
    tell: Tell,
) -> Fitted:
    paths, checkpoint = job
    return fit_recordings(paths, start=start, config=config, options=options, checkpoint=checkpoint)
