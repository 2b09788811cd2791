"""The virtual hand: servo registers, packets and physics behind a pseudo-terminal, or stepped in process."""
