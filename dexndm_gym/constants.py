"""Numbers of the task that many rooms share, each with one home."""

CONTROL_PERIOD = 0.05
"""Time between two targets, s: the control rate is 20 Hz."""
