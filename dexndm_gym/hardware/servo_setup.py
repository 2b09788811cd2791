"""From servos in any state to a hand that holds still with torque on, in the order that keeps it from jumping."""

import logging
import time
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from dexndm_gym.arrays import IntArray
from dexndm_gym.checks import Bound, Checked, Positive
from dexndm_gym.constants import D_GAIN, GOAL_CURRENT, P_GAIN, SIDE_GAIN, SIDE_JOINTS
from dexndm_gym.errors import BusTimeoutError, SafetyError, ServoAlertError
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.registers import PWM_FULL, WATCHDOG_EXPIRED, Current, Gain
from dexndm_gym.hardware.safety import check_plausible
from dexndm_gym.hardware.servo_requirements import EEPROM, IMPOSED, changes, name_group, unmet
from dexndm_gym.hardware.transport import name_servos
from dexndm_gym.hardware.units import rad_from_ticks
from dexndm_gym.hardware.watchdog import arm, disarm, watchdog_units

_LOG = logging.getLogger(__name__)


STATUS_RETURN_LEVEL = 2
"""Servos answer every request."""

_REBOOT_TIME = 2.0
"""How long a servo may take to come back from a reboot, s."""


_SIDE_P_GAIN, _SIDE_D_GAIN = round(SIDE_GAIN * P_GAIN), round(SIDE_GAIN * D_GAIN)


@dataclass(frozen=True, kw_only=True)
class ServoSettings(Checked):
    """What the servos of the hand are set to."""

    p_gain: Gain = P_GAIN
    """Position P gain (register 84)."""

    side_p_gain: Gain = _SIDE_P_GAIN
    """The same for the three joints that move fingers sideways."""

    d_gain: Gain = D_GAIN
    """Position D gain (register 80)."""

    side_d_gain: Gain = _SIDE_D_GAIN
    """The same for the three joints that move fingers sideways."""

    current_limit: Current = GOAL_CURRENT
    """Goal Current, mA: bounds the torque. The vendor of the hand advises 300 for light, 500-600 for full hands."""

    watchdog: Positive = 0.08
    """After this long without a packet the servos stop by themselves, s; a multiple of 20 ms. A control step of 50 ms
    may be late by 30 ms before that happens, and servos whose host has died stop within 100 ms."""

    max_temperature: Annotated[int, Bound(least=1, most=100)] = 65
    """Temperature from which on the hand is switched off, degrees Celsius. The servos themselves give up at 70."""

    min_voltage: Annotated[float, Bound(least=0.0, most=7.0)] = 3.7
    """Supply below which the hand is switched off, V: the least that the servos are specified for."""

    reboot_alerted: bool = False
    """Reboot servos that report a hardware error when the hand is connected, instead of raising ServoAlertError. Leave
    it off while somebody can look at the cause."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigurationError: a value is none that the servos take, or the watchdog's time cannot be set.
        """
        super().__post_init__()
        watchdog_units(self.watchdog)


def prepare(bus: DynamixelBus, settings: ServoSettings) -> None:
    """Find the servos and set them up; their torque is off afterwards.

    Raises:
        MissingServoError: servos are missing or of another model.
        ServoAlertError: servos report hardware errors.
        SafetyError: a register holds what a person has to decide on, such as a homing offset that only some modes heed;
            the message names servo, register, value, what was expected and what to do.
        BusProtocolError: a servo refuses a setting.
    """
    bus.require_all()
    # A servo told to keep quiet would look dead to everything below.
    bus.sync_write("status_return_level", STATUS_RETURN_LEVEL)
    bus.check_models()
    _clear_alerts(bus, reboot=settings.reboot_alerted)
    firmware = bus.sync_read("firmware_version")["firmware_version"]
    if len(set(firmware.tolist())) > 1:
        _LOG.warning("The servos have different firmware versions: %s", firmware.tolist())
    bus.torque_off()
    # An expired watchdog makes goals read-only, and one that is armed could expire while settings are written.
    disarm(bus)
    values = bus.sync_read(*EEPROM)
    if problems := unmet(values, settings):
        raise SafetyError(" ".join(problems))
    for name, servos in changes(values).items():
        bus.ensure(name, IMPOSED[name])
        _LOG.info("Set %s to %d at %s (EEPROM)", name, IMPOSED[name], name_group(servos))
    _set_gains(bus, settings)


def hold_still(bus: DynamixelBus, settings: ServoSettings) -> IntArray:
    """Switch torque on with every goal at the present position and the watchdog armed.

    Returns:
        The goals, (16,), ticks.

    Raises:
        SafetyError: a joint reads a position that it cannot have.
        HardwareError: a servo does not take its goal or its torque.
    """
    present = bus.sync_read("present_position")["present_position"]
    check_plausible(rad_from_ticks(present))
    for servo, tick in enumerate(present.tolist()):
        bus.write(servo, "goal_position", tick)
    # Some firmware counts only with torque on: until then this is just a setting.
    arm(bus, settings.watchdog)
    bus.ensure("torque_enable", 1)
    return present


def check_health(bus: DynamixelBus, settings: ServoSettings) -> bool:
    """See that all servos still have torque and still listen.

    Returns:
        Whether they listen; False after their watchdog has stopped them, which ``rearm`` mends.

    Raises:
        ServoAlertError: servos report hardware errors.
        SafetyError: servos have lost their torque, for example because their supply failed for a moment, or are too
            hot, or their supply is too weak.
        MissingServoError: a servo is of another model than it was.
    """
    status = bus.sync_read("torque_enable", "hardware_error_status", "bus_watchdog")
    limp = np.flatnonzero(status["torque_enable"] == 0).tolist()
    if limp:
        raise SafetyError(
            f"These servos have lost their torque without an error: {name_servos(limp)}. "
            "Did the supply drop out, or does another program use the hand?"
        )
    bus.check_models()
    supply = bus.sync_read("present_input_voltage", "present_temperature")
    voltage, temperature = supply["present_input_voltage"] / 10.0, supply["present_temperature"]
    if voltage.min() < settings.min_voltage:
        raise SafetyError(
            f"The supply is down to {voltage.min():.1f} V at servo {name_servos([int(voltage.argmin())])}; expected at "
            f"least {settings.min_voltage:g} V. Is it strong enough, and are its cables thick enough?"
        )
    if temperature.max() > settings.max_temperature:
        raise SafetyError(
            f"Servo {name_servos([int(temperature.argmax())])} is at {temperature.max()} degrees Celsius; expected at "
            f"most {settings.max_temperature}. Let the hand cool down"
        )
    return not bool((status["bus_watchdog"] == WATCHDOG_EXPIRED).any())


def _clear_alerts(bus: DynamixelBus, *, reboot: bool) -> None:
    alerts = bus.alerts()
    if not alerts:
        return
    listed = "; ".join(f"{name_servos([servo])}: {reason}" for servo, reason in alerts.items())
    if not reboot:
        raise ServoAlertError(
            f"Servos report hardware errors: {listed}. Remove the cause, then switch the hand off and on, "
            "or connect with ServoSettings(reboot_alerted=True)"
        )
    _LOG.warning("Rebooting servos that report hardware errors: %s", listed)
    for servo in alerts:
        bus.reboot(servo)
    deadline = time.monotonic() + _REBOOT_TIME
    while bus.find_silent():
        if time.monotonic() > deadline:
            raise BusTimeoutError(f"Servos did not come back within {_REBOOT_TIME:g} s of a reboot: {listed}")
    _clear_alerts(bus, reboot=False)


def _set_gains(bus: DynamixelBus, settings: ServoSettings) -> None:
    p_gain, d_gain = np.full(NUM_JOINTS, settings.p_gain), np.full(NUM_JOINTS, settings.d_gain)
    p_gain[list(SIDE_JOINTS)], d_gain[list(SIDE_JOINTS)] = settings.side_p_gain, settings.side_d_gain
    for name, value in (
        ("position_p_gain", p_gain),
        ("position_i_gain", 0),
        ("position_d_gain", d_gain),
        ("feedforward_1st_gain", 0),
        ("feedforward_2nd_gain", 0),
        ("profile_acceleration", 0),
        ("profile_velocity", 0),
        ("goal_pwm", PWM_FULL),
        ("goal_current", settings.current_limit),
    ):
        bus.ensure(name, value)
