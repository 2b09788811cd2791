"""The options of ``dexndm view``, one class per subcommand."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from dexndm_gym.assets import SHIPPED_POLICIES
from dexndm_gym.checks import Bound, Checked, NotEmpty, Seed
from dexndm_gym.cli.common import Names, Port


@dataclass(frozen=True, kw_only=True)
class ViewOptions(Checked):
    """What all pages need."""

    host: str = "127.0.0.1"
    """Address that the page is served on; 0.0.0.0 lets other machines see and steer it."""

    page_port: Annotated[int, Bound(least=1, most=65_535)] = 8080
    """Network port of the page; where it is taken, the next free one."""

    seconds: Annotated[float, Bound(above=0.0, infinite=True)] = float("inf")
    """How long to show it, s; Ctrl-C ends it earlier."""


@dataclass(frozen=True, kw_only=True)
class EpisodeOptions(ViewOptions):
    """What hands that move need."""

    policy: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="FILE [FILE ...]"), NotEmpty()] = tuple(
        map(Path, SHIPPED_POLICIES)
    )
    """Policies to choose from, the first to begin with: files, or names of shipped ones."""

    object: Names = ("basic",)
    """Objects to choose from, the first to begin with: names, named sets, or mesh files such as
    bunny.obj,size=0.07,mass=0.1 (m, kg)."""

    wrist: Names = ("palm_up", "palm_down", "base_up", "base_down", "thumb_up", "thumb_down")
    """Wrist orientations to choose from, the first to begin with."""

    axis: Names = ("+z", "-z", "hand+z", "hand-z", "+x", "-x", "+y", "-y")
    """Axes to choose from, the first to begin with; in the world frame, or in that of the hand."""

    seed: Seed = 0
    """Seed of the episodes."""


@dataclass(frozen=True, kw_only=True)
class Sim(EpisodeOptions):
    """Show a simulated hand; on the page one chooses object, wrist and axis, pauses, and slows time down."""

    starts: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """Start from states of this file of ``dexndm grasps``, or from "grasps" alone, palm up, too."""


@dataclass(frozen=True, kw_only=True)
class Virtual(EpisodeOptions):
    """Show a virtual hand, driven over its serial port."""

    wrist: Names = ("palm_up",)
    """Wrist orientations to choose from, the first to begin with."""

    axis: Names = ("+z", "-z")
    """Axes to choose from, the first to begin with; in the world frame."""

    hand_seed: Seed = 0
    """Which virtual hand: its hidden parameters are drawn from this."""


@dataclass(frozen=True, kw_only=True)
class Real(EpisodeOptions):
    """Show a hand with servos while it turns an object; the page has a button that switches the torque off."""

    wrist: Names = ("palm_up",)
    """Wrist orientations to choose from, the first to begin with: how the hand is mounted."""

    axis: Names = ("+z", "-z")
    """Axes to choose from, the first to begin with; in the world frame."""

    port: Port = None
    """Serial port of the hand, such as /dev/ttyUSB0; "virtual" starts a virtual hand. If not given, the one that the
    environment variable DEXNDM_PORT names, else a virtual hand."""

    hand_seed: Seed = 0
    """Which virtual hand, if it is one."""


@dataclass(frozen=True, kw_only=True)
class Recording(ViewOptions):
    """Play a recording, and scrub through it."""

    file: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="FILE")]]
    """Recording (*.h5)."""
