"""``dexndm report``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from dexndm_gym.checks import Checked
from dexndm_gym.cli.common import NOTHING_KEPT, interruptible, parse
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.evaluation.report.folder_report import write_folder_report
from dexndm_gym.outputs import Output
from dexndm_gym.progress import progress_bar


@dataclass(frozen=True, kw_only=True)
class ReportCommand(Checked):
    """Write one HTML file on all that a folder holds.

    It takes in numbers that `evaluate` (its suites included) and `demo` wrote with --json, and recordings.
    """

    folder: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="FOLDER")]]
    """Where to look, folders in it included."""

    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE"), Output(suffixes=(".html",))] = None
    """File to write; if not given, FOLDER/report.html, or overview.html where a demo has left its report."""

    no_videos: bool = False
    """Leave out the videos of recordings."""


def run(arguments: list[str]) -> None:
    """Run the command."""
    command = parse(ReportCommand, "report", arguments)
    path = command.out or _default(command.folder)
    if command.folder.is_dir():
        Output(suffixes=(".html",)).check(path, "the report")
    elif command.folder.exists():
        raise ConfigurationError(f"expected a folder, got the file {command.folder}")
    with interruptible(lambda: NOTHING_KEPT), progress_bar("report", "video", leave=False) as progress:
        found = write_folder_report(command.folder, path, videos=not command.no_videos, progress=progress)
    counts = {
        "evaluations": found.evaluations,
        "gap suites": found.gaps,
        "general suites": found.generals,
        "demos": found.demos,
        "recordings": found.recordings,
    }
    print(f"{path}: {', '.join(f'{len(files)} {what}' for what, files in counts.items() if files)}")


def _default(folder: Path) -> Path:
    return folder / ("overview.html" if (folder / "demo.json").exists() else "report.html")
