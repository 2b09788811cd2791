"""Pictures of the hand, and a window."""
