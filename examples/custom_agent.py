"""Train an agent of your own with stable-baselines3 on the observation that a real hand can give.

    python examples/custom_agent.py --steps 20000

The agent sees what the hand measures, no more, so it runs on LeapRotate-Real-v0 as it is. A minute of training shows
that the parts fit; for a policy that turns, use `dexndm train` and `dexndm distill`.
"""

from dataclasses import dataclass

import gymnasium as gym
import tyro
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

import dexndm_gym  # noqa: F401 (registers the ids)


@dataclass
class Options:
    steps: int = 20_000
    """Environment steps to train for."""
    seed: int = 0


def main(options: Options) -> None:
    envs = make_vec_env("LeapRotate-Sim-v0", n_envs=4, seed=options.seed, env_kwargs={"randomize": True})
    agent = PPO("MlpPolicy", envs, n_steps=256, batch_size=256, seed=options.seed, device="cpu")
    agent.learn(options.steps, progress_bar=True)

    hand = gym.make("LeapRotate-Real-v0", port="virtual")
    observation, info = hand.reset(seed=options.seed)
    ended = False
    while not ended:
        action, _ = agent.predict(observation, deterministic=True)
        observation, _, terminated, truncated, info = hand.step(action)
        ended = terminated or truncated
    print(f"on the virtual hand: {info['rotation']:.2f} rad in {info['time']:.1f} s")
    hand.close()


if __name__ == "__main__":
    main(tyro.cli(Options))
