"""The options of ``dexndm teleop``, one class per subcommand."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from dexndm_gym.assets import SHIPPED_POLICY
from dexndm_gym.checks import Bound, Checked, Seed
from dexndm_gym.cli.common import JsonFile, Names, Port
from dexndm_gym.cli.view_options import ViewOptions
from dexndm_gym.outputs import Output
from dexndm_gym.teleop.loss import LossConfig


@dataclass(frozen=True, kw_only=True)
class TeleopOptions(ViewOptions, Checked):
    """What all hands that are steered need."""

    policy: Annotated[Path, tyro.conf.arg(metavar="FILE")] = SHIPPED_POLICY
    """Policy that moves the fingers: a file, or the name of a shipped one."""

    object: Names = ("cylinder",)
    """What lies in the hand, drawn from these at each reset: names, named sets or mesh files; "none" for nothing."""

    wrist: Names = ("palm_up",)
    """How the hand is held after a reset, drawn from these."""

    axis: Names = ("+z",)
    """What to turn about at first: +x, -x, ..., hand+z, ...; of several, each reset draws one."""

    page: bool = True
    """Serve a page to see and steer the hand (extra viewer)."""

    gamepad: bool = False
    """Steer with the gamepad that is plugged in, too (extra viewer)."""

    phone: Annotated[str | None, tyro.conf.arg(metavar="HOST")] = None
    """Steer with a phone, too, which may turn wrist or axis: serve its page over https on this address of the machine;
    0.0.0.0 for all that it has (extra viewer)."""

    phone_port: Annotated[int, Bound(least=1, most=65_535)] = 8443
    """Network port of the phone's page; where it is taken, the next free one."""

    script: Literal["none", "bulb", "goals"] = "none"
    """Let a script steer instead of a person, and say what came of it: a bulb into its socket, or six goals."""

    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE"), Output(suffixes=(".h5",), new=True)] = None
    """Record to this file (*.h5), with the commands."""

    json: JsonFile = None
    """Also write what came of a script to this file."""

    loss: LossConfig = field(default_factory=LossConfig)
    """What happens when whoever steers can no longer be heard."""

    seed: Seed = 0
    """Seed of the first episode."""


@dataclass(frozen=True, kw_only=True)
class Sim(TeleopOptions):
    """Steer a simulated hand."""

    starts: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """Start from states of this file of ``dexndm grasps``, or from "grasps" alone, palm up, too."""


@dataclass(frozen=True, kw_only=True)
class Virtual(TeleopOptions):
    """Steer a virtual hand, driven over its serial port in real time."""

    hand_seed: Seed = 0
    """Which virtual hand: its hidden parameters are drawn from this."""


@dataclass(frozen=True, kw_only=True)
class Real(TeleopOptions):
    """Steer a hand with servos."""

    port: Port = None
    """Serial port of the hand, such as /dev/ttyUSB0; "virtual" starts a virtual hand. If not given, the one that the
    environment variable DEXNDM_PORT names, else a virtual hand."""

    hand_seed: Seed = 0
    """Which virtual hand, if it is one."""
