"""The options of ``dexndm hand``, one class per subcommand."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

from dexndm_gym.checks import Bound, Checked, NotEmpty, Seed
from dexndm_gym.cli.common import Port
from dexndm_gym.constants import BAUDRATE, D_GAIN, GOAL_CURRENT, P_GAIN
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.hardware.registers import Current, Gain
from dexndm_gym.outputs import OutputFolder

Joints: TypeAlias = Annotated[tuple[int, ...], Bound(least=0, most=NUM_JOINTS - 1), NotEmpty()]


@dataclass(frozen=True, kw_only=True)
class HandOptions(Checked):
    """What all commands need."""

    port: Port = None
    """Serial port of the hand, such as /dev/ttyUSB0; "virtual" starts a virtual hand. If not given, the one that the
    environment variable DEXNDM_PORT names, else a virtual hand."""

    baudrate: Annotated[int, Bound(least=9_600, most=4_500_000)] = BAUDRATE
    """Bits per second that the servos are set to."""

    hand_seed: Seed = 0
    """Which virtual hand: its hidden parameters are drawn from this."""


@dataclass(frozen=True, kw_only=True)
class Scan(HandOptions):
    """Find all servos on the port, at any baud rate, and say what is missing."""


@dataclass(frozen=True, kw_only=True)
class Check(HandOptions):
    """Read the state of every servo, change nothing, and say what to mend."""


@dataclass(frozen=True, kw_only=True)
class Calibrate(HandOptions):
    """Store in the servos where zero is. Torque goes off; you hold the hand flat and open, fingers parallel."""

    joints: Joints = tuple(range(NUM_JOINTS))
    """Joints to calibrate; the others keep their zero."""

    yes: bool = False
    """Ask nothing: the hand is already held flat."""


@dataclass(frozen=True, kw_only=True)
class Mirror(HandOptions):
    """Move one joint at a time, next to a picture of the same pose in the simulation: proves order, sign and zero."""

    joints: Joints = tuple(range(NUM_JOINTS))
    """Joints to move."""

    out: OutputFolder = Path("runs/mirror")
    """Folder for the pictures."""

    yes: bool = False
    """Ask nothing, and trust the servos' sensors."""


@dataclass(frozen=True, kw_only=True)
class Gains(HandOptions):
    """Measure how each joint answers a step of 0.2 rad with these gains."""

    joints: Joints = tuple(range(NUM_JOINTS))
    """Joints to try."""

    p_gain: Gain = P_GAIN
    """Position P gain; the joints that move fingers sideways get three quarters of it."""

    d_gain: Gain = D_GAIN
    """Position D gain; the joints that move fingers sideways get three quarters of it."""

    current_limit: Current = GOAL_CURRENT
    """Goal current, mA."""


@dataclass(frozen=True, kw_only=True)
class Watch(HandOptions):
    """Show what all servos measure, live, without touching their torque. Ctrl-C ends it."""

    seconds: Annotated[float, Bound(above=0.0, infinite=True)] = float("inf")
    """How long to watch, s."""

    rate: Annotated[float, Bound(above=0.0, most=1000.0)] = 5.0
    """Readings per second."""


@dataclass(frozen=True, kw_only=True)
class Relax(HandOptions):
    """Switch the torque of all servos off, and make sure of it."""
