"""The state of every servo of a hand, and what to change before it moves."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dexndm_gym.arrays import IntArray
from dexndm_gym.errors import BusTimeoutError
from dexndm_gym.hand.joints import LOWER_LIMITS, UPPER_LIMITS
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.port import adapter_latency_ms
from dexndm_gym.hardware.registers import MODEL_NAMES, REGISTERS, describe_alerts
from dexndm_gym.hardware.safety import LIMIT_TOLERANCE
from dexndm_gym.hardware.servo_requirements import EEPROM, IMPOSED, changes, name_group, unmet
from dexndm_gym.hardware.servo_setup import STATUS_RETURN_LEVEL, ServoSettings
from dexndm_gym.hardware.transport import name_servos
from dexndm_gym.hardware.units import rad_from_ticks

_HIGHEST_VOLTAGE = 6.0
"""Supply that X330 servos are specified for, V; the hand's makers use 5."""


@dataclass(frozen=True)
class Checkup:
    """What a hand says of itself."""

    values: dict[str, IntArray]
    """Registers by name, (16,) each."""

    problems: tuple[str, ...]
    """What keeps the hand from working, and how to mend it."""

    advice: tuple[str, ...]
    """What would make it work better."""


_READ = (
    ("model_number", "firmware_version"),
    EEPROM,
    ("torque_enable", "status_return_level", "hardware_error_status"),
    ("present_position", "present_input_voltage", "present_temperature"),
)
"""Registers to read, those of one request in a row."""


def check_hand(bus: DynamixelBus, settings: ServoSettings | None = None) -> Checkup:
    """Read every servo, change nothing, and judge by the modes that the environment will set.

    Raises:
        MissingServoError: servos do not answer; ``dexndm hand scan`` finds out more.
        HardwareError: the bus fails.
    """
    bus.require_all()
    values: dict[str, IntArray] = {}
    try:
        for names in _READ:
            values |= bus.sync_read(*names, allow_alerts=True)
    except BusTimeoutError as error:
        raise BusTimeoutError(
            f"All servos answer a ping, but not all of them a reading: {error} If it stays like that, their "
            f"status_return_level (register {REGISTERS['status_return_level'].address}) is 0; expected "
            f"{STATUS_RETURN_LEVEL}, which it is again after switching the hand off and on"
        ) from error
    bus.check_models()
    problems = tuple(_problems(values, settings or ServoSettings()))
    return Checkup(values, problems, tuple(_advice(values, adapter_latency_ms(bus.port.path), bus.port.path)))


def _problems(values: dict[str, IntArray], settings: ServoSettings) -> Iterator[str]:
    for servo in np.flatnonzero(values["hardware_error_status"]).tolist():
        reason = describe_alerts(int(values["hardware_error_status"][servo]))
        yield f"{name_servos([servo])} has switched off: {reason}. Remove the cause, then switch the supply off and on."
    voltage = values["present_input_voltage"] / 10.0
    if voltage.min() < settings.min_voltage or voltage.max() > _HIGHEST_VOLTAGE:
        yield (
            f"The supply gives {voltage.min():.1f} to {voltage.max():.1f} V; expected {settings.min_voltage:g} to "
            f"{_HIGHEST_VOLTAGE:g} V. The hand's makers use 5 V, with a supply of 20 A or more."
        )
    hot = np.flatnonzero(values["present_temperature"] > settings.max_temperature).tolist()
    if hot:
        yield f"{name_servos(hot)}: hotter than {settings.max_temperature} degrees Celsius. Let the hand cool down."
    yield from unmet(values, settings)
    position = rad_from_ticks(values["present_position"])
    beyond = np.maximum(LOWER_LIMITS - position, position - UPPER_LIMITS) > LIMIT_TOLERANCE
    if beyond.any():
        yield (
            f"{name_servos(np.flatnonzero(beyond).tolist())}: far beyond the joint's limits. Horn mounted wrongly, or "
            "turned more than once: switch the hand off and on; if that does not help, see dexndm hand calibrate."
        )


def _advice(values: dict[str, IntArray], latency: int | None, path: str) -> Iterator[str]:
    slow = values["return_delay_time"]
    if slow.any():
        yield (
            f"Return delay time is up to {slow.max() * 2} us; set register 9 to 0. The environment does so when it "
            "connects; other programs may not."
        )
    for name, servos in changes(values).items():
        if name != "return_delay_time":
            found = sorted(set(values[name][servos].tolist()))
            yield (
                f"{name} (register {REGISTERS[name].address}) of {name_group(servos)} is "
                f"{', '.join(map(str, found))}; the environment sets {IMPOSED[name]} when it connects."
            )
    if (values["status_return_level"] != STATUS_RETURN_LEVEL).any():
        quiet = np.flatnonzero(values["status_return_level"] != STATUS_RETURN_LEVEL).tolist()
        yield (
            f"status_return_level (register {REGISTERS['status_return_level'].address}) of {name_group(quiet)} is not "
            f"{STATUS_RETURN_LEVEL}; the environment sets it when it connects."
        )
    if latency is not None and latency > 1:
        name = path.rsplit("/", 1)[-1]
        yield (
            f"The USB adapter holds replies back for {latency} ms: "
            f"echo 1 | sudo tee /sys/bus/usb-serial/devices/{name}/latency_timer"
        )
    for what, register in (("models", "model_number"), ("firmware versions", "firmware_version")):
        different = sorted(set(values[register].tolist()))
        if len(different) > 1:
            yield f"Servos of different {what}: {different}. They work together, but they do not move alike."
    if values["torque_enable"].any():
        on = np.flatnonzero(values["torque_enable"]).tolist()
        yield f"Torque is on at {name_servos(on)}: dexndm hand relax switches it off."


def model_name(number: int) -> str:
    """Name of a model, or its number where it has none here."""
    return MODEL_NAMES.get(number, str(number))
