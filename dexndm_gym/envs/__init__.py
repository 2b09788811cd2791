"""The environment, the vector environment, and what ``gymnasium.make`` calls."""

from dexndm_gym.envs.make import make_real_env, make_sim_env, make_sim_vector_env
from dexndm_gym.envs.rotate_env import LeapRotateEnv
from dexndm_gym.envs.vector_env import LeapRotateVectorEnv

__all__ = ["LeapRotateEnv", "LeapRotateVectorEnv", "make_real_env", "make_sim_env", "make_sim_vector_env"]
