"""What moves the fingers: the Backend protocol and the simulated, real and virtual hands behind it."""
