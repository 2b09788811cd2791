"""What the built-in names of backends stand for; simulators, PyTorch and drivers are loaded by what needs them."""

from typing import Any

from dexndm_gym.backends.backend import Backend
from dexndm_gym.backends.registry import BackendRequest
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.objects.scene import FREE


def mujoco(request: BackendRequest, *, num_threads: int = 0) -> Backend:
    """``"mujoco"``: MuJoCo on the processor.

    Args:
        request: what is wanted.
        num_threads: threads that step the hands, 0 for all processors; results do not depend on it.
    """
    from dexndm_gym.backends.mujoco_hand import MujocoHand

    return MujocoHand(
        request.num_hands,
        randomization=request.randomization,
        num_threads=1 if request.num_hands == 1 else num_threads,
        starts=request.start_states(),
        objects=request.objects,
    )


def warp(request: BackendRequest, *, device: str = "cuda:0", deterministic: bool = False) -> Backend:
    """``"warp"``: MuJoCo Warp on a GPU (extra ``gpu``).

    Args:
        request: what is wanted.
        device: a CUDA device, or ``"cpu"`` for trying things out, slowly.
        deterministic: let runs repeat to the last bit on a GPU, too, which takes more time.
    """
    from dexndm_gym.backends.warp_array_hand import WarpArrayHand

    return WarpArrayHand(
        request.num_hands,
        objects=request.objects,
        starts=request.start_states(),
        randomization=request.randomization,
        device=device,
        deterministic=deterministic,
    )


def virtual(request: BackendRequest, *, hand_seed: int = 0, num_threads: int = 0, surroundings: str = FREE) -> Backend:
    """``"virtual"``: virtual hands in this process, without a serial port.

    Args:
        request: what is wanted.
        hand_seed: which virtual hand; all are the same one.
        num_threads: threads that step the hands, 0 for all processors; results do not depend on it.
        surroundings: what loads the fingers, a name of ``dexndm_gym.objects.scene.SURROUNDINGS``.
    """
    from dexndm_gym.backends.virtual_hand import VirtualHand

    request.expect_given_physics("virtual")
    return VirtualHand([hand_seed] * request.num_hands, num_threads=num_threads, surroundings=surroundings)


def dynamixel(request: BackendRequest, *, port: str | None = None, **connection: Any) -> Backend:
    """``"dynamixel"``: the servos on a serial port, or a virtual hand behind one.

    Args:
        request: what is wanted.
        port: serial device, ``"virtual"``, or None for what DEXNDM_PORT names.
        **connection: options of ``dexndm_gym.backends.connect``.
    """
    from dexndm_gym.backends.hand_port import connect  # the driver is an extra

    request.expect_given_physics("dynamixel")
    if request.num_hands != 1:
        raise ConfigurationError(
            f"There is one hand behind a serial port; expected num_envs=1, got {request.num_hands}"
        )
    return connect(port, objects=request.objects, **connection)


def weak_servos(request: BackendRequest, *, stiffness: Any = 1.0, spin: float = 0.6) -> Backend:
    """``"weak_servos"``: joints that are first-order lags, for tests of one's own; see ``WeakServos``."""
    from dexndm_gym.backends.weak_servos import WeakServos

    request.expect_given_physics("weak_servos")
    return WeakServos(request.num_hands, stiffness=stiffness, spin=spin)
