"""The LEAP hand itself: joints, limits, geometry, MuJoCo model, servo parameters, self-collision."""
