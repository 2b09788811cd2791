"""Driving the servos of a LEAP hand: bus, control tables as data, safety and pacing."""
