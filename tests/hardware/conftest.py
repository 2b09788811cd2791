"""Sixteen scripted servos behind a fake serial device, with a packet layer of their own."""

from collections.abc import Callable, Iterator

import pytest

from dexndm_gym.hardware import port as port_module
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.port import SerialPort

REPLY_TIMEOUT = 0.004
XL330 = 1200


def checksum(data: bytes) -> int:
    """CRC-16 with polynomial 0x8005, bit by bit."""
    register = 0
    for byte in data:
        register ^= byte << 8
        for _ in range(8):
            register = (register << 1) ^ (0x8005 if register & 0x8000 else 0)
        register &= 0xFFFF
    return register


def status_packet(servo: int, error: int, data: bytes) -> bytes:
    body = (bytes([0x55, error]) + data).replace(b"\xff\xff\xfd", b"\xff\xff\xfd\xfd")
    packet = b"\xff\xff\xfd\x00" + bytes([servo]) + (len(body) + 2).to_bytes(2, "little") + body
    return packet + checksum(packet).to_bytes(2, "little")


# Address, size and value of what the EEPROM of a servo in a hand holds: that of the factory.
EEPROM = (
    *((11, 1, 3), (12, 1, 255), (13, 1, 2), (31, 1, 70), (32, 2, 70), (34, 2, 35), (36, 2, 885), (38, 2, 1750)),
    *((44, 4, 445), (48, 4, 4095), (62, 1, 140), (63, 1, 53)),
)


class FakeServos:
    """Servos that do what the test tells them; takes the place of ``serial.Serial``."""

    def __init__(self) -> None:
        self.tables = [bytearray(256) for _ in range(16)]
        for servo in range(16):
            self.set(servo, 0, 2, XL330)
            for address, size, value in EEPROM:
                self.set(servo, address, size, value)
            self.set(servo, 68, 1, 2)
            self.set(servo, 132, 4, 2048)
        self.silent: set[int] = set()
        self.errors = dict.fromkeys(range(16), 0)
        """Error byte of each servo's replies."""
        self.read_only: set[int] = set()
        """Addresses whose contents no write changes."""
        self.refused: dict[int, int] = {}
        """Error that single writes get, by address."""
        self.mangle: Callable[[bytes], bytes] = lambda replies: replies
        """Applied to everything that answers one request."""
        self.failure: BaseException | None = None
        """Raised by whatever touches the device."""
        self.writes: list[tuple[int, int, int]] = []
        """(servo, address, value) in the order of arrival."""
        self.requests = 0
        self.pending = b""
        self.late = b""
        """Arrives in front of the next replies, after the host has asked for them."""

    def set(self, servo: int, address: int, size: int, value: int) -> None:
        self.tables[servo][address : address + size] = value.to_bytes(size, "little", signed=value < 0)

    def get(self, servo: int, address: int, size: int) -> int:
        return int.from_bytes(self.tables[servo][address : address + size], "little")

    # what pyserial offers

    def read(self, size: int) -> bytes:
        self._fail()
        data, self.pending = self.pending[:size], self.pending[size:]
        return data

    def write(self, packet: bytes) -> int:
        self._fail()
        self.requests += 1
        replies = self.mangle(b"".join(self._answers(packet)))
        if self.requests > 1:
            self.pending, self.late = self.pending + self.late, b""
        self.pending += replies
        return len(packet)

    def reset_input_buffer(self) -> None:
        self._fail()
        self.pending = b""

    @property
    def in_waiting(self) -> int:
        return len(self.pending)

    def close(self) -> None:
        self.pending = b""

    # the servos

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _answers(self, packet: bytes) -> Iterator[bytes]:
        assert checksum(packet[:-2]) == int.from_bytes(packet[-2:], "little")
        target, instruction = packet[4], packet[7]
        data = packet[8:-2].replace(b"\xff\xff\xfd\xfd", b"\xff\xff\xfd")
        address, size = int.from_bytes(data[:2], "little"), int.from_bytes(data[2:4], "little")
        if instruction == 0x82:
            for servo in data[4:]:
                if servo in self.silent or not self.tables[servo][68]:
                    return
                yield status_packet(servo, self.errors[servo], bytes(self.tables[servo][address : address + size]))
        elif instruction == 0x83:
            for start in range(4, len(data), size + 1):
                self._store(data[start], address, data[start + 1 : start + 1 + size])
        elif target not in self.silent and (instruction == 0x01 or self.tables[target][68]):
            if instruction == 0x03 and address in self.refused:
                yield status_packet(target, self.refused[address], b"")
                return
            yield status_packet(target, self.errors[target], self._single(target, instruction, data, address, size))

    def _single(self, servo: int, instruction: int, data: bytes, address: int, size: int) -> bytes:
        if instruction == 0x01:
            return bytes(self.tables[servo][0:2]) + b"\x2e"
        if instruction == 0x02:
            return bytes(self.tables[servo][address : address + size])
        if instruction == 0x03:
            self._store(servo, address, data[2:])
        elif instruction == 0x08:
            self.errors[servo] = 0
            self.set(servo, 70, 1, 0)
        return b""

    def _store(self, servo: int, address: int, value: bytes) -> None:
        self.writes.append((servo, address, int.from_bytes(value, "little")))
        if address not in self.read_only:
            self.tables[servo][address : address + len(value)] = value


@pytest.fixture
def servos(monkeypatch: pytest.MonkeyPatch) -> FakeServos:
    fake = FakeServos()
    monkeypatch.setattr(port_module.serial, "Serial", lambda *_args, **_options: fake)
    return fake


@pytest.fixture
def bus(servos: FakeServos) -> DynamixelBus:
    """An open bus to the fake servos."""
    # Replies are there at once. Who is held up on a busy machine looks once more, and repeats as often as ever.
    port = SerialPort("/dev/fake", reply_timeout=REPLY_TIMEOUT, confirm_silence=lambda: None)
    bus = DynamixelBus(port, retry_time=60.0)
    bus.open()
    return bus
