"""Arguments into a dataclass of options; what is wrong with them is said in one line."""

import io
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import fields, is_dataclass, replace
from typing import Any

import tyro

from dexndm_gym.checks import check_fields
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.outputs import check_outputs
from dexndm_gym.task.orientations import AXES

_WIDE = "10000"
_RULE = re.compile(r"─{4,}|-{4,}")
_FRAME = "│╭╰╮╯|+ "  # of terminals with and without such characters
_OF_A_CLASS = re.compile(r"^Error parsing [A-Z]\w*: ")
_HELP = ("-h", "--help")


def parse_options(options: Any, command: str, arguments: Sequence[str], description: str | None, pairs: bool) -> Any:
    """Read options, and check values and outputs; ends the program after ``--help``.

    Raises:
        ConfigurationError: an option is unknown or missing, or a value cannot be used.
    """
    _refuse_empty(arguments)
    style = () if pairs else (tyro.conf.FlagCreatePairsOff,)
    prog = f"dexndm {command}"
    # An axis such as -z looks like an option; behind a space it does not.
    shielded = [f" {argument}" if argument in AXES else argument for argument in arguments]
    wanted: dict[str, Any] = {"prog": prog, "description": description, "args": shielded, "config": style}
    if any(argument in _HELP for argument in arguments):
        return tyro.cli(options, **wanted)
    said = io.StringIO()
    try:
        with redirect_stderr(said), _wide_terminal():
            found = tyro.cli(options, **wanted)
    except SystemExit as ending:
        raise ConfigurationError(f"{_in_one_line(said.getvalue())} See {prog} --help") from ending
    found = _unshielded(found)
    check_fields(found)
    check_outputs(found)
    return found


def _refuse_empty(arguments: Sequence[str]) -> None:
    for before, argument in zip(("", *arguments), arguments, strict=False):
        name, equals, value = argument.partition("=")
        if not argument.strip() or (name.startswith("--") and equals and not value.strip()):
            option = name if equals else before
            raise ConfigurationError(f"expected a value{f' for {option}' if option else ''}, got an empty one")


def _in_one_line(box: str) -> str:
    """What a box of text says, without its frame and title, the help of the option, and where to find more help."""
    _, *parts = _RULE.split(" ".join(line.strip(_FRAME) for line in box.splitlines()))
    said = [part.strip(_FRAME) for part in parts]
    kept = [part for part in said if part and not part.startswith(("Argument helptext", "For full helptext"))]
    return " ".join(_OF_A_CLASS.sub("", part).rstrip(".!") + "." for part in kept) or "wrong options."


@contextmanager
def _wide_terminal() -> Iterator[None]:
    """Let no message be wrapped, which would break words apart."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = _WIDE
    try:
        yield
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before


def _unshielded(found: Any) -> Any:
    if not is_dataclass(found) or isinstance(found, type):
        return found
    changes = {}
    for field in fields(found):
        value = getattr(found, field.name)
        if isinstance(value, str):
            changes[field.name] = value.strip()
        elif isinstance(value, tuple):
            changes[field.name] = tuple(item.strip() if isinstance(item, str) else item for item in value)
    return replace(found, **{name: value for name, value in changes.items() if value != getattr(found, name)})
