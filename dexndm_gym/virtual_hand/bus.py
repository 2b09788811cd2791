"""The line that the servos share: instruction packets in, status packets out."""

from collections.abc import Callable, Iterable, Iterator

from dexndm_gym.virtual_hand import instructions
from dexndm_gym.virtual_hand.instructions import Read, Write
from dexndm_gym.virtual_hand.packets import (
    BROADCAST_ID,
    MAX_LENGTH,
    CorruptPacket,
    Decoder,
    Instruction,
    Packet,
    StatusError,
    encode_fast_reply,
    encode_status,
)
from dexndm_gym.virtual_hand.registers import RefusedError
from dexndm_gym.virtual_hand.servo_chain import ServoChain
from dexndm_gym.virtual_hand.servo_device import Device

_READ_LEVEL, _WRITE_LEVEL = 1, 2
"""Status Return Level from which a servo answers reads, and everything."""
_BITS_PER_BYTE = 10
_RETURN_DELAY_UNIT = 2e-6


class Bus:
    """Executes what the host sends and collects what the servos answer.

    A servo hears only packets at its own baud rate; of servos with the same id only the first takes part. Servos whose
    secondary id is that of a packet do what it asks, without an answer. In sync and
    bulk reads the servos answer in the order of the list, each after the one before it: where one is missing, those
    behind it stay silent too.
    """

    def __init__(self, chain: ServoChain, goals_written: Callable[[], None] = lambda: None) -> None:
        """Connect the servos.

        Args:
            chain: the servos.
            goals_written: called after every sync write that covers Goal Position.
        """
        self.cut_off: set[int] = set()
        """Positions in the chain of servos that take no part for now: they neither hear nor answer."""
        self.line_time = 0.0
        """Seconds that the line was busy with the latest exchange: both directions and the servos' return delays."""
        self._chain = chain
        self._goals_written = goals_written
        self._decoder = Decoder()
        self._baud = 0
        self._return_delay = 0.0
        self._listeners: dict[int, Device] = {}

    def receive(self, data: bytes, baud: int) -> bytes:
        """What comes back over the line after the host sends ``data`` at ``baud`` bits per second."""
        if baud != self._baud:
            # Bytes at another rate are noise to the servos; an unfinished packet is lost.
            self._decoder.clear()
            self._baud = baud
        self._return_delay = 0.0
        answer = bytearray()
        for packet in self._decoder.feed(data):
            # A packet may change ids and baud rates, so the next one may have other listeners.
            present = [d for i, d in enumerate(self._chain.devices) if d.powered and i not in self.cut_off]
            self._listeners = {d["id"]: d for d in reversed(present) if d.baud == baud}
            answer += self._execute(packet)
        self.line_time = (len(data) + len(answer)) * _BITS_PER_BYTE / baud + self._return_delay if baud else 0.0
        return bytes(answer)

    def _execute(self, packet: Packet | CorruptPacket) -> bytes:
        if packet.id == BROADCAST_ID:
            if isinstance(packet, CorruptPacket):
                return b""
            for device in self._listeners.values():
                device.last_packet = self._chain.time
            return self._broadcast(packet.instruction, packet.parameters)
        device = self._listeners.get(packet.id)
        if isinstance(packet, CorruptPacket):
            return b"" if device is None else self._status(device, packet.id, StatusError.CRC, level=_WRITE_LEVEL)
        for shadow in self._shadows(packet.id):
            shadow.last_packet = self._chain.time
            instructions.perform(shadow, packet.instruction, packet.parameters)
        if device is None:
            return b""
        device.last_packet = self._chain.time
        return self._unicast(device, packet)

    def _shadows(self, servo_id: int) -> list[Device]:
        """Servos that act on packets to ``servo_id`` because it is their secondary id."""
        return [d for d in self._listeners.values() if d["secondary_id"] == servo_id != d["id"]]

    def _unicast(self, device: Device, packet: Packet) -> bytes:
        if packet.instruction == Instruction.PING:
            return self._pong(device)
        if packet.instruction == Instruction.READ:
            reads = instructions.parse_read(packet.id, packet.parameters)
            if reads:
                return self._read_in_turn(reads)
            return self._status(device, packet.id, StatusError.INSTRUCTION, level=_READ_LEVEL)
        # A write may change id, level and alert: the answer is that of the servo as it was asked.
        level, alert = device["status_return_level"], device.alert
        error = instructions.perform(device, packet.instruction, packet.parameters)
        if level < _WRITE_LEVEL:
            return b""
        self._wait_for(device)
        return encode_status(packet.id, error | alert)

    def _broadcast(self, instruction: int, parameters: bytes) -> bytes:
        match instruction:
            case Instruction.PING:
                return b"".join(self._pong(device) for _, device in sorted(self._listeners.items()))
            case Instruction.SYNC_READ:
                return self._read_in_turn(instructions.parse_sync_read(parameters))
            case Instruction.BULK_READ:
                return self._read_in_turn(instructions.parse_bulk_read(parameters))
            case Instruction.FAST_SYNC_READ:
                return self._read_at_once(instructions.parse_sync_read(parameters))
            case Instruction.FAST_BULK_READ:
                return self._read_at_once(instructions.parse_bulk_read(parameters))
            case Instruction.SYNC_WRITE:
                if self._write_all(instructions.parse_sync_write(parameters)):
                    self._goals_written()
            case Instruction.BULK_WRITE:
                self._write_all(instructions.parse_bulk_write(parameters))
            case Instruction.FACTORY_RESET if parameters == instructions.RESET_ALL:
                # Servos ignore this one: all of them would end up with the same id.
                pass
            case _:
                for device in self._listeners.values():
                    instructions.perform(device, instruction, parameters)
        return b""

    def _answers(self, reads: Iterable[Read]) -> Iterator[tuple[Device, int, int, bytes]]:
        """Error byte, id and data of each servo in turn, up to the first that does not answer."""
        for servo_id, address, length in reads:
            device = self._listeners.get(servo_id)
            if device is None or device["status_return_level"] < _READ_LEVEL:
                return
            try:
                yield device, device.alert, servo_id, device.read(address, length)
            except RefusedError as refusal:
                yield device, device.alert | refusal.error, servo_id, b""

    def _read_in_turn(self, reads: Iterable[Read]) -> bytes:
        packets = []
        for device, error, servo_id, data in self._answers(reads):
            self._wait_for(device)
            packets.append(encode_status(servo_id, error, data))
        return b"".join(packets)

    def _read_at_once(self, reads: list[Read]) -> bytes:
        lengths = [length for _, _, length in reads]
        if sum(lengths) + 4 * len(lengths) > MAX_LENGTH:
            return b""
        blocks = []
        for device, error, servo_id, data in self._answers(reads):
            if not blocks:
                self._wait_for(device)
            # Every block has its place in the packet: a servo that refuses fills it with zeros.
            blocks.append((error, servo_id, data.ljust(lengths[len(blocks)], b"\0")))
        return encode_fast_reply(lengths, blocks)

    def _write_all(self, writes: Iterable[Write]) -> bool:
        """Execute the writes of one packet, unanswered; whether one of them reaches Goal Position."""
        covers_goal = False
        for servo_id, address, data in writes:
            primary = self._listeners.get(servo_id)
            for device in (*([] if primary is None else [primary]), *self._shadows(servo_id)):
                covers_goal = covers_goal or device.covers(address, len(data), "goal_position")
                instructions.perform(device, Instruction.WRITE, address.to_bytes(2, "little") + data)
        return covers_goal

    def _pong(self, device: Device) -> bytes:
        """Model number and firmware version; sent whatever the Status Return Level."""
        self._wait_for(device)
        data = device["model_number"].to_bytes(2, "little") + bytes((device["firmware_version"],))
        return encode_status(device["id"], device.alert, data)

    def _status(self, device: Device, servo_id: int, error: StatusError, *, level: int) -> bytes:
        if device["status_return_level"] < level:
            return b""
        self._wait_for(device)
        return encode_status(servo_id, error | device.alert)

    def _wait_for(self, device: Device) -> None:
        self._return_delay += device["return_delay_time"] * _RETURN_DELAY_UNIT
