"""The environment, the vector environment, and what ``gymnasium.make`` calls."""

from typing import TYPE_CHECKING

from dexndm_gym.lazy import lazy_names

if TYPE_CHECKING:
    from dexndm_gym.envs.make import make_real_env, make_sim_env, make_sim_vector_env
    from dexndm_gym.envs.rotate_env import LeapRotateEnv
    from dexndm_gym.envs.tensor_vector_env import LeapRotateTensorEnv
    from dexndm_gym.envs.vector_env import LeapRotateVectorEnv

__all__ = [
    "LeapRotateEnv",
    "LeapRotateTensorEnv",
    "LeapRotateVectorEnv",
    "make_real_env",
    "make_sim_env",
    "make_sim_vector_env",
]

__getattr__ = lazy_names(
    __name__,
    {
        "LeapRotateEnv": "dexndm_gym.envs.rotate_env",
        "LeapRotateTensorEnv": "dexndm_gym.envs.tensor_vector_env",
        "LeapRotateVectorEnv": "dexndm_gym.envs.vector_env",
        "make_real_env": "dexndm_gym.envs.make",
        "make_sim_env": "dexndm_gym.envs.make",
        "make_sim_vector_env": "dexndm_gym.envs.make",
    },
)
