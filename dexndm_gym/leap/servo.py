"""The simulator's idea of a servo: the best simple fit of the nominal virtual servo."""

from dexndm_gym.leap.model import JointServo

_SIDE, _MAIN = 0.831, 1.049

SIM_SERVO = JointServo(
    stiffness=(_SIDE, _MAIN, _MAIN, _MAIN) * 3 + (_MAIN,) * 4,
    damping=0.0526,
    frictionloss=0.0126,
    armature=0.00202,
    torque_limit=0.232,
)
"""Printed by ``python benchmarks/identify_servo.py``."""
