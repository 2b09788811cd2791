"""Trajectories of joints: recording them, reading them, and servo logs of others."""
