"""Dynamixel Protocol 2.0 on the wire: checksum, byte stuffing, encoding and an incremental decoder.

A packet is ``FF FF FD 00 | id | length (2) | instruction | parameters | CRC (2)``, little endian; the length counts
from the instruction to the CRC. A status packet is instruction ``0x55`` with the error byte as its first parameter.
Within instruction and parameters ``FF FF FD`` is stuffed to ``FF FF FD FD``: a header never occurs inside a packet.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

HEADER = b"\xff\xff\xfd\x00"
BROADCAST_ID = 0xFE
MAX_ID = 0xFC
MAX_LENGTH = 1024
"""Longest length field that is believed; the vendor's library sends and accepts no more."""

ALERT = 0x80
"""Bit of the error byte that points to the Hardware Error Status register."""

_PATTERN = b"\xff\xff\xfd"
_STUFFED = _PATTERN + b"\xfd"
_PREAMBLE = 7
"""Bytes from the header up to the length field, inclusive."""


class Instruction(IntEnum):
    """The instructions that the servos of the X330 series know, and the reply."""

    PING = 0x01
    READ = 0x02
    WRITE = 0x03
    REG_WRITE = 0x04
    ACTION = 0x05
    FACTORY_RESET = 0x06
    REBOOT = 0x08
    CLEAR = 0x10
    CONTROL_TABLE_BACKUP = 0x20
    STATUS = 0x55
    SYNC_READ = 0x82
    SYNC_WRITE = 0x83
    FAST_SYNC_READ = 0x8A
    BULK_READ = 0x92
    BULK_WRITE = 0x93
    FAST_BULK_READ = 0x9A


class StatusError(IntEnum):
    """The error numbers of a status packet."""

    NONE = 0
    RESULT_FAIL = 1
    INSTRUCTION = 2
    CRC = 3
    DATA_RANGE = 4
    DATA_LENGTH = 5
    DATA_LIMIT = 6
    ACCESS = 7


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x8005 if crc & 0x8000 else crc << 1) & 0xFFFF
        table.append(crc)
    return tuple(table)


_CRC_TABLE = _crc_table()


def crc16(data: bytes | bytearray, crc: int = 0) -> int:
    """CRC-16 with polynomial 0x8005, not reflected, of ``data`` appended to what ``crc`` already covers."""
    table = _CRC_TABLE
    for byte in data:
        crc = (crc << 8 & 0xFF00) ^ table[crc >> 8 ^ byte]
    return crc


def encode(packet_id: int, instruction: int, parameters: bytes = b"") -> bytes:
    """One whole packet, stuffed and with its checksum."""
    body = bytes((instruction,)) + parameters
    if _PATTERN in body:
        body = body.replace(_PATTERN, _STUFFED)
    packet = HEADER + struct.pack("<BH", packet_id, len(body) + 2) + body
    return packet + crc16(packet).to_bytes(2, "little")


def encode_status(packet_id: int, error: int, data: bytes = b"") -> bytes:
    """A status packet: what the servo ``packet_id`` answers."""
    return encode(packet_id, Instruction.STATUS, bytes((error,)) + data)


def encode_fast_reply(lengths: Sequence[int], blocks: Sequence[tuple[int, int, bytes]]) -> bytes:
    """The one packet in which all servos answer a fast read, each appending its block.

    Args:
        lengths: data bytes that every servo of the request was asked for; they decide the length field.
        blocks: error, id and data of the servos that answer, in order. Where a servo is missing the packet ends early.

    Returns:
        The packet, never stuffed. The checksum of each block covers everything from the header to the block.
    """
    if not blocks:
        return b""
    packet = HEADER + struct.pack("<BHB", BROADCAST_ID, 1 + sum(n + 4 for n in lengths), Instruction.STATUS)
    crc = crc16(packet)
    for error, packet_id, data in blocks:
        block = bytes((error, packet_id)) + data
        checksum = crc16(block, crc).to_bytes(2, "little")
        # The checksum bytes are part of what the next block's checksum covers.
        crc = crc16(block + checksum, crc)
        packet += block + checksum
    return packet


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet with a correct checksum; its parameters are free of stuffing."""

    id: int
    instruction: int
    parameters: bytes


@dataclass(frozen=True, slots=True)
class CorruptPacket:
    """Something with a header, an id and a plausible length whose checksum is wrong."""

    id: int


class Decoder:
    """Finds packets in a stream of bytes, however it is cut, and survives anything else.

    After a truncated or corrupt packet it goes on at the next header, even if that lies within the bytes that the
    broken packet claimed for itself.
    """

    def __init__(self) -> None:
        """Start with an empty buffer."""
        self._buffer = bytearray()

    def clear(self) -> None:
        """Forget the bytes of an unfinished packet."""
        self._buffer.clear()

    def feed(self, data: bytes) -> list[Packet | CorruptPacket]:
        """Add received bytes; returns what they complete, in order."""
        self._buffer += data
        return list(iter(self._next, None))

    def _next(self) -> Packet | CorruptPacket | None:
        buffer = self._buffer
        while self._seek_header():
            packet_id, length = struct.unpack_from("<BH", buffer, len(HEADER))
            if (packet_id > MAX_ID and packet_id != BROADCAST_ID) or not 3 <= length <= MAX_LENGTH:
                del buffer[0]
                continue
            end = _PREAMBLE + length
            restart = buffer.find(HEADER, _PREAMBLE, end - 2)
            if restart >= 0:
                del buffer[:restart]
                continue
            if len(buffer) < end:
                return None
            if crc16(buffer[: end - 2]) != int.from_bytes(buffer[end - 2 : end], "little"):
                del buffer[0]
                return CorruptPacket(packet_id)
            body = bytes(buffer[_PREAMBLE : end - 2]).replace(_STUFFED, _PATTERN)
            del buffer[:end]
            return Packet(packet_id, body[0], body[1:])
        return None

    def _seek_header(self) -> bool:
        """Drop bytes before the first header; whether there is one, with id and length."""
        buffer = self._buffer
        start = buffer.find(HEADER)
        if start < 0:
            # The last bytes may be the beginning of a header.
            del buffer[: -len(HEADER) + 1]
            return False
        del buffer[:start]
        return len(buffer) >= _PREAMBLE
