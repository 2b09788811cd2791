"""Teleoperation: somebody steers wrist and axis, a policy moves the fingers."""
