"""Environment steps per second of the vector env, for one object and for a mix: ``python benchmarks/vector_env.py``.

CPU time of one thread, best of three runs; small random actions, randomised physics, autoreset.
"""

import time

import numpy as np

from dexndm_gym.envs.make import make_sim_vector_env

CASES = {
    "basic objects, palm up, +z": {},
    "cube, palm up, +z": {"object": "cube"},
    "complex objects, palm up, +z": {"object": "complex"},
    "all objects, six wrists, random axes": {"object": "all", "wrist": "six", "axis": "random"},
}
NUM_ENVS, STEPS, RUNS = 64, 120, 3


def steps_per_second(options: dict[str, str]) -> float:
    env = make_sim_vector_env(num_envs=NUM_ENVS, randomise=True, num_threads=1, **options)
    env.reset(seed=0)
    actions = 0.3 * np.random.default_rng(0).uniform(-1.0, 1.0, (STEPS + 10, NUM_ENVS, 16)).astype(np.float32)
    for action in actions[:10]:
        env.step(action)
    begin = time.process_time()
    for action in actions[10:]:
        env.step(action)
    return STEPS * NUM_ENVS / (time.process_time() - begin)


for name, options in CASES.items():
    print(f"{name:40s} {max(steps_per_second(options) for _ in range(RUNS)):8.0f} env steps/s")
