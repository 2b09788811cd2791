"""Drive a hand with nothing but the servo vendor's library: read all joints, then make a fist and open it again.

dexndm virtual-hand --link /tmp/hand &   # a virtual hand, no hardware needed
python examples/bare_sdk.py /tmp/hand
"""

import os
import sys
import time

from dynamixel_sdk import COMM_SUCCESS, GroupSyncRead, GroupSyncWrite, PortHandler, Protocol2PacketHandler

OPERATING_MODE, TORQUE_ENABLE, GOAL_CURRENT, PROFILE_VELOCITY = 11, 64, 102, 112
GOAL_POSITION, PRESENT_POSITION = 116, 132
CURRENT_BASED_POSITION = 5
SERVOS = range(16)
FLAT, BENT = 2048, 2600


def main(path: str) -> None:
    """Move the fingers at the vendor's profile velocity."""
    port, handler = PortHandler(path), Protocol2PacketHandler()
    if not (port.openPort() and port.setBaudRate(4_000_000)):
        sys.exit(f"cannot open {path}")
    reading = GroupSyncRead(port, handler, PRESENT_POSITION, 4)
    goals = GroupSyncWrite(port, handler, GOAL_POSITION, 4)
    for servo in SERVOS:
        reading.addParam(servo)
        goals.addParam(servo, list(FLAT.to_bytes(4, "little")))
        handler.write1ByteTxRx(port, servo, TORQUE_ENABLE, 0)
        handler.write1ByteTxRx(port, servo, OPERATING_MODE, CURRENT_BASED_POSITION)
        handler.write2ByteTxRx(port, servo, GOAL_CURRENT, 300)
        handler.write4ByteTxRx(port, servo, PROFILE_VELOCITY, 60)
        handler.write1ByteTxRx(port, servo, TORQUE_ENABLE, 1)
    for goal in (BENT, FLAT):
        for servo in SERVOS:
            sideways_or_thumb = servo % 4 == 0 or servo >= 12
            ticks = FLAT if sideways_or_thumb else goal
            goals.changeParam(servo, list(ticks.to_bytes(4, "little")))
        goals.txPacket()
        time.sleep(1.0)
        if reading.txRxPacket() != COMM_SUCCESS:
            sys.exit("the servos do not answer; is the hand on?")
        print([reading.getData(servo, PRESENT_POSITION, 4) for servo in SERVOS])
    for servo in SERVOS:
        handler.write1ByteTxRx(port, servo, TORQUE_ENABLE, 0)
    port.closePort()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("DEXNDM_PORT", "/dev/ttyUSB0"))
