"""Numbers that several rooms share, each with its one home."""

CONTROL_PERIOD = 0.05
"""Time between two actions, s (20 Hz, as in the paper)."""

CONTROL_HZ = 1.0 / CONTROL_PERIOD
"""Control rate, Hz."""

PHYSICS_TIMESTEP = 0.01
"""Physics step of the training simulation, s."""

GRAVITY = 9.81
"""m/s^2."""

SIDE_JOINTS = (0, 4, 8)
"""Joints that spread the fingers; the vendor drives them with lower gains."""
