"""``dexndm export``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from dexndm_gym.cli.common import NOTHING_KEPT, find_recordings, interruptible, parse
from dexndm_gym.data.export_lerobot import export_lerobot
from dexndm_gym.data.export_minari import export_minari
from dexndm_gym.outputs import Output

_WRITERS = {"minari": export_minari, "lerobot": export_lerobot}


@dataclass(frozen=True, kw_only=True)
class ExportCommand:
    """Convert recordings to the format of another library: Minari, or LeRobot 3.0."""

    format: Annotated[Literal["minari", "lerobot"], tyro.conf.Positional]
    """Whose format."""

    recordings: Annotated[Path, tyro.conf.Positional]
    """A recording, or a folder of them."""

    out: Annotated[Path, tyro.conf.Positional, Output(folder=True, new=True)]
    """Folder to create. For Minari its name is the data set's id, such as leap-v0."""


def run(arguments: list[str]) -> None:
    """Run the command."""
    command = parse(ExportCommand, "export", arguments)
    with interruptible(lambda: NOTHING_KEPT):
        episodes = _WRITERS[command.format](find_recordings([command.recordings]), command.out)
    print(f"{command.out}: {episodes} episodes")
