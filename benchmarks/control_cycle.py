"""What a control cycle (goals out, 16 servos in) costs through the driver and through the bare SDK.

Both talk to the same virtual hand in lock-step, so a cycle contains its physics; the readings contain only the line.
Run: ``python benchmarks/control_cycle.py [CYCLES]``.
"""

import sys
import time
from collections.abc import Callable

import numpy as np
from dynamixel_sdk import COMM_SUCCESS, GroupSyncRead, GroupSyncWrite, PacketHandler, PortHandler

from dexndm_gym.envs.hands.connect import connect
from dexndm_gym.leap.grasps import START_POSE
from dexndm_gym.leap.scene import Scene
from dexndm_gym.virtual_hand.client import VirtualHandProcess

IDS = range(16)
REGISTERS = ((126, 2), (128, 4), (132, 4))


def time_calls(call: Callable[[], object], count: int) -> str:
    """Median and 99th percentile of wall time and mean processor time of this process, ms."""
    wall, busy = [], time.process_time()
    for _ in range(count):
        begin = time.perf_counter()
        call()
        wall.append((time.perf_counter() - begin) * 1000.0)
    processor = (time.process_time() - busy) / count * 1000.0
    return f"median {np.median(wall):.2f} ms, p99 {np.percentile(wall, 99):.2f} ms, processor {processor:.2f} ms"


def bare_sdk(count: int) -> None:
    """As in the SDK's examples."""
    with VirtualHandProcess(seed=0) as process:
        port, handler = PortHandler(process.port), PacketHandler(2.0)
        port.setBaudRate(4_000_000)
        read, write = GroupSyncRead(port, handler, 126, 10), GroupSyncWrite(port, handler, 116, 4)
        for servo in IDS:
            read.addParam(servo)
            write.addParam(servo, [0, 8, 0, 0])

        def measure() -> None:
            if read.txRxPacket() != COMM_SUCCESS:
                raise RuntimeError("no reply")
            for servo in IDS:
                for address, size in REGISTERS:
                    read.getData(servo, address, size)

        def cycle() -> None:
            for servo in IDS:
                write.changeParam(servo, [0, 8, 0, 0])
            write.txPacket()
            measure()

        sys.stdout.write(f"SDK     reading: {time_calls(measure, count)}\n")
        sys.stdout.write(f"SDK     cycle:   {time_calls(cycle, count)}\n")
        port.closePort()


def driver(count: int) -> None:
    """The hand as the environment uses it, without object pose."""
    hand = connect("virtual")
    hand._tracker = None
    hand.reset(np.array([0]), [Scene()], np.random.default_rng(0))
    sys.stdout.write(f"driver  reading: {time_calls(hand._measure, count)}\n")
    sys.stdout.write(f"driver  cycle:   {time_calls(lambda: hand.step(START_POSE[None]), count)}\n")
    hand.close()


if __name__ == "__main__":
    cycles = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    bare_sdk(cycles)
    driver(cycles)
