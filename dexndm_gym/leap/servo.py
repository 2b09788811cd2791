"""The simulator's idea of a servo: the best simple fit of the nominal virtual servo."""

from dexndm_gym.leap.model import JointServo

_SIDE, _MAIN = 0.8374, 1.069

SIM_SERVO = JointServo(
    stiffness=(_SIDE, _MAIN, _MAIN, _MAIN) * 3 + (_MAIN,) * 4,
    damping=0.0508,
    frictionloss=0.01375,
    armature=0.001812,
    torque_limit=0.2111,
)
"""Printed by ``python benchmarks/identify_servo.py``."""
