"""``dexndm coverage``, and the summary that ``dexndm collect`` ends with."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from dexndm_gym.checks import Checked, NotEmpty
from dexndm_gym.cli.common import JsonFile, PictureFile, find_recordings, parse, table, write_figure, write_json
from dexndm_gym.data.reading import read_recording
from dexndm_gym.evaluation.coverage import Coverage, coverage_figure, measure_coverage
from dexndm_gym.hand.joints import JOINT_NAMES


@dataclass(frozen=True, kw_only=True)
class CoverageCommand(Checked):
    """Show what recordings cover: range, speed and load of every joint."""

    paths: Annotated[tuple[Path, ...], NotEmpty(), tyro.conf.Positional, tyro.conf.arg(metavar="PATH [PATH ...]")]
    """Recordings, or folders of them."""

    plot: PictureFile = None
    """Also draw the histograms into this file (PNG, PDF or SVG)."""

    json: JsonFile = None
    """Also write the numbers, histograms included, to this file."""


def run(arguments: list[str]) -> None:
    """Run the command."""
    command = parse(CoverageCommand, "coverage", arguments)
    summarize(find_recordings(command.paths), command.plot, command.json)


def summarize(recordings: Iterable[Path], plot: Path | None, json: Path | None) -> None:
    """Measure recordings, print the tables, and write plot and JSON where they are wanted.

    Raises:
        ConfigurationError: nothing was recorded.
        OutputError: a file cannot be written.
    """
    coverage = measure_coverage([one for path in recordings for one in read_recording(path)])
    print(_tables(coverage))
    write_json(coverage.as_dict(), json)
    if plot is not None:
        write_figure(coverage_figure(coverage), plot, dpi=110)


def _tables(coverage: Coverage) -> str:
    times = [(setting, f"{minutes:.1f}") for setting, minutes in coverage.minutes.items()]
    position, speed = np.rad2deg(coverage.position.quantiles), coverage.speed.quantiles
    load = None if coverage.load is None else 1000 * coverage.load.quantiles
    rows = [
        (
            *(name, f"{position[0, joint]:.0f} to {position[2, joint]:.0f}"),
            f"{100 * coverage.share_of_range[joint]:.0f} %",
            *(f"{speed[1, joint]:.2f}", f"{speed[2, joint]:.2f}"),
            *(("", "") if load is None else (f"{load[1, joint]:.0f}", f"{load[2, joint]:.0f}")),
        )
        for joint, name in enumerate(JOINT_NAMES)
    ]
    head = ("joint", "1 to 99 %, deg", "of its range", "rad/s, 50 %", "99 %", "mA, 50 %", "99 %")
    return f"{table(('setting', 'min'), times)}\n\n{table(head, rows)}"
