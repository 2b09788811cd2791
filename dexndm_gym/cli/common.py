"""What several commands share: shipped files, policies, numbers as JSON."""

import json
import logging
import select
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import tyro

from dexndm_gym.checks import NotEmpty
from dexndm_gym.cli.parsing import parse_options
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.outputs import PICTURES, Output, replacing, write_bytes

if TYPE_CHECKING:
    import gymnasium
    from matplotlib.figure import Figure

    from dexndm_gym.backends.address import HandAddress
    from dexndm_gym.training.policy import StudentPolicy

Options = TypeVar("Options")

_LOG = logging.getLogger(__name__)

File = Annotated[Path | None, tyro.conf.arg(metavar="FILE")]
"""A file to read that need not be given."""

JsonFile = Annotated[Path | None, tyro.conf.arg(metavar="FILE"), Output()]
"""Where numbers go, if anywhere."""

PictureFile = Annotated[Path | None, tyro.conf.arg(metavar="FILE"), Output(suffixes=PICTURES)]
"""Where a picture goes, if anywhere."""

Names = Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME [NAME ...]"), NotEmpty()]
"""One or several names of things to draw from: of objects, wrists or axes."""

Port = Annotated[str | None, tyro.conf.arg(metavar="PORT")]
"""A serial port, which need not be given."""

_NO_ANSWER = "This command asks before it goes on, and nobody can answer here; give --yes if {}"


def parse(
    options: type[Options],
    command: str,
    arguments: Sequence[str],
    *,
    description: str | None = None,
    pairs: bool = False,
) -> Options:
    """Read the options of a command, and check values and outputs; ends the program after ``--help``.

    Args:
        options: a dataclass whose docstrings are the help.
        command: name of the command.
        arguments: what follows the name.
        description: what the command does, where the dataclass does not say it.
        pairs: give each switch a ``--no-`` twin, for dataclasses with switches that are on by default.

    Raises:
        ConfigurationError: an option is unknown, a value cannot be used, or an output cannot be written.
    """
    return parse_options(options, command, arguments, description, pairs)


@contextmanager
def interruptible(kept: Callable[[], str]) -> Iterator[None]:
    """While it is open, Ctrl-C ends the command with a word on what is left.

    Args:
        kept: says what was kept, and how to go on.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(kept()) from error


NOTHING_KEPT = "nothing was written; run the same again to start anew"
"""What an interrupted command says that keeps nothing."""


def load_policy_file(path: Path) -> "StudentPolicy":
    """Read a policy.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: it is not a policy of this package.
    """
    from dexndm_gym.training.policy import load_policy

    return load_policy(path)


def find_recordings(paths: Sequence[Path]) -> list[Path]:
    """The files, with folders replaced by the recordings in them.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ConfigurationError: the folders hold no recordings.
    """
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"no such file or folder: {path}")
    found = [file for path in paths for file in (sorted(path.glob("*.h5")) if path.is_dir() else [path])]
    if not found:
        raise ConfigurationError(f"no recordings (*.h5) in {', '.join(map(str, paths))}")
    return found


def announce_hand(port: str | None, hand_seed: int = 0) -> "HandAddress":
    """Say which hand a command is about to talk to; that hand.

    Args:
        port: as the options say; None for what ``DEXNDM_PORT`` names, or else a virtual hand.
        hand_seed: which virtual hand.

    Raises:
        ConfigurationError: the port has no name.
    """
    from dexndm_gym.backends.address import find_hand

    address = find_hand(port, hand_seed)
    announce(str(address))
    return address


def announce(who: str) -> None:
    """Say what a command is about to talk to, apart from its results."""
    print(f"Hand: {who}", file=sys.stderr, flush=True)


def require_answers(yes_means: str) -> None:
    """Before anything moves: see that somebody can answer the questions that will be asked.

    Args:
        yes_means: what ``--yes`` says, for who has to decide whether to give it.

    Raises:
        ConfigurationError: nobody can.
    """
    if _input_has_ended():
        raise ConfigurationError(_NO_ANSWER.format(yes_means))


def ask(question: str, yes_means: str) -> str:
    """Ask somebody in the terminal; what they answer.

    Args:
        question: to show.
        yes_means: as in ``require_answers``.

    Raises:
        ConfigurationError: nobody answers.
    """
    try:
        return input(question)
    except EOFError as error:
        raise ConfigurationError(_NO_ANSWER.format(yes_means)) from error


def _input_has_ended() -> bool:
    """Whether there is certainly nothing to read; a pipe may still bring answers."""
    if sys.stdin is None or sys.stdin.closed:
        return True
    try:
        if sys.stdin.isatty() or not select.select([sys.stdin], [], [], 0.0)[0]:
            return False
        return not sys.stdin.buffer.peek(1)  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):  # no file, or one that cannot be asked
        return False


def announce_stop_key() -> None:
    """Say that any key stops the hand, where there are keys."""
    if sys.stdin is not None and sys.stdin.isatty():
        _LOG.info("Any key stops the hand.")


@contextmanager
def stop_key(env: "gymnasium.Env[Any, Any]") -> "Iterator[None]":
    """While it is open, any key stops the hand of a ``LeapRotate-Real-v0``; where it asks for Enter, that confirms.

    A simulated hand, which cannot be stopped, is left alone.
    """
    from dexndm_gym.hardware.emergency_stop import StopKey

    hand = env.unwrapped.backend  # type: ignore[attr-defined]
    if not hasattr(hand, "stop"):
        yield
        return
    announce_stop_key()
    with StopKey(hand.stop) as key:
        hand.confirm_with(key.confirmed if key.is_listening else None)
        try:
            yield
        finally:
            hand.confirm_with(None)


def write_json(numbers: dict[str, Any], path: Path | None) -> None:
    """Write numbers to a file, if one is wanted.

    Raises:
        OutputError: the file cannot be written.
    """
    if path is not None:
        write_bytes(path, (json.dumps(numbers, indent=2) + "\n").encode())


def write_figure(figure: "Figure", path: Path, *, dpi: int) -> None:
    """Draw a figure into a file.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(path) as unfinished:
        figure.savefig(unfinished, dpi=dpi)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]], *, labels: int = 1) -> str:
    """Rows of text as a table: the first columns, which are labels, to the left, the others to the right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = []
    for row in (head, tuple("-" * width for width in widths), *rows):
        cells = [
            cell.ljust(width) if column < labels else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
