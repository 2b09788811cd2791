"""Run the shipped policy in simulation, then on a hand: the same lines, another id.

python examples/run_policy.py                  # the hand that DEXNDM_PORT names, else a virtual one: no hardware needed
python examples/run_policy.py /dev/ttyUSB0     # a LEAP hand
"""

import sys
from typing import Any

import gymnasium as gym

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.backends.address import find_hand
from dexndm_gym.training.policy import load_policy


def turn(env: gym.Env, seed: int) -> dict[str, Any]:
    """Play one episode; returns what is known at its end, such as the rotation about the axis, rad."""
    policy = load_policy()
    observation, info = env.reset(seed=seed)
    ended = False
    while not ended:
        action, _ = policy.predict(observation)
        observation, _, terminated, truncated, info = env.step(action)
        ended = terminated or truncated
    return info


if __name__ == "__main__":
    port = sys.argv[1] if len(sys.argv) > 1 else None
    for name, env in (
        ("simulation", gym.make("LeapRotate-Sim-v0", object="cylinder")),
        (find_hand(port), gym.make("LeapRotate-Real-v0", port=port, object="cylinder")),
    ):
        print(f"{name}: ", end="", flush=True)
        info = turn(env, seed=0)
        print(f"{info['rotation']:.1f} rad in {info['time']:.1f} s")
        env.close()
