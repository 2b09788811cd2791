"""What moves the fingers: the Backend protocol and the simulated, real and virtual hands behind it."""

from typing import TYPE_CHECKING

from dexndm_gym.lazy import lazy_names

if TYPE_CHECKING:
    from dexndm_gym.backends.backend import Backend, SimulatedBackend, TorqueHand
    from dexndm_gym.backends.dynamixel_config import DynamixelHandConfig, Operator, Tracker
    from dexndm_gym.backends.dynamixel_hand import DynamixelHand
    from dexndm_gym.backends.hand_port import connect
    from dexndm_gym.backends.mujoco_hand import MujocoHand
    from dexndm_gym.backends.randomization import Randomization
    from dexndm_gym.backends.registry import BackendFactory, BackendRequest, backend_names, make_backend
    from dexndm_gym.backends.virtual_hand import VirtualHand
    from dexndm_gym.backends.warp_array_hand import WarpArrayHand
    from dexndm_gym.backends.warp_hand import WarpHand
    from dexndm_gym.backends.weak_servos import WeakServos
    from dexndm_gym.hand.state import HandState

__all__ = [
    "Backend",
    "BackendFactory",
    "BackendRequest",
    "DynamixelHand",
    "DynamixelHandConfig",
    "HandState",
    "MujocoHand",
    "Operator",
    "Randomization",
    "SimulatedBackend",
    "TorqueHand",
    "Tracker",
    "VirtualHand",
    "WarpArrayHand",
    "WarpHand",
    "WeakServos",
    "backend_names",
    "connect",
    "make_backend",
]

__getattr__ = lazy_names(
    __name__,
    {
        "Backend": "dexndm_gym.backends.backend",
        "BackendFactory": "dexndm_gym.backends.registry",
        "BackendRequest": "dexndm_gym.backends.registry",
        "DynamixelHand": "dexndm_gym.backends.dynamixel_hand",
        "DynamixelHandConfig": "dexndm_gym.backends.dynamixel_config",
        "HandState": "dexndm_gym.hand.state",
        "MujocoHand": "dexndm_gym.backends.mujoco_hand",
        "Operator": "dexndm_gym.backends.dynamixel_config",
        "Randomization": "dexndm_gym.backends.randomization",
        "SimulatedBackend": "dexndm_gym.backends.backend",
        "TorqueHand": "dexndm_gym.backends.backend",
        "Tracker": "dexndm_gym.backends.dynamixel_config",
        "VirtualHand": "dexndm_gym.backends.virtual_hand",
        "WarpArrayHand": "dexndm_gym.backends.warp_array_hand",
        "WarpHand": "dexndm_gym.backends.warp_hand",
        "WeakServos": "dexndm_gym.backends.weak_servos",
        "backend_names": "dexndm_gym.backends.registry",
        "connect": "dexndm_gym.backends.hand_port",
        "make_backend": "dexndm_gym.backends.registry",
    },
)
