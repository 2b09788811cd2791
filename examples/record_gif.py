"""Film the shipped policy in six wrist orientations: the picture at the top of the README.

python examples/record_gif.py docs/images/rotate.gif
"""

import sys
from pathlib import Path

import gymnasium as gym
import imageio.v3 as imageio
import numpy as np

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.training.policy import load_policy

SECONDS, EVERY = 6, 4

FILMED = [
    ("palm_up", "hand+z", "cube"),
    ("palm_down", "hand-z", "cylinder"),
    ("thumb_up", "hand-z", "ellipsoid"),
    ("thumb_down", "hand+x", "ellipsoid"),
    ("base_up", "hand+z", "cylinder"),
    ("base_down", "hand-x", "ellipsoid"),
]
"""Wrist, axis and object of each part of the picture, seed 0."""


def film(wrist: str, axis: str, item: str) -> list[np.ndarray]:
    """Pictures of an episode, half size, five per second; the last one stays where the object is lost."""
    policy = load_policy()
    env = gym.make("LeapRotate-Sim-v0", object=item, wrist=wrist, axis=axis, starts="grasps", render_mode="rgb_array")
    observation, _ = env.reset(seed=0)
    frames, over = [], False
    for step in range(20 * SECONDS):
        if not over:
            observation, _, terminated, truncated, _ = env.step(policy.predict(observation)[0])
            over = terminated or truncated
        if step % EVERY == 0:
            frames.append(env.render()[::2, 80:560:2] if not over or not frames else frames[-1])
    env.close()
    return frames


if __name__ == "__main__":
    parts = [film(*setup) for setup in FILMED]
    pictures = [np.vstack([np.hstack(row[:3]), np.hstack(row[3:])]) for row in zip(*parts, strict=True)]
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    imageio.imwrite(target, pictures, duration=50 * EVERY, loop=0)
