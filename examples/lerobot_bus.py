"""Drive a hand with LeRobot's own bus: ping, calibration, positions in, goals out.

pip install "lerobot[dynamixel]"
dexndm virtual-hand --link /tmp/hand &   # a virtual hand, no hardware needed
python examples/lerobot_bus.py /tmp/hand
"""

import os
import sys
import time

from lerobot.motors import Motor, MotorCalibration, MotorNormMode
from lerobot.motors.dynamixel import DynamixelMotorsBus, OperatingMode

FINGERS = ("index", "middle", "ring", "thumb")
JOINTS = ("side", "base", "middle", "tip")
FLAT, BENT = 2048, 2500


def make_bus(path: str) -> DynamixelMotorsBus:
    """The sixteen servos of a light hand, by name; LeRobot has no table for those of the full one yet."""
    names = [f"{finger}_{joint}" for finger in FINGERS for joint in JOINTS]
    motors = {name: Motor(i, "xl330-m288", MotorNormMode.DEGREES) for i, name in enumerate(names)}
    return DynamixelMotorsBus(path, motors)


def main(path: str) -> None:
    """Bend the index finger and open it again."""
    bus = make_bus(path)
    bus.connect(handshake=False)  # LeRobot opens ports at 1 Mbit/s
    bus.set_baudrate(4_000_000)
    missing = {motor.id for motor in bus.motors.values()} - set(bus.broadcast_ping() or {})
    if missing:
        sys.exit(f"these servos do not answer: {sorted(missing)}")
    bus.disable_torque()
    bus.write_calibration({name: MotorCalibration(m.id, 0, 0, 0, 4095) for name, m in bus.motors.items()})
    for name in bus.motors:
        bus.write("Operating_Mode", name, OperatingMode.CURRENT_POSITION.value)
        bus.write("Goal_Current", name, 300)
    bus.enable_torque()
    for goal in (BENT, FLAT):
        bus.sync_write("Goal_Position", {f"index_{joint}": goal for joint in JOINTS[1:]}, normalize=False)
        time.sleep(1.0)
        print(bus.sync_read("Present_Position", [f"index_{joint}" for joint in JOINTS], normalize=False))
    bus.disconnect()  # torque goes off


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("DEXNDM_PORT", "/dev/ttyUSB0"))
