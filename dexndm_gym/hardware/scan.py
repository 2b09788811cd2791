"""Which servos are on a port, at which baud rates, and what that says about the hand."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from dexndm_gym.constants import BAUDRATE
from dexndm_gym.hardware.bus import IDS
from dexndm_gym.hardware.port import SerialPort
from dexndm_gym.hardware.registers import MODEL_NAMES
from dexndm_gym.hardware.transport import Transport, name_servos

BAUDRATES = (BAUDRATE, 57600, 1_000_000, 3_000_000, 2_000_000, 115_200, 9600)
"""All that the servos can be set to, the likely ones first: those of LEAP hands, of the factory, of other software."""

_FACTORY_ID = 1


@dataclass(frozen=True)
class FoundServo:
    """One servo that answered."""

    baudrate: int
    id: int
    model: int
    firmware: int


def scan_port(path: str, baudrates: Sequence[int] = BAUDRATES) -> Iterator[list[FoundServo]]:
    """Look for servos at one baud rate after the other, up to the one at which a whole hand answers.

    Yields:
        For each baud rate, the servos that answered. It takes one to five seconds.

    Raises:
        PortError: the port cannot be opened.
    """
    for baudrate in baudrates:
        port = SerialPort(path, baudrate)
        port.open()
        with closing(port):
            answers = Transport(port, retries=0, retry_time=0.0).ping_all()
        found = [FoundServo(baudrate, servo, model, firmware) for servo, (model, firmware) in sorted(answers.items())]
        yield found
        if {servo.id for servo in found} >= set(IDS):
            return


def advise(found: Sequence[FoundServo]) -> list[str]:
    """What is wrong with what a scan found, and what to do; nothing for a complete hand."""
    if not found:
        return [
            "No servo answers at any baud rate. Is the hand's supply on (servos flash once when it comes on)? Is the "
            "cable from the adapter in the right socket? Does another program use the port?"
        ]
    return [advice for rule in _RULES for advice in rule(found)]


def _missing(found: Sequence[FoundServo]) -> Iterator[str]:
    missing = sorted(set(IDS) - {servo.id for servo in found})
    if missing:
        yield (
            f"No answer from {name_servos(missing)}. If these sit behind one another on a cable, check the first plug "
            "before them; a servo with an id of the factory or one that is used twice is missing, too."
        )


def _foreign_ids(found: Sequence[FoundServo]) -> Iterator[str]:
    foreign = sorted({servo.id for servo in found} - set(IDS))
    if foreign:
        yield f"Ids that a hand does not have: {foreign}. Give these servos ids 0 to 15, one on the bus at a time."
    if {servo.id for servo in found} == {_FACTORY_ID}:
        yield "Only id 1, that of the factory: all servos on the bus may have it. Set their ids one by one."


def _wrong_baudrate(found: Sequence[FoundServo]) -> Iterator[str]:
    others = sorted({servo.baudrate for servo in found} - {BAUDRATE})
    for baudrate in others:
        ids = [servo.id for servo in found if servo.baudrate == baudrate]
        yield (
            f"Servos {ids} talk at {baudrate} baud. Set register 8 (baud rate) to 6 for {BAUDRATE}, or give "
            f"--baudrate {baudrate} to the other commands if all sixteen are at that rate."
        )


def _wrong_model(found: Sequence[FoundServo]) -> Iterator[str]:
    for servo in found:
        if servo.model not in MODEL_NAMES:
            known = " or ".join(f"{name} ({number})" for number, name in MODEL_NAMES.items())
            yield f"Servo {servo.id} is model {servo.model}; a LEAP hand has {known}."


_RULES: Sequence[Callable[[Sequence[FoundServo]], Iterator[str]]] = (
    _missing,
    _foreign_ids,
    _wrong_baudrate,
    _wrong_model,
)
