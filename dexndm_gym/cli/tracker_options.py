"""The options of ``dexndm tracker``, one class per subcommand."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from dexndm_gym.checks import Bound, Checked, Seed
from dexndm_gym.cli.common import JsonFile, Names
from dexndm_gym.outputs import Output, OutputFolder

Views = Annotated[int, Bound(least=8, most=200)]
Pixels = Annotated[int, Bound(least=160, most=4096)]


@dataclass(frozen=True, kw_only=True)
class Board(Checked):
    """Write PDFs to print at true scale: tags for objects, the card of the hand's base, the board for calibration."""

    object: Names = ("cube", "cylinder")
    """Boxes and cylinders to write tags for: names, named sets, or files of meshes are refused."""

    paper: Literal["a4", "letter"] = "a4"
    """Size of the sheets."""

    out: OutputFolder = Path("runs/tags")
    """Folder for the PDFs."""


@dataclass(frozen=True, kw_only=True)
class Calibrate(Checked):
    """Find the lens of a camera: move the printed board about before it until there are enough views."""

    camera: str = "0"
    """Number of the camera, such as 0 for /dev/video0, or path of a device; "virtual" for a virtual one."""

    views: Views = 20
    """Different views of the board to collect."""

    width: Pixels = 640
    """Of the pictures, pixels."""

    height: Pixels = 480
    """Of the pictures, pixels."""

    seconds: Annotated[float, Bound(above=0.0, most=3600.0)] = 120.0
    """How long to wait for them, s."""

    out: Annotated[Path, tyro.conf.arg(metavar="FILE"), Output(suffixes=(".json",))] = Path("camera.json")
    """File to write."""


@dataclass(frozen=True, kw_only=True)
class Check(Checked):
    """Look at an object that lies still in the hand, and say how well it is seen."""

    camera: str = "0"
    """Number of the camera, or path of a device; "virtual" looks at a virtual hand."""

    calibration: Annotated[Path, tyro.conf.arg(metavar="FILE")] = Path("camera.json")
    """What ``dexndm tracker calibrate`` wrote for this camera."""

    object: str = "cube"
    """The object with its tags, which lies still in the hand."""

    seconds: Annotated[float, Bound(above=0.0, most=3600.0)] = 10.0
    """How long to look, s."""

    hand_seed: Seed = 0
    """Which virtual hand, if the camera is virtual."""

    json: JsonFile = None
    """Also write the numbers to this file."""
