"""What comes back over the line."""

import random
import struct

import pytest

from dexndm_gym.virtual_hand.bus import Bus
from dexndm_gym.virtual_hand.packets import ALERT, Instruction, StatusError, encode, encode_fast_reply
from dexndm_gym.virtual_hand.servo_chain import ServoChain

BAUD = 4_000_000
ALL = bytes(range(16))
GOAL, PRESENT = 116, 132


def address(start: int, length: int) -> bytes:
    return struct.pack("<HH", start, length)


def goals(positions: dict[int, int]) -> bytes:
    return address(GOAL, 4) + b"".join(struct.pack("<Bi", *item) for item in positions.items())


def write(start: int, value: int, size: int) -> bytes:
    return struct.pack("<H", start) + value.to_bytes(size, "little")


def torque_on(ask) -> None:
    ask(0xFE, Instruction.WRITE, write(64, 1, 1))


def test_ping(ask) -> None:
    (pong,) = ask(3, Instruction.PING)
    assert (pong.id, pong.parameters) == (3, struct.pack("<BHB", 0, 1200, 52))
    assert ask(16, Instruction.PING) == []


def test_broadcast_ping_answers_in_id_order(ask) -> None:
    ask(2, Instruction.WRITE, write(7, 100, 1))
    assert [pong.id for pong in ask(0xFE, Instruction.PING)] == [0, 1, *range(3, 16), 100]


def test_write_and_read(ask) -> None:
    assert ask(4, Instruction.WRITE, write(84, 600, 2))[0].parameters == b"\0"
    assert ask(4, Instruction.READ, address(84, 2))[0].parameters == b"\0" + (600).to_bytes(2, "little")
    assert ask(4, Instruction.READ, address(PRESENT, 4))[0].parameters == b"\0" + (2048).to_bytes(4, "little")


@pytest.mark.parametrize(
    ("instruction", "parameters", "error"),
    [
        (Instruction.WRITE, write(132, 0, 4), StatusError.ACCESS),
        (Instruction.WRITE, write(84, 20000, 2), StatusError.DATA_RANGE),
        (Instruction.WRITE, write(116, 5000, 4), StatusError.DATA_LIMIT),
        (Instruction.WRITE, write(116, 0, 2), StatusError.DATA_LENGTH),
        (Instruction.WRITE, b"\x74\x00", StatusError.DATA_LENGTH),
        (Instruction.READ, address(300, 4), StatusError.ACCESS),
        (Instruction.READ, address(0, 0), StatusError.DATA_LENGTH),
        (Instruction.READ, b"\x84\x00", StatusError.INSTRUCTION),
        (Instruction.REG_WRITE, write(132, 0, 4), StatusError.ACCESS),
        (Instruction.ACTION, b"", StatusError.INSTRUCTION),
        (Instruction.FACTORY_RESET, b"\x07", StatusError.INSTRUCTION),
        (Instruction.CLEAR, b"\x01DXL\x23", StatusError.INSTRUCTION),
        (Instruction.CONTROL_TABLE_BACKUP, b"\x03CTRL", StatusError.INSTRUCTION),
        (Instruction.CONTROL_TABLE_BACKUP, b"\x02CTRL", StatusError.RESULT_FAIL),
        (0x77, b"abc", StatusError.INSTRUCTION),
    ],
)
def test_errors_are_answered(ask, instruction: int, parameters: bytes, error: StatusError) -> None:
    assert [answer.parameters for answer in ask(4, instruction, parameters)] == [bytes([error])]


def test_wrong_checksum_is_answered_by_its_servo(bus: Bus) -> None:
    wire = bytearray(encode(4, Instruction.WRITE, write(64, 1, 1)))
    wire[-1] ^= 0xFF
    assert bus.receive(bytes(wire), BAUD) == encode(4, Instruction.STATUS, bytes([StatusError.CRC]))
    wire[4] = 0xFE
    assert bus.receive(bytes(wire), BAUD) == b""


def test_status_return_level(ask) -> None:
    ask(4, Instruction.WRITE, write(68, 1, 1))
    assert ask(4, Instruction.WRITE, write(65, 1, 1)) == []
    assert ask(4, Instruction.READ, address(65, 1))[0].parameters == b"\0\x01"
    ask(4, Instruction.WRITE, write(68, 0, 1))
    assert ask(4, Instruction.READ, address(65, 1)) == []
    assert len(ask(4, Instruction.PING)) == 1
    reads = ask(0xFE, Instruction.SYNC_READ, address(65, 1) + ALL)
    assert [answer.id for answer in reads] == [0, 1, 2, 3], "one who keeps silent breaks the chain"


def test_broadcasts_are_executed_but_not_answered(ask, chain: ServoChain) -> None:
    assert ask(0xFE, Instruction.WRITE, write(65, 1, 1)) == []
    assert ask(0xFE, Instruction.READ, address(65, 1)) == []
    assert [device["led"] for device in chain.devices] == [1] * 16
    assert ask(0xFE, Instruction.REBOOT) == []
    assert [device["led"] for device in chain.devices] == [0] * 16


def test_sync_read_answers_in_order(ask) -> None:
    answers = ask(0xFE, Instruction.SYNC_READ, address(7, 1) + bytes([5, 2, 9, 2]))
    assert [(answer.id, answer.parameters) for answer in answers] == [(5, b"\0\x05"), (2, b"\0\x02"), (9, b"\0\x09")]


@pytest.mark.parametrize("instruction", [Instruction.SYNC_READ, Instruction.BULK_READ])
def test_a_missing_servo_breaks_the_chain(ask, chain: ServoChain, instruction: int) -> None:
    chain.power(6, False)
    parameters = address(PRESENT, 4) + ALL
    if instruction == Instruction.BULK_READ:
        parameters = b"".join(struct.pack("<BHH", i, PRESENT, 4) for i in range(16))
    assert [answer.id for answer in ask(0xFE, instruction, parameters)] == [0, 1, 2, 3, 4, 5]
    assert ask(6, Instruction.PING) == []
    chain.power(6, True)
    assert len(ask(0xFE, instruction, parameters)) == 16


def test_fast_sync_read(bus: Bus, chain: ServoChain) -> None:
    request = encode(0xFE, Instruction.FAST_SYNC_READ, address(PRESENT, 4) + bytes([3, 7]))
    block = (2048).to_bytes(4, "little")
    assert bus.receive(request, BAUD) == encode_fast_reply([4, 4], [(0, 3, block), (0, 7, block)])
    chain.power(7, False)
    assert bus.receive(request, BAUD) == encode_fast_reply([4, 4], [(0, 3, block)])
    chain.power(3, False)
    assert bus.receive(request, BAUD) == b""


def test_fast_bulk_read_and_refused_blocks(bus: Bus) -> None:
    parameters = struct.pack("<BHHBHH", 3, 7, 1, 4, 9999, 2)
    reply = bus.receive(encode(0xFE, Instruction.FAST_BULK_READ, parameters), BAUD)
    assert reply == encode_fast_reply([1, 2], [(0, 3, b"\x03"), (StatusError.ACCESS, 4, b"\0\0")])


def test_too_long_fast_read_is_not_answered(bus: Bus) -> None:
    assert bus.receive(encode(0xFE, Instruction.FAST_SYNC_READ, address(0, 65535) + ALL), BAUD) == b""


def test_only_sync_written_goals_let_time_pass(ask, physics, chain) -> None:
    torque_on(ask)
    ask(0xFE, Instruction.SYNC_READ, address(PRESENT, 4) + ALL)
    ask(0xFE, Instruction.SYNC_WRITE, address(84, 2) + b"\x03\x20\x03")
    ask(3, Instruction.WRITE, write(GOAL, 2100, 4))
    ask(0xFE, Instruction.BULK_WRITE, struct.pack("<BHHi", 3, GOAL, 4, 2100))
    ask(3, Instruction.REG_WRITE, write(GOAL, 2100, 4))
    ask(0xFE, Instruction.ACTION)
    assert physics.advanced == []
    ask(0xFE, Instruction.SYNC_WRITE, goals({3: 2148}))
    assert physics.advanced == [0.05]
    (answer,) = ask(3, Instruction.READ, address(PRESENT, 4))
    assert int.from_bytes(answer.parameters[1:], "little") == 2098
    assert chain.devices[3]["position_p_gain"] == 800


def test_goals_written_indirectly_let_time_pass_too(ask, physics) -> None:
    for slot in range(4):
        ask(0xFE, Instruction.WRITE, write(168 + 2 * slot, GOAL + slot, 2))
    ask(0xFE, Instruction.SYNC_WRITE, address(208, 4) + struct.pack("<Bi", 3, 2100))
    assert physics.advanced == [0.05]


def test_malformed_group_instructions_are_ignored(ask, physics, chain: ServoChain) -> None:
    before = [bytes(device.memory) for device in chain.devices]
    for instruction, parameters in [
        (Instruction.SYNC_WRITE, address(GOAL, 4) + b"\x03\x01\x02"),
        (Instruction.SYNC_WRITE, b"\x74"),
        (Instruction.BULK_WRITE, struct.pack("<BHH", 3, GOAL, 4) + b"\x01"),
        (Instruction.BULK_WRITE, b"\x03\x74"),
        (Instruction.SYNC_READ, address(PRESENT, 4)),
        (Instruction.BULK_READ, b"\x03\x84\x00"),
        (Instruction.FAST_SYNC_READ, b""),
    ]:
        assert ask(0xFE, instruction, parameters) == []
    assert [bytes(device.memory) for device in chain.devices] == before
    assert physics.advanced == []


def test_bulk_write_and_read(ask) -> None:
    ask(0xFE, Instruction.BULK_WRITE, struct.pack("<BHHB", 1, 65, 1, 1) + struct.pack("<BHHH", 2, 84, 2, 700))
    answers = ask(0xFE, Instruction.BULK_READ, struct.pack("<BHHBHH", 2, 84, 2, 1, 65, 1))
    assert [(a.id, a.parameters) for a in answers] == [(2, b"\0\xbc\x02"), (1, b"\0\x01")]


def test_wrong_baud_rate_is_silence(ask, chain: ServoChain) -> None:
    assert ask(3, Instruction.PING, baud=1_000_000) == []
    assert ask(3, Instruction.PING, baud=0) == []
    ask(3, Instruction.WRITE, write(8, 3, 1))
    assert ask(3, Instruction.PING) == []
    assert [pong.id for pong in ask(0xFE, Instruction.PING, baud=1_000_000)] == [3]


def test_half_packet_ends_with_the_baud_rate(bus: Bus) -> None:
    wire = encode(3, Instruction.PING)
    bus.receive(wire[:6], 1_000_000)
    assert bus.receive(wire[6:], BAUD) == b""


def test_answer_to_a_new_id_carries_the_old(ask) -> None:
    assert ask(3, Instruction.WRITE, write(7, 40, 1))[0].id == 3
    assert ask(40, Instruction.PING)[0].id == 40


def test_alert_is_in_every_answer_until_reboot(ask, bus: Bus, chain: ServoChain) -> None:
    chain.devices[2].latch_error(0x20)
    assert ask(2, Instruction.PING)[0].parameters[0] == ALERT
    assert ask(2, Instruction.WRITE, write(64, 1, 1))[0].parameters[0] == ALERT | StatusError.RESULT_FAIL
    errors = [a.parameters[0] for a in ask(0xFE, Instruction.SYNC_READ, address(PRESENT, 4) + ALL)]
    assert errors == [0, 0, ALERT] + [0] * 13
    ask(2, Instruction.REBOOT)
    assert ask(2, Instruction.PING)[0].parameters[0] == 0


def test_factory_reset(ask) -> None:
    assert ask(0xFE, Instruction.FACTORY_RESET, b"\xff") == []
    assert len(ask(0xFE, Instruction.PING)) == 16, "ignored: all ids would be the same"
    assert ask(5, Instruction.FACTORY_RESET, b"\x02")[0].parameters == b"\0"
    assert len(ask(5, Instruction.PING)) == 1
    ask(5, Instruction.FACTORY_RESET, b"\x01")
    assert ask(5, Instruction.PING) == []
    assert len(ask(5, Instruction.PING, baud=57600)) == 1


def test_clear_is_refused_while_moving(ask, physics, chain: ServoChain) -> None:
    assert ask(1, Instruction.CLEAR, b"\x01DXL\x22")[0].parameters == b"\0"
    physics.velocity[0, 1] = 100
    chain.refresh()
    assert ask(1, Instruction.CLEAR, b"\x01DXL\x22")[0].parameters == bytes([StatusError.RESULT_FAIL])


def test_packets_reset_the_watchdog_of_those_they_address(ask, chain: ServoChain) -> None:
    for device in chain.devices:
        device["torque_enable"], device["bus_watchdog"] = 1, 5
    chain.advance(0.08)
    ask(3, Instruction.PING)
    chain.advance(0.08)
    assert [i for i, device in enumerate(chain.devices) if device["bus_watchdog"] == 5] == [3]


def test_stuffed_reading(ask, physics, chain: ServoChain) -> None:
    physics.current[0, 8], physics.velocity[0, 8] = -1, -3
    chain.refresh()
    (answer,) = ask(0xFE, Instruction.SYNC_READ, address(126, 10) + b"\x08")
    assert struct.unpack("<Bhii", answer.parameters) == (0, -1, -3, 2048)


def test_line_time_counts_bytes_and_return_delays(bus: Bus, ask) -> None:
    bus.receive(encode(0xFE, Instruction.SYNC_READ, address(126, 10) + ALL), BAUD)
    assert bus.line_time == pytest.approx(366 * 10 / BAUD + 16 * 500e-6)
    bus.receive(encode(0xFE, Instruction.FAST_SYNC_READ, address(126, 10) + ALL), BAUD)
    assert bus.line_time == pytest.approx(262 * 10 / BAUD + 500e-6)
    ask(0xFE, Instruction.WRITE, write(9, 0, 1))
    bus.receive(encode(0xFE, Instruction.SYNC_READ, address(126, 10) + ALL), BAUD)
    assert bus.line_time == pytest.approx(366 * 10 / BAUD)


def test_twenty_thousand_mutated_packets_do_no_harm(bus: Bus) -> None:
    rng = random.Random(1)
    for _ in range(20_000):
        servo_id = rng.choice([*range(18), 0xFE, 0xFE, 0xFE])
        instruction = rng.choice([*Instruction, rng.randrange(256)])
        # No factory reset and no change of id or baud rate: the servos shall go on listening.
        start = rng.choice([64, 84, 100, 116, 126, 168, 208, rng.randrange(10, 65536)])
        parameters = struct.pack("<HH", start, rng.randrange(16)) + rng.randbytes(rng.randrange(40))
        wire = bytearray(encode(servo_id, instruction, parameters))
        for _ in range(rng.randrange(3)):
            wire[rng.randrange(len(wire))] ^= 1 << rng.randrange(8)
        bus.receive(bytes(wire[: rng.choice([len(wire), rng.randrange(len(wire))])]), BAUD)
    assert len(bus.receive(encode(0xFE, Instruction.PING), BAUD)) >= 14


def test_servos_act_on_their_secondary_id_in_silence(ask, chain: ServoChain) -> None:
    for servo in (6, 7):
        ask(servo, Instruction.WRITE, write(12, 5, 1))
    assert [answer.id for answer in ask(5, Instruction.WRITE, write(65, 1, 1))] == [5]
    assert [answer.id for answer in ask(5, Instruction.READ, address(65, 1))] == [5]
    assert [chain.devices[servo]["led"] for servo in (4, 5, 6, 7)] == [0, 1, 1, 1]
    ask(6, Instruction.WRITE, write(12, 100, 1))
    assert ask(100, Instruction.WRITE, write(65, 0, 1)) == []
    assert chain.devices[6]["led"] == 0
    ask(0xFE, Instruction.SYNC_WRITE, goals({5: 2100}))
    assert [chain.devices[servo]["goal_position"] for servo in (5, 6, 7)] == [2100, 2048, 2100]
