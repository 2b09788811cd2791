"""Every instruction of the X330 series, with the vendor's library as the host."""

import struct
from collections.abc import Iterator

import pytest
from dynamixel_sdk import (
    COMM_RX_TIMEOUT,
    COMM_SUCCESS,
    GroupBulkRead,
    GroupBulkWrite,
    GroupSyncRead,
    GroupSyncWrite,
    PortHandler,
    Protocol2PacketHandler,
)

from dexndm_gym.virtual_hand.client import VirtualHandProcess

LED, P_GAIN, GOAL, POSITION = 65, 84, 116, 132
LIMIT = 38
DONE = (COMM_SUCCESS, 0)


class Host:
    """The vendor's library, with values instead of lists of bytes."""

    def __init__(self, path: str) -> None:
        self.port, self.handler = PortHandler(path), Protocol2PacketHandler()
        assert self.port.setBaudRate(4_000_000)

    def read(self, servo: int, address: int, size: int) -> int:
        data, result, error = self.handler.readTxRx(self.port, servo, address, size)
        assert (result, error) == DONE
        return int.from_bytes(bytes(data), "little")

    def write(self, servo: int, address: int, value: int, size: int) -> tuple[int, int]:
        return self.handler.writeTxRx(self.port, servo, address, size, list(value.to_bytes(size, "little")))

    def ask(self, servo: int, instruction: int, parameters: bytes) -> tuple[int, int]:
        """For instructions that the library has no function for."""
        length = struct.pack("<H", len(parameters) + 3)
        packet = [0, 0, 0, 0, servo, *length, instruction, *parameters, 0, 0]
        _, result, error = self.handler.txRxPacket(self.port, packet)
        return result, error


@pytest.fixture(scope="module")
def process() -> Iterator[VirtualHandProcess]:
    with VirtualHandProcess(seed=0) as process:
        yield process


@pytest.fixture
def host(process: VirtualHandProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    # The library gives up after 34 ms, which a busy machine may need for anything.
    monkeypatch.setattr("dynamixel_sdk.port_handler.LATENCY_TIMER", 300)
    host = Host(process.port)
    yield host
    host.port.closePort()


def test_ping_read_and_write(host: Host) -> None:
    assert host.handler.ping(host.port, 3) == (1200, *DONE)
    assert host.write(3, P_GAIN, 700, 2) == DONE
    assert host.read(3, P_GAIN, 2) == 700


def test_a_registered_write_waits_for_action(host: Host) -> None:
    assert host.handler.regWriteTxRx(host.port, 4, LED, 1, [1]) == DONE
    assert host.read(4, LED, 1) == 0
    assert host.read(4, 69, 1) == 1
    assert host.handler.action(host.port, 0xFE) == COMM_SUCCESS
    assert host.read(4, LED, 1) == 1


def test_reboot_and_clear(host: Host) -> None:
    assert host.write(5, LED, 1, 1) == DONE
    assert host.handler.reboot(host.port, 5) == DONE
    assert host.read(5, LED, 1) == 0
    assert host.handler.clearMultiTurn(host.port, 5) == DONE


def test_factory_reset_and_backup(host: Host) -> None:
    assert host.write(6, LIMIT, 600, 2) == DONE
    assert host.ask(6, 0x20, b"\x01CTRL") == DONE
    assert host.read(6, 147, 1) == 1
    assert host.handler.factoryReset(host.port, 6, 0x02) == DONE
    assert host.read(6, LIMIT, 2) == 1750
    assert host.ask(6, 0x20, b"\x02CTRL") == DONE
    assert host.read(6, LIMIT, 2) == 600


def test_sync_reads_and_writes(host: Host) -> None:
    write, read = GroupSyncWrite(host.port, host.handler, P_GAIN, 2), GroupSyncRead(host.port, host.handler, P_GAIN, 2)
    for servo in range(16):
        write.addParam(servo, list((500 + servo).to_bytes(2, "little")))
        read.addParam(servo)
    assert write.txPacket() == COMM_SUCCESS
    for receive in (read.txRxPacket, read.fastSyncRead):
        assert receive() == COMM_SUCCESS
        assert [read.getData(servo, P_GAIN, 2) for servo in range(16)] == list(range(500, 516))


def test_bulk_reads_and_writes(host: Host) -> None:
    write, read = GroupBulkWrite(host.port, host.handler), GroupBulkRead(host.port, host.handler)
    for servo, address, size, value in ((2, P_GAIN, 2, 321), (9, LED, 1, 1), (1, 104, 4, 17)):
        write.addParam(servo, address, size, list(value.to_bytes(size, "little")))
        read.addParam(servo, address, size)
    assert write.txPacket() == COMM_SUCCESS
    for receive in (read.txRxPacket, read.fastBulkRead):
        assert receive() == COMM_SUCCESS
        assert [read.getData(*item) for item in ((2, P_GAIN, 2), (9, LED, 1), (1, 104, 4))] == [321, 1, 17]


def test_indirect_addresses(host: Host) -> None:
    for slot, address in enumerate((64, 70, *range(POSITION, POSITION + 4))):
        assert host.write(7, 168 + 2 * slot, address, 2) == DONE
    direct = host.read(7, POSITION, 4)
    assert host.read(7, 208, 6) == direct << 16


@pytest.mark.parametrize("baud", [57_600, 115_200, 1_000_000, 2_000_000, 3_000_000, 4_000_000])
def test_servos_follow_to_another_baud_rate(host: Host, baud: int) -> None:
    code = (9600, 57_600, 115_200, 1_000_000, 2_000_000, 3_000_000, 4_000_000).index(baud)
    assert host.write(8, 8, code, 1) == DONE
    host.port.setBaudRate(baud)
    assert host.handler.ping(host.port, 8) == (1200, *DONE)
    assert host.write(8, 8, 6, 1) == DONE
    host.port.setBaudRate(4_000_000)
    assert host.handler.ping(host.port, 8) == (1200, *DONE)


@pytest.mark.parametrize(
    ("servo", "mode", "address", "size", "goal", "present", "present_size", "tolerance"),
    [
        (3, 0, 102, 2, 120, 126, 2, 1),  # current
        (7, 1, 104, 4, 60, 128, 4, 30),  # velocity
        (11, 4, GOAL, 4, 2300, POSITION, 4, 90),  # extended position
        (15, 16, 100, 2, 150, 124, 2, 1),  # PWM
    ],
)
def test_operating_modes(
    process: VirtualHandProcess,
    host: Host,
    servo: int,
    mode: int,
    address: int,
    size: int,
    goal: int,
    present: int,
    present_size: int,
    tolerance: int,
) -> None:
    for where, value, length in ((11, mode, 1), (64, 1, 1), (address, goal, size)):
        assert host.write(servo, where, value, length) == DONE
    process.command("pass_time", seconds=0.2 if mode != 4 else 1.0)
    assert abs(host.read(servo, present, present_size) - goal) <= tolerance
    for where, value in ((64, 0), (11, 3)):
        assert host.write(servo, where, value, 1) == DONE


def test_profiles(process: VirtualHandProcess, host: Host) -> None:
    assert host.write(7, 10, 4, 1) == DONE  # time-based
    assert host.write(7, 64, 1, 1) == DONE
    start = host.read(7, POSITION, 4)
    assert host.write(7, 108, 200, 4) == DONE
    assert host.write(7, 112, 1000, 4) == DONE
    assert host.write(7, GOAL, start + 200, 4) == DONE
    process.command("pass_time", seconds=0.5)
    assert abs(host.read(7, 140, 4) - (start + 100)) <= 10, "half of the way after half of the time"
    assert host.read(7, 123, 1) & 0x32 == 0x32, "a trapezoid, under way"
    assert host.read(7, 122, 1) == 1
    process.command("pass_time", seconds=0.7)
    assert host.read(7, 140, 4) == start + 200
    assert host.read(7, 123, 1) & 0x02 == 0
    assert host.write(7, 64, 0, 1) == DONE
    assert host.write(7, 10, 0, 1) == DONE


def test_reverse_mode(process: VirtualHandProcess, host: Host) -> None:
    before = host.read(9, POSITION, 4)
    assert host.write(9, 10, 1, 1) == DONE
    process.command("pass_time", seconds=0.005)
    assert abs(host.read(9, POSITION, 4) - (4096 - before)) <= 3
    assert host.write(9, 10, 0, 1) == DONE


def test_status_return_level_return_delay_and_eeprom_lock(host: Host) -> None:
    assert host.write(12, 9, 0, 1) == DONE
    assert host.write(12, 64, 1, 1) == DONE
    assert host.write(12, 9, 250, 1) == (COMM_SUCCESS, 7)
    assert host.write(12, 64, 0, 1) == DONE
    assert host.write(12, 68, 1, 1) == DONE
    assert host.write(12, LED, 1, 1)[0] == COMM_RX_TIMEOUT
    assert host.read(12, LED, 1) == 1
    assert host.handler.write1ByteTxOnly(host.port, 12, 68, 2) == COMM_SUCCESS
    assert host.write(12, LED, 0, 1) == DONE


def test_the_full_hands_servos_have_their_own_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dynamixel_sdk.port_handler.LATENCY_TIMER", 300)
    with VirtualHandProcess(model="xc330") as process:
        host = Host(process.port)
        assert host.handler.ping(host.port, 3) == (1240, *DONE)
        assert [host.read(3, address, 2) for address in (LIMIT, P_GAIN, 80)] == [2352, 1100, 500]
        host.port.closePort()
