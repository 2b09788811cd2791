"""Turn objects in a LEAP hand: the same Gymnasium environment in simulation and on the hand.

Importing this package registers two environments; the simulator and PyTorch are loaded when one of them is made.

* ``LeapRotate-Sim-v0``: the hand in MuJoCo, one or many at once.
* ``LeapRotate-Real-v0``: the hand over its servo protocol, or a virtual hand that speaks the same protocol.
"""

from gymnasium.envs.registration import register

__version__ = "0.1.0"

# No max_episode_steps: the environment itself ends an episode, so that single and vector environments agree.
register(
    id="LeapRotate-Sim-v0",
    entry_point="dexndm_gym.envs:make_sim_env",
    vector_entry_point="dexndm_gym.envs:make_sim_vector_env",
)
register(id="LeapRotate-Real-v0", entry_point="dexndm_gym.envs:make_real_env", nondeterministic=True)
