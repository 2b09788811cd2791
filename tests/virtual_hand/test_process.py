"""The whole virtual hand from outside: its own process, the vendor's library on its port, and its end."""

import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from dynamixel_sdk import (
    COMM_RX_TIMEOUT,
    COMM_SUCCESS,
    GroupSyncRead,
    GroupSyncWrite,
    PortHandler,
    Protocol2PacketHandler,
)

from dexndm_gym.errors import ConfigurationError, PortError
from dexndm_gym.objects.scene import Scene
from dexndm_gym.virtual_hand.client import VirtualHandProcess
from dexndm_gym.virtual_hand.hand_physics import VirtualHandPhysics
from dexndm_gym.virtual_hand.packets import Instruction, encode

ROOT = Path(__file__).parents[2]
IDS = range(16)
PATIENCE = 60.0
"""Seconds after which something is taken for hung, however busy the machine is."""
TORQUE, WATCHDOG, GOAL, CURRENT, POSITION = 64, 98, 116, 126, 132


class PatientPort(PortHandler):
    """Gives up on an answer when the hand has said that it has sent all of them, however busy the machine is."""

    def __init__(self, hand: VirtualHandProcess) -> None:
        super().__init__(hand.port)
        self.hand, self.settled = hand, False

    def setPacketTimeout(self, packet_length: int) -> None:  # noqa: N802 - the library's name
        self.settled = False
        super().setPacketTimeout(packet_length)

    def setPacketTimeoutMillis(self, msec: float) -> None:  # noqa: N802 - the library's name
        self.settled = False
        super().setPacketTimeoutMillis(msec)

    def isPacketTimeout(self) -> bool:  # noqa: N802 - the library's name
        if not super().isPacketTimeout():
            return False
        if self.settled:
            return True
        self.hand.command("settle")
        self.settled = True  # what has come is read before this is asked again
        return False


class Host:
    """The vendor's library on the port of a hand."""

    def __init__(self, hand: VirtualHandProcess) -> None:
        self.port = PatientPort(hand)
        self.handler = Protocol2PacketHandler()
        assert self.port.openPort()
        assert self.port.setBaudRate(4_000_000)

    def write(self, servo: int, address: int, value: int, size: int = 1) -> tuple[int, int]:
        return self.handler.writeTxRx(self.port, servo, address, size, list(value.to_bytes(size, "little")))

    def read(self, servo: int, address: int, size: int) -> int:
        data, result, _ = self.handler.readTxRx(self.port, servo, address, size)
        assert result == COMM_SUCCESS
        return int.from_bytes(bytes(data), "little")

    def command(self, goals: dict[int, int]) -> None:
        group = GroupSyncWrite(self.port, self.handler, GOAL, 4)
        for servo, goal in goals.items():
            group.addParam(servo, list(goal.to_bytes(4, "little")))
        assert group.txPacket() == COMM_SUCCESS

    def positions(self, fast: bool = False) -> list[int]:
        group = self.reader()
        result = group.fastSyncRead() if fast else group.txRxPacket()
        assert result == COMM_SUCCESS
        return [group.getData(servo, POSITION, 4) for servo in IDS]

    def reader(self) -> GroupSyncRead:
        group = GroupSyncRead(self.port, self.handler, CURRENT, 10)
        for servo in IDS:
            group.addParam(servo)
        return group


@pytest.fixture
def start() -> Iterator[Callable[..., VirtualHandProcess]]:
    hands = []

    def make(**options) -> VirtualHandProcess:
        hands.append(VirtualHandProcess(**options))
        return hands[-1]

    yield make
    for hand in hands:
        hand.close()


@pytest.fixture
def hand(start) -> VirtualHandProcess:
    return start(seed=0)


@pytest.fixture
def host(hand: VirtualHandProcess) -> Iterator[Host]:
    host = Host(hand)
    yield host
    host.port.closePort()


def test_vendors_library_moves_the_hand(hand: VirtualHandProcess, host: Host) -> None:
    found, result = host.handler.broadcastPing(host.port)
    assert result == COMM_SUCCESS
    assert sorted(found) == list(IDS)
    assert {tuple(identity) for identity in found.values()} == {(1200, 52)}
    before = host.positions()
    for servo in IDS:
        assert host.write(servo, TORQUE, 1) == (COMM_SUCCESS, 0)
    assert host.positions(fast=True) == before, "no time has passed"
    goals = {servo: before[servo] + 100 for servo in IDS}
    reached = before
    for _ in range(20):
        host.command(goals)
        reached = host.positions()
    assert hand.command("status")["time_s"] == pytest.approx(1.0)
    assert host.positions(fast=True) == reached
    fingertips = [3, 7, 11, 15]
    # Power-up gains are soft: cables and weight hold some joints back by most of the way.
    moved = np.subtract(reached, before)[fingertips]
    assert (moved > 0).all()
    assert np.median(moved) > 40


def test_both_doors_give_the_same_positions(start) -> None:
    hand, physics = start(seed=11), VirtualHandPhysics([11])
    host, rng = Host(hand), np.random.default_rng(0)
    host.command(dict(zip(IDS, physics.goal_position[0].tolist(), strict=True)))
    physics.advance(0.05)
    scene = Scene(object="cube")
    hand.place_object(scene, seed=4)
    physics.place_object(np.zeros(1, dtype=np.int64), [scene], np.random.default_rng(4))
    for address, value, size, array in [
        (11, 5, 1, physics.operating_mode),
        (84, 800, 2, physics.p_gain),
        (80, 200, 2, physics.d_gain),
        (102, 500, 2, physics.goal_current),
        (TORQUE, 1, 1, physics.torque_enable),
    ]:
        array[...] = value
        for servo in IDS:
            assert host.write(servo, address, value, size) == (COMM_SUCCESS, 0)
    for _ in range(20):
        goals = rng.integers(1700, 2800, 16)
        host.command(dict(zip(IDS, goals.tolist(), strict=True)))
        physics.goal_position[0] = goals
        physics.advance(0.05)
        assert host.positions() == physics.present_position()[0].tolist()
    assert np.array_equal(hand.object_pose(), physics.object_pose()[0])
    host.port.closePort()


def test_errors_reach_the_vendors_library(hand: VirtualHandProcess, host: Host) -> None:
    assert host.write(2, TORQUE, 1) == (COMM_SUCCESS, 0)
    assert host.write(2, 11, 5) == (COMM_SUCCESS, 7)
    assert host.write(2, GOAL, 5000, 4) == (COMM_SUCCESS, 6)
    hand.inject("overload:servo=2")
    assert host.handler.ping(host.port, 2) == (1200, COMM_SUCCESS, 0x80)
    assert host.read(2, TORQUE, 1) == 0
    assert host.handler.reboot(host.port, 2)[0] == COMM_SUCCESS
    assert host.handler.ping(host.port, 2) == (1200, COMM_SUCCESS, 0)


def test_dropped_servo_silences_those_behind_it(hand: VirtualHandProcess, host: Host) -> None:
    hand.inject("drop:servo=7")
    group = host.reader()
    assert group.txRxPacket() == COMM_RX_TIMEOUT
    assert [servo for servo in IDS if group.data_dict[servo]] == list(range(7))
    assert group.fastSyncRead() != COMM_SUCCESS
    hand.clear_faults()
    assert group.txRxPacket() == COMM_SUCCESS


def test_corrupted_replies_are_noticed(hand: VirtualHandProcess, host: Host) -> None:
    hand.inject("corrupt:count=1")
    assert host.handler.ping(host.port, 2)[1] != COMM_SUCCESS
    assert host.handler.ping(host.port, 2)[1] == COMM_SUCCESS


def test_another_baud_rate_is_silence(host: Host) -> None:
    assert host.port.setBaudRate(1_000_000)
    assert host.handler.ping(host.port, 2)[1] == COMM_RX_TIMEOUT
    assert host.port.setBaudRate(4_000_000)
    assert host.handler.ping(host.port, 2)[1] == COMM_SUCCESS


def test_the_object_is_placed_repeatably(start) -> None:
    hand, twin = start(seed=3), start(seed=3)
    parked = hand.object_pose()
    hand.place_object(Scene(object="cube"), seed=5)
    twin.place_object(Scene(object="cube"), seed=5)
    pose = hand.object_pose()
    assert pose.shape == (7,)
    assert np.linalg.norm(pose[3:]) == pytest.approx(1)
    assert not np.array_equal(pose, parked)
    assert np.array_equal(pose, twin.object_pose())
    twin.place_object(Scene(object="cube"), seed=6)
    assert not np.array_equal(pose, twin.object_pose())


def test_watchdog_stops_a_hand_without_host(start) -> None:
    hand = start(clock="realtime")
    host = Host(hand)
    host.write(0, TORQUE, 1)
    host.write(0, WATCHDOG, 5)
    host.port.closePort()
    deadline = time.monotonic() + PATIENCE
    while hand.command("status")["time_s"] < 0.5:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    host = Host(hand)
    assert host.read(0, WATCHDOG, 1) == 255
    assert host.write(0, GOAL, 2000, 4) == (COMM_SUCCESS, 4)
    host.port.closePort()


def test_bad_requests_are_typed_errors(hand: VirtualHandProcess) -> None:
    with pytest.raises(ConfigurationError, match="spoon"):
        hand.place_object(Scene(object="spoon"), seed=0)
    with pytest.raises(ConfigurationError, match="from 0 to 15"):
        hand.inject("drop:servo=16")
    with pytest.raises(ConfigurationError, match="place_object"):
        hand.command("fly")
    with pytest.raises(ConfigurationError, match="sundial"):
        VirtualHandProcess(clock="sundial")
    assert hand.object_pose().shape == (7,), "it goes on"


def test_unplugging_hangs_up_the_port(hand: VirtualHandProcess, host: Host) -> None:
    hand.inject("unplug")
    hand.inject("unplug")
    with pytest.raises(termios.error):
        host.handler.ping(host.port, 0)
    assert hand.object_pose().shape == (7,), "the side channel stays"


def test_killed_hand_is_a_port_error(hand: VirtualHandProcess) -> None:
    hand.process.kill()
    with pytest.raises(PortError, match="exit code -9"):
        hand.object_pose()
    hand.close()
    with pytest.raises(PortError, match="closed"):
        hand.object_pose()


def test_closing_ends_the_process(hand: VirtualHandProcess) -> None:
    hand.close()
    hand.close()
    assert hand.process.returncode == 0


def test_a_hand_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(PortError, match="exit code 1"):
        VirtualHandProcess()


def test_a_hand_that_takes_too_long_is_ended() -> None:
    with pytest.raises(PortError, match="start_timeout"):
        VirtualHandProcess(start_timeout=0.0)


def is_running(pid: int) -> bool:
    """Whether the process exists and is more than a zombie."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


HOLDER = """
import sys
from dexndm_gym.virtual_hand.client import VirtualHandProcess
from dexndm_gym.virtual_hand.hand_physics import VirtualHandPhysics
from dexndm_gym.virtual_hand.packets import Instruction, encode
hand = VirtualHandProcess()
print(hand.process.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, None])
def test_no_hand_outlives_its_holder(how: signal.Signals | None) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        text=True,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    pid = int(holder.stdout.readline())
    if how is None:
        holder.stdin.close()
    else:
        holder.send_signal(how)
    holder.wait(PATIENCE)
    holder.stdout.close()
    deadline = time.monotonic() + PATIENCE
    while is_running(pid):
        assert time.monotonic() < deadline, "the hand is an orphan"
        time.sleep(0.02)


def test_the_port_vanishes_and_returns_under_its_name(hand: VirtualHandProcess, host: Host) -> None:
    hand.inject("unplug:duration=0.1")
    with pytest.raises(termios.error):
        host.handler.ping(host.port, 0)
    host.port.closePort()
    deadline = time.monotonic() + PATIENCE
    while not Path(hand.port).exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    again = Host(hand)
    assert again.handler.ping(again.port, 2) == (1200, COMM_SUCCESS, 0)
    again.port.closePort()


def test_faults_from_the_command_line(start) -> None:
    hand = start(faults=["power_loss:servo=3", "corrupt:probability=0.5,after=1"])
    assert hand.command("status")["powered"] == [servo != 3 for servo in IDS]
    with pytest.raises(PortError, match="teapot"):
        start(faults=["teapot"])


def test_late_answers_come_after_the_hand_has_settled(hand: VirtualHandProcess, host: Host) -> None:
    hand.inject("delay:value=0.3,count=1")
    packet = encode(2, Instruction.PING)
    sent = time.monotonic()
    host.port.writePort(packet)
    hand.settle()
    assert host.port.getBytesAvailable() == 0 or time.monotonic() > sent + 0.3, "a busy machine may need that long"
    while host.port.getBytesAvailable() < 14:
        assert time.monotonic() < sent + PATIENCE
        time.sleep(0.01)
    assert time.monotonic() > sent + 0.3
    host.port.clearPort()
    host.port.writePort(packet)
    hand.settle()
    assert len(host.port.readPort(100)) == 14


def test_a_process_that_does_not_react_is_noticed(hand: VirtualHandProcess) -> None:
    hand.process.send_signal(signal.SIGSTOP)
    with pytest.raises(PortError, match="does not react"):
        hand.settle()
    hand.process.send_signal(signal.SIGCONT)
    assert hand.command("status")["time_s"] == 0, "replies that came too late are not taken for this one"


def test_nothing_is_left_behind(hand: VirtualHandProcess) -> None:
    folder = Path(hand.port).parent
    assert folder.exists()
    hand.close()
    assert not folder.exists()
