"""The wire format, against the vendor's examples and against an independent bit-by-bit reference."""

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexndm_gym.virtual_hand.packets import (
    HEADER,
    MAX_LENGTH,
    CorruptPacket,
    Decoder,
    Packet,
    crc16,
    encode,
    encode_fast_reply,
    encode_status,
)

IDS = st.one_of(st.integers(0, 252), st.just(254))
PIECES = [b"\xff", b"\xfd", b"\x00", b"\xff\xff\xfd", HEADER, HEADER + b"\x01\x09\x00", HEADER + b"\x01\xf0\x00"]
# Made of what makes stuffing and resynchronizing hard.
AWKWARD = st.lists(
    st.one_of(
        st.sampled_from(PIECES),
        st.binary(max_size=6),
    ),
    max_size=12,
).map(b"".join)


def reference_crc(data: bytes) -> int:
    crc = 0
    for bit in (byte >> shift & 1 for byte in data for shift in range(7, -1, -1)):
        crc = (crc << 1 & 0xFFFF) ^ (0x8005 if (crc >> 15) ^ bit else 0)
    return crc


def acceptable_packets(stream: bytes) -> set[tuple[int, bytes]]:
    """Id and wire body of everything in the stream that may be taken for a packet at all."""
    found = set()
    for start in range(len(stream) - 9):
        if stream[start : start + 4] == HEADER:
            packet_id, length = struct.unpack_from("<BH", stream, start + 4)
            end = start + 7 + length
            if end <= len(stream) and length >= 3:
                (crc,) = struct.unpack_from("<H", stream, end - 2)
                if reference_crc(stream[start : end - 2]) == crc:
                    found.add((packet_id, stream[start + 7 : end - 2]))
    return found


def wire_body(packet: Packet) -> bytes:
    return (bytes([packet.instruction]) + packet.parameters).replace(b"\xff\xff\xfd", b"\xff\xff\xfd\xfd")


def test_crc_check_value() -> None:
    assert crc16(b"123456789") == 0xFEE8


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_crc_equals_reference_and_can_be_continued(first: bytes, second: bytes) -> None:
    assert crc16(first + second) == reference_crc(first + second) == crc16(second, crc16(first))


@pytest.mark.parametrize(
    ("packet_id", "instruction", "parameters", "wire"),
    [
        (1, 0x01, "", "FFFFFD00 01 0300 01 194E"),
        (254, 0x01, "", "FFFFFD00 FE 0300 01 3142"),
        (1, 0x02, "84000400", "FFFFFD00 01 0700 02 84000400 1D15"),
        (1, 0x03, "740000020000", "FFFFFD00 01 0900 03 740000020000 CA89"),
        (1, 0x04, "6800C8000000", "FFFFFD00 01 0900 04 6800C8000000 AE8E"),
        (1, 0x05, "", "FFFFFD00 01 0300 05 02CE"),
        (1, 0x06, "01", "FFFFFD00 01 0400 06 01 A1E6"),
        (1, 0x08, "", "FFFFFD00 01 0300 08 2F4E"),
        (1, 0x10, "0144584C22", "FFFFFD00 01 0800 10 0144584C22 B1DC"),
        (254, 0x82, "840004000102", "FFFFFD00 FE 0900 82 840004000102 CEFA"),
        (254, 0x83, "740004000196000000 02AA000000", "FFFFFD00 FE 1100 83 740004000196000000 02AA000000 8287"),
        (254, 0x8A, "84000400030704", "FFFFFD00 FE 0A00 8A 84000400030704 20F2"),
        (254, 0x92, "01900002000292000100", "FFFFFD00 FE 0D00 92 01900002000292000100 1A05"),
    ],
)
def test_instructions_of_the_manual(packet_id: int, instruction: int, parameters: str, wire: str) -> None:
    encoded = encode(packet_id, instruction, bytes.fromhex(parameters))
    assert encoded == bytes.fromhex(wire)
    assert Decoder().feed(encoded) == [Packet(packet_id, instruction, bytes.fromhex(parameters))]


@pytest.mark.parametrize(
    ("packet_id", "data", "wire"),
    [
        (1, "060426", "FFFFFD00 01 0700 55 00 060426 655D"),
        (2, "060426", "FFFFFD00 02 0700 55 00 060426 6F6D"),
        (1, "", "FFFFFD00 01 0400 55 00 A10C"),
        (2, "1F080000", "FFFFFD00 02 0800 55 00 1F080000 BABE"),
    ],
)
def test_status_packets_of_the_manual(packet_id: int, data: str, wire: str) -> None:
    assert encode_status(packet_id, 0, bytes.fromhex(data)) == bytes.fromhex(wire)


def test_fast_sync_read_has_cumulative_checksums() -> None:
    positions = [(0, 3, 166), (0, 7, 2079), (0, 4, 1023)]
    reply = encode_fast_reply([4, 4, 4], [(e, i, p.to_bytes(4, "little")) for e, i, p in positions])
    assert reply == bytes.fromhex("FFFFFD00 FE 1900 55 00 03 A6000000 8408 00 07 1F080000 16CA 00 04 FF030000 D19E")


def test_fast_reply_announces_length_despite_missing_servos() -> None:
    reply = encode_fast_reply([4, 4], [(0, 3, b"\xff\xff\xfd\x00")])
    assert struct.unpack_from("<H", reply, 5) == (1 + 2 * 8,)
    assert reply[10:14] == b"\xff\xff\xfd\x00", "a fast reply is not stuffed"
    assert encode_fast_reply([4, 4], []) == b""


def test_negative_numbers_are_stuffed() -> None:
    data = struct.pack("<hii", -1, -3, 2048)
    wire = encode_status(5, 0, data)
    assert wire[5:7] == bytes([3 + 1 + len(data) + 1, 0]), "the length counts the stuffed byte"
    assert wire[9:14] == b"\xff\xff\xfd\xfd\xff"
    assert Decoder().feed(wire) == [Packet(5, 0x55, b"\0" + data)]


@given(IDS, st.integers(0, 255), AWKWARD)
def test_round_trip_and_no_header_inside(packet_id: int, instruction: int, parameters: bytes) -> None:
    wire = encode(packet_id, instruction, parameters)
    assert HEADER not in wire[4:-2]
    assert Decoder().feed(wire) == [Packet(packet_id, instruction, parameters)]


@given(st.lists(st.tuples(IDS, st.integers(0, 255), AWKWARD), min_size=1, max_size=4), st.data())
def test_packets_arrive_however_the_stream_is_cut(contents: list[tuple[int, int, bytes]], data: st.DataObject) -> None:
    stream = b"".join(encode(*content) for content in contents)
    decoder, found, rest = Decoder(), [], stream
    while rest:
        cut = data.draw(st.integers(1, len(rest)))
        found += decoder.feed(rest[:cut])
        rest = rest[cut:]
    assert found == [Packet(*content) for content in contents]


@given(AWKWARD, AWKWARD)
def test_a_packet_is_found_after_any_garbage(garbage: bytes, parameters: bytes) -> None:
    decoder = Decoder()
    found = decoder.feed(garbage + encode(7, 0x03, parameters))
    assert found[-1:] == [Packet(7, 0x03, parameters)]


@given(AWKWARD, st.data())
def test_a_truncated_packet_costs_nothing_but_itself(parameters: bytes, data: st.DataObject) -> None:
    broken = encode(9, 0x03, parameters)
    broken = broken[: data.draw(st.integers(0, len(broken) - 1))]
    found = Decoder().feed(broken + encode(7, 0x01) + encode(8, 0x01))
    assert found[-2:] == [Packet(7, 0x01, b""), Packet(8, 0x01, b"")]


def test_a_wrong_checksum_is_reported_not_decoded() -> None:
    wire = bytearray(encode(7, 0x01))
    wire[-1] ^= 0x01
    assert Decoder().feed(bytes(wire)) == [CorruptPacket(7)]


@pytest.mark.parametrize("packet_id", [253, 255])
def test_ids_that_nobody_can_have_are_skipped(packet_id: int) -> None:
    assert Decoder().feed(encode(packet_id, 0x01) + encode(1, 0x01)) == [Packet(1, 0x01, b"")]


def test_an_endless_packet_is_not_waited_for() -> None:
    decoder = Decoder()
    assert decoder.feed(HEADER + struct.pack("<BH", 1, MAX_LENGTH + 1) + b"\x03" * 2000) == []
    assert decoder.feed(encode(1, 0x01)) == [Packet(1, 0x01, b"")]


def test_twenty_thousand_mutations_are_survived_and_never_misread() -> None:
    rng = random.Random(0)
    decoder = Decoder()
    for _ in range(20_000):
        original = encode(rng.randrange(253), rng.choice([1, 2, 3, 0x82, 0x83]), rng.randbytes(rng.randrange(24)))
        stream = mutate(rng, original)
        decoder.clear()
        accepted = {(p.id, wire_body(p)) for p in decoder.feed(stream) if isinstance(p, Packet)}
        assert accepted <= acceptable_packets(stream)


def mutate(rng: random.Random, packet: bytes) -> bytes:
    """Flip, drop, insert, repeat or cut bytes."""
    wire = bytearray(packet)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(wire))
        match rng.randrange(5):
            case 0:
                wire[at] ^= 1 << rng.randrange(8)
            case 1 if len(wire) > 1:
                del wire[at]
            case 2:
                wire.insert(at, rng.choice([0xFF, 0xFD, 0x00, rng.randrange(256)]))
            case 3:
                wire[at:at] = wire[: rng.randrange(len(wire))]
            case _:
                wire += packet[: rng.randrange(len(packet))]
    return bytes(wire)
