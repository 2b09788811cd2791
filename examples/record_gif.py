"""Film the shipped policy with the basic objects, side by side: the picture at the top of the README.

python examples/record_gif.py docs/images/rotate.gif
"""

import sys
from pathlib import Path

import gymnasium as gym
import imageio.v3 as imageio
import numpy as np

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.training.policy import load_policy

SECONDS, EVERY = 8, 2


def film(item: str) -> list[np.ndarray]:
    """Pictures of one episode, half size, ten per second."""
    policy = load_policy()
    env = gym.make("LeapRotate-Sim-v0", object=item, render_mode="rgb_array")
    observation, _ = env.reset(seed=0)
    frames = []
    for step in range(20 * SECONDS):
        observation, *_ = env.step(policy.predict(observation)[0])
        if step % EVERY == 0:
            frames.append(env.render()[40:440:2, 120:520:2])
    env.close()
    return frames


if __name__ == "__main__":
    rows = zip(*(film(item) for item in ("cylinder", "cube", "ellipsoid")), strict=True)
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    imageio.imwrite(target, [np.hstack(row) for row in rows], duration=50 * EVERY, loop=0)
