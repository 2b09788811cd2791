"""The servos' own watchdog: without a packet for so long, they stop by themselves."""

from dexndm_gym.arrays import IntArray
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.registers import WATCHDOG_UNIT
from dexndm_gym.hardware.safety import check_plausible
from dexndm_gym.hardware.units import rad_from_ticks

WATCHDOG_MARGIN = 0.8
"""After a pause of this share of the servos' watchdog, it is asked for before the next goal."""


def watchdog_units(seconds: float) -> int:
    """Value of the watchdog's register.

    Raises:
        ConfigurationError: the servos cannot be set to this time.
    """
    units = seconds / WATCHDOG_UNIT
    if not (1 <= round(units) <= 127 and abs(units - round(units)) < 1e-6):
        raise ConfigurationError(f"watchdog must be a multiple of 0.02 s, at most 2.54 s, got {seconds}")
    return round(units)


def arm(bus: DynamixelBus, seconds: float) -> None:
    """From now on, servos stop after so long without a packet."""
    bus.ensure("bus_watchdog", watchdog_units(seconds))


def disarm(bus: DynamixelBus) -> None:
    """Nobody watches any more."""
    bus.ensure("bus_watchdog", 0)


def rearm(bus: DynamixelBus, seconds: float) -> IntArray:
    """After the watchdog has stopped the servos: arm it again, and let them hold where they are.

    Returns:
        The goals, (16,), ticks.

    Raises:
        SafetyError: a joint reads a position that it cannot have.
    """
    present = bus.sync_read("present_position")["present_position"]
    check_plausible(rad_from_ticks(present))
    # Goals are read-only until 0 is written. Until it is armed again nobody watches, but the servos stand still: armed
    # before, it would expire once more on a machine that is slow to send the goals.
    bus.sync_write("bus_watchdog", 0)
    bus.ensure("goal_position", present)
    arm(bus, seconds)
    return present
