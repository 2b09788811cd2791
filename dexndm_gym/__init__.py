"""In-hand object rotation with the LEAP Hand: one Gymnasium environment in simulation and on the hand.

Importing this package registers two environments; the simulator and PyTorch are loaded when one of them is made.

* ``LeapRotate-Sim-v0``: the hand in MuJoCo, one or many at once.
* ``LeapRotate-Real-v0``: the hand over its servo protocol, or a virtual hand that speaks the same protocol.
"""

from typing import TYPE_CHECKING

from gymnasium.envs.registration import register

from dexndm_gym.lazy import lazy_names

if TYPE_CHECKING:
    from dexndm_gym.objects.meshes import load_mesh
    from dexndm_gym.objects.object_model import RotatableObject, assemble, primitive
    from dexndm_gym.objects.object_registry import register_object, register_object_set

__version__ = "0.1.0"

__all__ = ["RotatableObject", "assemble", "load_mesh", "primitive", "register_object", "register_object_set"]

__getattr__ = lazy_names(
    __name__,
    {
        "RotatableObject": "dexndm_gym.objects.object_model",
        "assemble": "dexndm_gym.objects.object_model",
        "load_mesh": "dexndm_gym.objects.meshes",
        "primitive": "dexndm_gym.objects.object_model",
        "register_object": "dexndm_gym.objects.object_registry",
        "register_object_set": "dexndm_gym.objects.object_registry",
    },
)

# No max_episode_steps: the environment itself ends an episode, so that single and vector environments agree.
register(
    id="LeapRotate-Sim-v0",
    entry_point="dexndm_gym.envs:make_sim_env",
    vector_entry_point="dexndm_gym.envs:make_sim_vector_env",
)
register(id="LeapRotate-Real-v0", entry_point="dexndm_gym.envs:make_real_env", nondeterministic=True)
