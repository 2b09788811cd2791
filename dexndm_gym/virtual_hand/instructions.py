"""The instructions of the protocol: what they ask of one servo, and how those for many list their servos."""

import struct
from collections.abc import Callable

from dexndm_gym.virtual_hand.packets import Instruction, StatusError
from dexndm_gym.virtual_hand.registers import RefusedError
from dexndm_gym.virtual_hand.servo_device import Device

RESET_ALL = b"\xff"
_RESET_OPTIONS = {RESET_ALL: (False, False), b"\x01": (True, False), b"\x02": (True, True)}
"""Parameter of a factory reset -> whether id and baud rate are kept."""
_CLEAR_MULTI_TURN = b"\x01DXL\x22"
_STORE_BACKUP, _RESTORE_BACKUP = b"\x01CTRL", b"\x02CTRL"

Read = tuple[int, int, int]
"""Id, address and number of bytes."""
Write = tuple[int, int, bytes]
"""Id, address and bytes."""


def perform(device: Device, instruction: int, parameters: bytes) -> StatusError:
    """Execute an instruction that returns no data; the number for the status packet."""
    action = _ACTIONS.get(instruction)
    if action is None:
        return StatusError.INSTRUCTION
    try:
        action(device, parameters)
    except RefusedError as refusal:
        return refusal.error
    return StatusError.NONE


def parse_read(servo_id: int, parameters: bytes) -> list[Read]:
    """What a plain read asks for; nothing if malformed."""
    return [(servo_id, *struct.unpack("<HH", parameters))] if len(parameters) == 4 else []


def parse_sync_read(parameters: bytes) -> list[Read]:
    """The reads of a (fast) sync read in order, each servo once; none if malformed."""
    if len(parameters) < 5:
        return []
    address, length = struct.unpack_from("<HH", parameters)
    return [(servo_id, address, length) for servo_id in dict.fromkeys(parameters[4:])]


def parse_bulk_read(parameters: bytes) -> list[Read]:
    """The reads of a (fast) bulk read in order, each servo once; none if malformed."""
    if len(parameters) % 5:
        return []
    reads = {read[0]: read for read in reversed(list(struct.iter_unpack("<BHH", parameters)))}
    return [(servo_id, address, length) for servo_id, address, length in reversed(reads.values())]


def parse_sync_write(parameters: bytes) -> list[Write]:
    """The writes of a sync write; none if malformed."""
    if len(parameters) < 5:
        return []
    address, length = struct.unpack_from("<HH", parameters)
    size = 1 + length
    if (len(parameters) - 4) % size:
        return []
    starts = range(4, len(parameters), size)
    return [(parameters[start], address, parameters[start + 1 : start + size]) for start in starts]


def parse_bulk_write(parameters: bytes) -> list[Write]:
    """The writes of a bulk write; none if malformed."""
    writes, start = [], 0
    while start < len(parameters):
        if start + 5 > len(parameters):
            return []
        servo_id, address, length = struct.unpack_from("<BHH", parameters, start)
        start += 5 + length
        if start > len(parameters):
            return []
        writes.append((servo_id, address, parameters[start - length : start]))
    return writes


def _address_and_data(parameters: bytes) -> tuple[int, bytes]:
    if len(parameters) < 3:
        raise RefusedError(StatusError.DATA_LENGTH)
    return int.from_bytes(parameters[:2], "little"), parameters[2:]


def _write(device: Device, parameters: bytes) -> None:
    device.write(*_address_and_data(parameters))


def _reg_write(device: Device, parameters: bytes) -> None:
    device.register_write(*_address_and_data(parameters))


def _action(device: Device, parameters: bytes) -> None:
    device.action()


def _reboot(device: Device, parameters: bytes) -> None:
    device.boot()


def _factory_reset(device: Device, parameters: bytes) -> None:
    if parameters not in _RESET_OPTIONS:
        raise RefusedError(StatusError.INSTRUCTION)
    keep_id, keep_baud = _RESET_OPTIONS[parameters]
    device.factory_reset(keep_id=keep_id, keep_baud=keep_baud)


def _clear(device: Device, parameters: bytes) -> None:
    """Forget full turns: the fingers never make one, so that all there is to do is refuse like a servo."""
    if parameters != _CLEAR_MULTI_TURN:
        raise RefusedError(StatusError.INSTRUCTION)
    if device["moving"]:
        raise RefusedError(StatusError.RESULT_FAIL)


def _backup(device: Device, parameters: bytes) -> None:
    if parameters == _STORE_BACKUP:
        device.store_backup()
    elif parameters == _RESTORE_BACKUP:
        device.restore_backup()
    else:
        raise RefusedError(StatusError.INSTRUCTION)


_ACTIONS: dict[int, Callable[[Device, bytes], None]] = {
    Instruction.WRITE: _write,
    Instruction.REG_WRITE: _reg_write,
    Instruction.ACTION: _action,
    Instruction.FACTORY_RESET: _factory_reset,
    Instruction.REBOOT: _reboot,
    Instruction.CLEAR: _clear,
    Instruction.CONTROL_TABLE_BACKUP: _backup,
}
