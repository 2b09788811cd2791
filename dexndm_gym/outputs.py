"""Files and folders that are written: found wanting before the work starts, and replaced as a whole or not at all.

Options that name an output say so beside their field, ``out: Annotated[Path, Output(folder=True)]``; then
``check_outputs`` knows all of them.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias, get_args
from uuid import uuid4

from dexndm_gym.checks import declared, field_hints
from dexndm_gym.errors import ConfigurationError, OutputError

_LONGEST_NAME = 255


@dataclass(frozen=True, kw_only=True)
class Output:
    """What kind of output an option names."""

    suffixes: tuple[str, ...] = ()
    """How the name of a file may end; any way if empty."""

    folder: bool = False
    """Whether it is a folder."""

    new: bool = False
    """Whether it must not exist yet."""

    def check(self, path: Path, name: str) -> None:
        """Make sure that the output can be written, leaving no trace.

        Args:
            path: where to.
            name: what the option is called.

        Raises:
            ConfigurationError: it cannot; the message says why.
        """
        kind = "a folder" if self.folder else "a file"
        try:
            problem = self._problem(path)
        except (OSError, ValueError) as error:
            problem = _reason(error)
        if problem:
            raise ConfigurationError(f"{name} must name {kind} that can be written, got {str(path)!r}: {problem}")

    def _problem(self, path: Path) -> str | None:
        """What stands against writing; raises OSError where the system says so."""
        if self.suffixes and path.suffix.lower() not in self.suffixes:
            return f"its name must end in {' or '.join(self.suffixes)}"
        existing = next(place for place in (path, *path.absolute().parents) if os.path.lexists(place))
        if max(len(os.fsencode(part)) for part in ("", *path.parts)) > _LONGEST_NAME:
            return "its name is too long"
        if existing == path and not path.exists():
            existing = path.resolve().parent  # a link to what is not there yet
        elif existing == path:
            if self.new:
                return "it exists already"
            if self.folder != path.is_dir():
                return "it is a folder" if path.is_dir() else "it is a file"
            if not os.access(path, os.W_OK):
                return "it may not be written"
            if not self.folder and not path.is_file():
                return None  # a terminal, a pipe
            existing = path if self.folder else path.resolve().parent
        elif not existing.is_dir():
            return f"{existing} is no folder"
        # Permissions do not tell everything: root may do all that they forbid, and yet not write to every file system.
        with tempfile.TemporaryFile(dir=existing):
            return None


OutputFile: TypeAlias = Annotated[Path, Output()]
OutputFolder: TypeAlias = Annotated[Path, Output(folder=True)]
PICTURES = (".png", ".pdf", ".svg", ".jpg", ".jpeg")
"""Kinds of pictures that can be drawn."""


def check_outputs(config: Any) -> None:
    """Check every output that a dataclass of options names, before the work is done.

    Args:
        config: options; None stands for an output that is not wanted.

    Raises:
        ConfigurationError: an output cannot be written, or two options name the same file.
    """
    seen: dict[Path, str] = {}
    for field, hint in field_hints(type(config)).items():
        path, output, name = getattr(config, field), _output_of(hint), "--" + field.replace("_", "-")
        if output is None or path is None:
            continue
        output.check(Path(path), name)
        place = Path(path).absolute()
        if place in seen and not _is_device(place):
            raise ConfigurationError(f"{seen[place]} and {name} must name different files, got {str(path)!r} twice")
        seen[place] = name


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Write a file as a whole: give what to write to, and put it in the place of ``path`` when it is complete.

    Whatever stops the writing, an earlier file stays as it was. Folders above are created.

    Raises:
        OutputError: it cannot be written, or the disk is full.
    """
    path = Path(os.path.realpath(path))
    unfinished = _beside(path)
    try:
        if _is_device(path):
            yield path
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        os.replace(unfinished, path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {_reason(error)}") from error
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path, *, room: int = 0) -> Iterator[Path]:
    """Make a folder as a whole: give one to fill, and call it ``path`` when it is complete.

    Args:
        path: the folder.
        room: bytes that will be needed.

    Raises:
        ConfigurationError: it exists already, or cannot be made.
        OutputError: it cannot be written, or there is not enough room.
    """
    Output(folder=True, new=True).check(path, "the new folder")
    path = path.absolute()
    free = shutil.disk_usage(next(place for place in path.parents if place.exists())).free
    if free < room:
        raise OutputError(f"cannot write {path}: it needs about {room:,} bytes, {free:,} are free; make room")
    unfinished = _beside(path)
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
        os.rename(unfinished, path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {_reason(error)}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a file as a whole; see ``replacing``.

    Raises:
        OutputError: it cannot be written, or the disk is full.
    """
    with replacing(path) as unfinished:
        unfinished.write_bytes(data)


def _output_of(hint: Any) -> Output | None:
    """The output that a type declares, also where the option may be left out."""
    candidates = (hint, *(member for member in get_args(hint)))
    return next((found for one in candidates for found in declared(one, Output)), None)


def _beside(path: Path) -> Path:
    """A name that nobody else uses for what becomes ``path``, of the same kind; containers share process ids."""
    return path.with_name(f".unfinished-{uuid4().hex}{path.suffix}")


def _is_device(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
