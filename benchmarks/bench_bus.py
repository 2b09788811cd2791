"""What a control cycle (16 goals out; positions, velocities, currents in) costs through the driver and the bare SDK.

Both use the same port of the same virtual hand in the same run, in blocks that take turns, so that a busy machine slows
both. The hand runs in real time: its physics is computed beside the exchange, and wire time at 4 Mbit/s is waited for.

After that the driver moves the hand at 20 Hz for some minutes, and its pacer tells how well it kept the time.

Run: ``python benchmarks/bench_bus.py [--cycles N] [--minutes M] [--json FILE]``; the full run is ``--minutes 10``.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from dynamixel_sdk import COMM_SUCCESS, GroupSyncRead, GroupSyncWrite, PacketHandler, PortHandler

from dexndm_gym.backends.hand_port import connect
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.pacing import Pacer, PacingReport
from dexndm_gym.hardware.port import SerialPort
from dexndm_gym.objects.catalog import NO_OBJECT
from dexndm_gym.objects.scene import Scene
from dexndm_gym.virtual_hand.client import VirtualHandProcess

IDS = range(16)
GOAL = 2048
REGISTERS = ((126, 2), (128, 4), (132, 4))
BLOCK = 50
"""Cycles before the other side gets its turn."""


def bare_sdk(path: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """A cycle as in the SDK's examples, and what closes the port."""
    port, handler = PortHandler(path), PacketHandler(2.0)
    port.setBaudRate(4_000_000)
    read, write = GroupSyncRead(port, handler, 126, 10), GroupSyncWrite(port, handler, 116, 4)
    for servo in IDS:
        read.addParam(servo)
        write.addParam(servo, list(GOAL.to_bytes(4, "little")))

    def cycle() -> None:
        for servo in IDS:
            write.changeParam(servo, list(GOAL.to_bytes(4, "little")))
        write.txPacket()
        while read.txRxPacket() != COMM_SUCCESS:  # its timeout of 34 ms is short for a busy machine
            pass
        for servo in IDS:
            for address, size in REGISTERS:
                read.getData(servo, address, size)

    return cycle, port.closePort


def driver(process: VirtualHandProcess) -> tuple[Callable[[], None], Callable[[], None]]:
    """A cycle as the environment does it, and what closes the port."""
    bus = DynamixelBus(SerialPort(process.port, reply_timeout=0.02, confirm_silence=process.settle))
    bus.open()
    goals = np.full(16, GOAL)

    def cycle() -> None:
        bus.sync_write("goal_position", goals)
        bus.sync_read("realtime_tick", "present_current", "present_velocity", "present_position")

    return cycle, bus.close


def measure(cycles: int) -> dict[str, dict[str, float]]:
    """Wall and processor time of both, ms."""
    wall: dict[str, list[float]] = {"bare SDK": [], "driver": []}
    busy = dict.fromkeys(wall, 0.0)
    with VirtualHandProcess(seed=0, clock="realtime") as process:
        bus = DynamixelBus(SerialPort(process.port, reply_timeout=0.02, confirm_silence=process.settle))
        bus.open()
        bus.ensure("return_delay_time", 0)
        bus.close()
        for _ in range(max(1, cycles // BLOCK)):
            for name, (cycle, close) in (("bare SDK", bare_sdk(process.port)), ("driver", driver(process))):
                cycle()
                before = time.process_time()
                for _ in range(BLOCK):
                    begin = time.perf_counter()
                    cycle()
                    wall[name].append((time.perf_counter() - begin) * 1000.0)
                busy[name] += (time.process_time() - before) * 1000.0
                close()
                time.sleep(0.05)  # the hand catches up
    return {
        name: {
            "median_ms": float(np.median(times)),
            "p99_ms": float(np.percentile(times, 99)),
            "processor_ms": busy[name] / len(times),
        }
        for name, times in wall.items()
    }


def keep_pace(minutes: float) -> PacingReport:
    """Move the hand a little, at 20 Hz in real time."""
    hand = connect("virtual", clock="realtime")
    try:
        hand.reset(np.array([0]), [Scene(object=NO_OBJECT)], np.random.default_rng(0))
        hand.pacer = Pacer(CONTROL_PERIOD)
        for tick in range(round(minutes * 60.0 / CONTROL_PERIOD)):
            hand.step(START_POSE[None] + 0.1 * np.sin(2.0 * np.pi * 0.5 * tick * CONTROL_PERIOD))
        return hand.pacer.report()
    finally:
        hand.close()


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=1000, help="control cycles of each")
    parser.add_argument("--minutes", type=float, default=0.2, help="how long to keep 20 Hz, min")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    options = parser.parse_args()
    result: dict[str, object] = dict(figures := measure(options.cycles))
    ratio = figures["driver"]["median_ms"] / figures["bare SDK"]["median_ms"]
    result["ratio_of_medians"] = ratio
    lines = [f"{'':10}  median ms  p99 ms  processor ms"]
    lines += [
        f"{name:10}  {f['median_ms']:9.2f}  {f['p99_ms']:6.2f}  {f['processor_ms']:12.2f}"
        for name, f in figures.items()
    ]
    sys.stdout.write("\n".join([*lines, f"driver / bare SDK: {ratio:.2f} (at most 1.3)\n"]))
    pacing = keep_pace(options.minutes)
    result["pacing"] = asdict(pacing)
    sys.stdout.write(f"20 Hz for {options.minutes:g} min: {pacing} (no overruns, p99 at most 2 ms)\n")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
