"""The virtual hand: servo registers, packets and physics behind a pseudo-terminal, or stepped in process."""

VIRTUAL_PORT = "virtual"
"""Name that stands for a virtual hand instead of a serial device."""
