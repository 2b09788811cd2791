"""The simulator's idea of a servo: the best simple fit of the nominal virtual servo."""

from dexndm_gym.hand.model import JointServo

_SIDE, _MAIN = 1.003, 1.278

SIM_SERVO = JointServo(
    stiffness=(_SIDE, _MAIN, _MAIN, _MAIN) * 3 + (_MAIN,) * 4,
    damping=0.06021,
    frictionloss=0.01632,
    armature=0.001595,
    torque_limit=0.1618,
)
"""Printed by ``python benchmarks/identify_servo.py``."""
