"""Writes ``reference/commands.md`` before a build: what ``dexndm COMMAND --help`` prints, for every command."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from sphinx.application import Sphinx

import dexndm_gym
from dexndm_gym.cli import main
from dexndm_gym.cli.app import COMMANDS
from dexndm_gym.cli.hand import _ACTIONS as HAND_ACTIONS
from dexndm_gym.cli.teleop import _ACTIONS as TELEOP_ACTIONS
from dexndm_gym.cli.tracker import _ACTIONS as TRACKER_ACTIONS
from dexndm_gym.cli.view import _ACTIONS as VIEW_ACTIONS

PAGE = Path("reference") / "commands.md"
WIDTH = "100"  # characters of a line of help
CHECKOUT = f"{Path(dexndm_gym.__file__).parents[1]}/"
SUBCOMMANDS = {"hand": HAND_ACTIONS, "view": VIEW_ACTIONS, "teleop": TELEOP_ACTIONS, "tracker": TRACKER_ACTIONS}
HEAD = "# Command reference\n\nGenerated from the commands themselves.\n"


def write_page(app: Sphinx) -> None:
    """Write the page, unless it is as it should be."""
    page = Path(app.srcdir) / PAGE
    text = "\n".join([HEAD, *_sections()])
    if not page.exists() or page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")


def _sections() -> Iterator[str]:
    with _terminal_width():
        for name, what in COMMANDS.items():
            yield f"## dexndm {name}\n\n{what}\n\n{_help(name)}"
            for action in SUBCOMMANDS.get(name, ()):
                subcommand = action if isinstance(action, str) else action.__name__.lower()
                yield f"### dexndm {name} {subcommand}\n\n{_help(name, subcommand)}"


def _help(*command: str) -> str:
    said = io.StringIO()
    with redirect_stdout(said):
        try:
            main([*command, "--help"])
        except SystemExit as ending:
            if ending.code:
                raise RuntimeError(f"dexndm {' '.join(command)} --help failed") from ending
    # Defaults that are shipped files depend on where the package is installed.
    text = said.getvalue().replace(CHECKOUT, "")
    lines = [line.rstrip() for line in text.strip().splitlines()]
    return "\n".join(["```text", *lines, "```", ""])


@contextmanager
def _terminal_width() -> Iterator[None]:
    """Wrap the help at the same width on every machine."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = WIDTH
    try:
        yield
    finally:
        del os.environ["COLUMNS"]
        if before is not None:
            os.environ["COLUMNS"] = before


def setup(app: Sphinx) -> dict[str, bool]:
    """Run before the sources are read."""
    app.connect("builder-inited", write_page)
    return {"parallel_read_safe": True}
