"""Mangled packets: at the virtual hand, and at the driver. ``soak.py`` runs them.

Counted are crashes, packets that were accepted though the vendor's checksum of them is wrong, and readings that no
servo sent.
"""

import numpy as np
from dynamixel_sdk import Protocol2PacketHandler

from dexndm_gym.errors import HardwareError
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.port import SerialPort
from dexndm_gym.virtual_hand.bus import Bus
from dexndm_gym.virtual_hand.hand_physics import VirtualHandPhysics
from dexndm_gym.virtual_hand.packets import Decoder, Instruction, Packet, encode
from dexndm_gym.virtual_hand.servo_chain import ServoChain

LIFE = 2000
"""Packets after which the servos are new: mangled ones that get through change ids and baud rates."""


def mangle(packet: bytes, rng: np.random.Generator) -> bytes:
    """A packet after bad luck on the line."""
    match int(rng.integers(5)):
        case 0:
            wrong = bytearray(packet)
            for bit in rng.integers(8 * len(packet), size=rng.integers(1, 6)):
                wrong[bit // 8] ^= 1 << bit % 8
            return bytes(wrong)
        case 1:
            return packet[: rng.integers(len(packet))]
        case 2:
            return packet[rng.integers(len(packet)) :] + packet
        case 3:
            return packet + rng.bytes(int(rng.integers(1, 40)))
        case _:
            return rng.bytes(int(rng.integers(1, 60)))


def draw_instruction(rng: np.random.Generator) -> bytes:
    """Any instruction, with parameters of any kind."""
    servo = int(rng.choice([*range(16), 0xFE, 100]))
    return encode(servo, int(rng.choice(list(Instruction))), rng.bytes(int(rng.integers(0, 30))))


def fuzz_virtual_hand(packets: int, rng: np.random.Generator) -> dict[str, int]:
    """Mangled instructions at the virtual hand: whatever it takes for a packet has the vendor's checksum."""
    physics, decoder, handler = VirtualHandPhysics([0]), Decoder(), Protocol2PacketHandler()
    result = {"packets": packets, "crashes": 0, "accepted": 0, "wrong_checksum": 0}
    for i in range(packets):
        if i % LIFE == 0:
            bus = Bus(ServoChain(physics))
        wire = mangle(draw_instruction(rng), rng)
        try:
            bus.receive(wire, 4_000_000)
            accepted = [item for item in decoder.feed(wire) if isinstance(item, Packet)]
        except Exception:
            result["crashes"] += 1
            continue
        for packet in accepted:
            sent = encode(packet.id, packet.instruction, packet.parameters)
            result["accepted"] += 1
            checksum = handler.updateCRC(0, list(sent), len(sent) - 2)
            result["wrong_checksum"] += checksum != int.from_bytes(sent[-2:], "little")
    return result


class MangledLine:
    """Takes the place of the serial device: sixteen servos, and bad luck."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng, self.pending = rng, b""
        self.data = [bytes(rng.integers(256, size=4, dtype=np.uint8)) for _ in range(16)]

    def write(self, packet: bytes) -> int:
        length = int.from_bytes(packet[10:12], "little")
        replies = [encode(i, 0x55, b"\0" + (self.data[i] * 4)[:length]) for i in range(16)]
        struck = int(self.rng.integers(16))
        replies[struck] = mangle(replies[struck], self.rng)
        self.pending = b"".join(replies)
        return len(packet)

    def read(self, length: int) -> bytes:
        data, self.pending = self.pending[:length], self.pending[length:]
        return data

    @property
    def in_waiting(self) -> int:
        return len(self.pending)

    def reset_input_buffer(self) -> None:
        self.pending = b""


def fuzz_driver(packets: int, rng: np.random.Generator) -> dict[str, int]:
    """Mangled replies at the driver: a reading is what the servos sent, or a typed error."""
    port = SerialPort("/dev/null", reply_timeout=0.0)
    bus, line = DynamixelBus(port, retries=0), MangledLine(rng)
    port.ser, port.is_open = line, True  # type: ignore[assignment]
    result = {"packets": packets, "crashes": 0, "errors": 0, "false_readings": 0}
    truth = [int.from_bytes(data, "little", signed=True) for data in line.data]
    bus._transport._repeat = lambda attempt: attempt()  # type: ignore[method-assign]  # nobody waits here
    for _ in range(packets):
        try:
            values = bus.sync_read("present_position", allow_alerts=True)["present_position"].tolist()
        except HardwareError:
            result["errors"] += 1
        except Exception:
            result["crashes"] += 1
        else:
            result["false_readings"] += values != truth
    return result
