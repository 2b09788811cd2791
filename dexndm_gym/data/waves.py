"""Base waves: one joint swings while all others stand at the middle of their range (DexNDM's ablation of its data)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import CONTROL_HZ, SIDE_JOINTS
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.hand.joints import JOINT_NAMES, LOWER_LIMITS, NUM_JOINTS, UPPER_LIMITS

MIDDLE = (LOWER_LIMITS + UPPER_LIMITS) / 2
"""The pose that waves start from, (16,), rad."""


_SHAPES: tuple[tuple[str, Callable[[FloatArray], FloatArray]], ...] = (
    ("sine", np.sin),
    ("sine", np.sin),
    ("square", lambda phase: np.sign(np.sin(phase))),
    ("noisy square", lambda phase: np.sign(np.sin(phase))),
)
"""As many sines as squares, half of the squares with noise: the paper's mixture."""

_NOISE = 0.01


def wave_trajectories(count: int, *, start: FloatArray, largest_step: float, steps: int, seed: int) -> list[Trajectory]:
    """Draw waves: amplitude 0.5 to 1 times half the joint's range, ``sin(2 w t)`` with w from 0.2 to 0.5 per second.

    The paper gives the amplitude no unit and says nothing of how fast commands may move.

    Args:
        count: how many.
        start: pose that the hand begins in, (16,), rad; it moves to the middle first.
        largest_step: largest change of a command in a control period, rad; squares get flanks that steep.
        steps: control periods of each.
        seed: of what is drawn.

    Returns:
        Trajectories of commands, for replays; their positions are those of joints that follow at once.
    """
    rng = np.random.default_rng(seed)
    return [_draw(rng, number, start, largest_step, steps) for number in range(count)]


def _draw(rng: np.random.Generator, number: int, start: FloatArray, largest_step: float, steps: int) -> Trajectory:
    joint = int(rng.choice([joint for joint in range(NUM_JOINTS) if joint not in SIDE_JOINTS]))
    amplitude, rate = float(rng.uniform(0.5, 1.0)), float(rng.uniform(0.2, 0.5))
    kind, shape = _SHAPES[number % len(_SHAPES)]
    way = int(np.ceil(np.abs(MIDDLE - start).max() / largest_step))
    wave = np.tile(MIDDLE, (steps, 1))
    half_range = (UPPER_LIMITS - LOWER_LIMITS)[joint] / 2
    wave[way:, joint] += (
        amplitude * half_range * shape(2 * rate / CONTROL_HZ * np.arange(steps - way, dtype=np.float64))
    )
    if kind == "noisy square":
        wave += _NOISE * rng.standard_normal(wave.shape)
    command, now = np.empty_like(wave), start
    for step, wanted in enumerate(wave):
        now = command[step] = np.clip(wanted, now - largest_step, now + largest_step)
    metadata: dict[str, Any] = {"wave": kind, "joint": JOINT_NAMES[joint], "amplitude": amplitude, "rate": rate}
    return Trajectory(np.vstack([start, command]), command, metadata)
