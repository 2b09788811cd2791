"""Time of one lock-step cycle of the virtual hand with the vendor's library: 16 goals out, 16 times 10 bytes in.

python benchmarks/virtual_hand_cycle.py
"""

import struct
import time
from collections.abc import Callable

import dynamixel_sdk.port_handler
import numpy as np
from dynamixel_sdk import COMM_SUCCESS, GroupSyncRead, GroupSyncWrite, PortHandler, Protocol2PacketHandler

from dexndm_gym.virtual_hand.bus import Bus
from dexndm_gym.virtual_hand.client import VirtualHandProcess
from dexndm_gym.virtual_hand.clocks import LockStepClock
from dexndm_gym.virtual_hand.hand_physics import VirtualHandPhysics
from dexndm_gym.virtual_hand.packets import Instruction, encode
from dexndm_gym.virtual_hand.servo_chain import ServoChain

dynamixel_sdk.port_handler.LATENCY_TIMER = 100  # ms; on a busy machine its 16 are not enough
CYCLES = 300
BAUD = 4_000_000


def milliseconds(function: Callable[[], object]) -> str:
    times = []
    for _ in range(CYCLES):
        began = time.perf_counter()
        function()
        times.append(1000 * (time.perf_counter() - began))
    return f"median {np.median(times):.2f} ms, 99 % below {np.percentile(times, 99):.2f} ms"


def over_the_port() -> None:
    with VirtualHandProcess() as hand:
        port, handler = PortHandler(hand.port), Protocol2PacketHandler()
        if not (port.openPort() and port.setBaudRate(BAUD)):
            raise SystemExit("the port does not open")
        goals, readings = GroupSyncWrite(port, handler, 116, 4), GroupSyncRead(port, handler, 126, 10)
        for servo in range(16):
            handler.write1ByteTxRx(port, servo, 64, 1)
            goals.addParam(servo, list((2060).to_bytes(4, "little")))
            readings.addParam(servo)

        def cycle() -> None:
            goals.txPacket()
            if readings.txRxPacket() != COMM_SUCCESS:
                raise SystemExit("no answer")

        print("whole cycle over the port:     ", milliseconds(cycle))
        print("reading only over the port:    ", milliseconds(readings.txRxPacket))
        port.closePort()


def in_process() -> None:
    physics = VirtualHandPhysics([0])
    chain = ServoChain(physics)
    bus = Bus(chain, LockStepClock(chain).goals_written)
    parameters = struct.pack("<HH", 116, 4) + b"".join(struct.pack("<Bi", servo, 2060) for servo in range(16))
    goals = encode(0xFE, Instruction.SYNC_WRITE, parameters)
    readings = encode(0xFE, Instruction.SYNC_READ, struct.pack("<HH", 126, 10) + bytes(range(16)))
    request = goals + readings
    print("physics of 50 ms:              ", milliseconds(lambda: physics.advance(0.05)))
    print("registers, packets and physics:", milliseconds(lambda: bus.receive(request, BAUD)))


if __name__ == "__main__":
    over_the_port()
    in_process()
