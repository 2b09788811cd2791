"""Numbers that several rooms share, each with its one home."""

CONTROL_PERIOD = 0.05
"""Time between two actions, s (20 Hz, as in the paper)."""

CONTROL_HZ = 1.0 / CONTROL_PERIOD
"""Control rate, Hz."""

HISTORY = 10
"""Control steps that observations show, and that joint-wise models look back on: half a second, as in the paper."""

PHYSICS_TIMESTEP = 0.01
"""Physics step of the training simulation, s."""

VIRTUAL_TIMESTEP = 0.005
"""Physics step of the virtual hand, and control cycle of its servos, s."""

GRAVITY = 9.81
"""m/s^2."""

SIDE_JOINTS = (0, 4, 8)
"""Joints that spread the fingers; the vendor drives them with lower gains."""

P_GAIN, D_GAIN = 800, 200
"""Gains that servos are set to, as by the vendor, in the units of their registers."""

SIDE_GAIN = 0.75
"""Share of these gains that the joints in ``SIDE_JOINTS`` get."""

GOAL_CURRENT = 500
"""Current that bounds the servos' torque, mA. The vendor advises 300 for light, 500 to 600 for full hands."""

BAUDRATE = 4_000_000
"""Bits per second on the servo bus of a LEAP hand."""

TICKS_PER_TURN = 4096
"""Positions that a servo tells apart in one turn."""
