"""The files of a training run, whatever trains it: checkpoint and teacher in one folder.

A checkpoint is an archive of ``torch.save`` that holds pickled objects: open only those that you made.
"""

from pathlib import Path
from typing import Any

import torch

from dexndm_gym.errors import ConfigurationError, FileFormatError
from dexndm_gym.outputs import replacing

_WRITTEN_BY = "`dexndm train` writes one, OUT/teacher.zip"


def checkpoint_file(folder: Path) -> Path:
    """Where a run keeps its checkpoint."""
    return folder / "teacher.zip"


def teacher_file(folder: Path) -> Path:
    """Where a run keeps what it has learned."""
    return folder / "teacher.safetensors"


def student_file(folder: Path) -> Path:
    """Where a run that refines a student keeps it."""
    return folder / "student.safetensors"


def write_checkpoint(path: Path, kind: str, content: dict[str, Any]) -> None:
    """Write a checkpoint in place of the last one.

    Args:
        path: the file.
        kind: what wrote it, which is what can read it.
        content: what a run goes on from: ``config`` and ``steps``, and what else this kind has.
    """
    with replacing(path) as unfinished:
        torch.save({"kind": kind, **content}, unfinished)


def read_checkpoint(path: Path, kind: str | None = None) -> dict[str, Any]:
    """What is in a checkpoint.

    Args:
        path: the file.
        kind: what it must have been written by; None for anything that trains teachers.

    Raises:
        FileFormatError: there is no such file, or it is no checkpoint of this kind or a damaged one.
    """
    if not path.is_file():
        what = "a folder" if path.is_dir() else "not there"
        raise FileFormatError(f"expected the checkpoint of a teacher, but {path} is {what}; {_WRITTEN_BY}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=False)
        found, _ = content.pop("kind"), content["steps"]
        if kind not in (None, found):
            raise ValueError("it is of another kind; a run goes on with the --backend that it began with")
    except Exception as error:  # a foreign pickle may raise anything
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise FileFormatError(f"{path} is no checkpoint, or a damaged one: {reason}; {_WRITTEN_BY}") from error
    return content


def require_goes_on(path: Path, before: dict[str, Any], now: dict[str, Any], *, steps: int, wanted: int) -> None:
    """Refuse to go on with other options than before, or to where a run has been already.

    Args:
        path: the checkpoint.
        before: ``TrainConfig.what_must_match`` of its run.
        now: that of the run that is to go on.
        steps: that it has had.
        wanted: steps in all.

    Raises:
        ConfigurationError: options differ, and the message names them; or there is nothing left to do.
    """
    before, now = _flat(before), _flat(now)
    names = [name for name in dict.fromkeys((*now, *before)) if before.get(name) != now.get(name)]
    differ = [f"{name} {before.get(name)!r} -> {now.get(name)!r}" for name in names]
    if differ:
        raise ConfigurationError(
            f"{path} was trained with other options ({', '.join(differ[:4])}); give the same to resume it, or "
            f"--start-from {path} to start a new run from its networks"
        )
    if steps >= wanted:
        raise ConfigurationError(
            f"{path} has had {steps:,} steps already; expected --steps beyond that, got {wanted:,}"
        )


def _flat(options: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in options.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found
