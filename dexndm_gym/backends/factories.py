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


def isaacgym(
    request: BackendRequest,
    *,
    python: str | None = None,
    device: str = "cuda:0",
    seed: int = 0,
    timeout: float = 30.0,
    start_timeout: float = 900.0,
) -> Backend:
    """``"isaacgym"``: Isaac Gym Preview 4 in a process of its own; see docs/isaacgym.md.

    Args:
        request: what is wanted.
        python: a Python 3.8 in which ``import isaacgym`` works; None takes what ``DEXNDM_ISAACGYM_PYTHON`` names.
        device: a CUDA device, or ``"cpu"``.
        seed: draws what differs from hand to hand: masses and friction.
        timeout: seconds after which a step is given up.
        start_timeout: seconds after which starting is given up.
    """
    from dexndm_gym.backends.isaacgym_hand import IsaacGymHand
    from dexndm_gym.backends.isaacgym_process import IsaacGymProcess

    starts = request.start_states()
    worker = IsaacGymProcess(request.num_hands, python=python, timeout=timeout, start_timeout=start_timeout)
    return IsaacGymHand(
        worker,
        objects=request.objects,
        starts=starts,
        randomization=request.randomization,
        device=device,
        seed=seed,
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
    return VirtualHand(
        [hand_seed] * request.num_hands,
        num_threads=num_threads,
        surroundings=surroundings,
        starts=request.hand_starts(),
    )


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
    return connect(port, objects=request.objects, starts=request.hand_starts(), **connection)


def weak_servos(request: BackendRequest, *, stiffness: Any = 1.0, spin: float = 0.6) -> Backend:
    """``"weak_servos"``: joints that are first-order lags, for tests of one's own; see ``WeakServos``."""
    from dexndm_gym.backends.weak_servos import WeakServos

    request.expect_given_physics("weak_servos")
    request.expect_given_start("weak_servos")
    return WeakServos(request.num_hands, stiffness=stiffness, spin=spin)
