"""What ``gymnasium.make`` calls for each id."""

from pathlib import Path
from typing import Any

from dexndm_gym.envs.hand import Hand
from dexndm_gym.envs.hands.mujoco_hand import MujocoHand, Randomisation
from dexndm_gym.envs.rotate_env import LeapRotateEnv
from dexndm_gym.envs.vector_env import LeapRotateVectorEnv
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.leap.found_starts import starts_of
from dexndm_gym.leap.picture import Camera
from dexndm_gym.leap.starts import StartStates
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.options import EpisodeOptions


def make_sim_env(
    *,
    object: Any = None,
    wrist: Any = None,
    axis: Any = None,
    randomise: bool = False,
    starts: str | Path | None = None,
    config: TaskConfig | None = None,
    render_mode: str | None = None,
    camera: str | Camera = "front",
) -> LeapRotateEnv:
    """``gymnasium.make("LeapRotate-Sim-v0")``.

    Args:
        object: name, list of names, or named set of objects to draw from; None for the basic set. Also a mesh file, as
            ``"bunny.obj"``, ``"bunny.obj,size=0.07,mass=0.1"`` or ``load_mesh("bunny.obj", size=0.07, mass=0.1)`` of
            ``dexndm_gym.leap.meshes``; the first time it is decomposed, and grasps of it are looked for.
        wrist: name, quaternion w x y z, named set or ``"random"``, or a list of them to draw from; None for palm up.
        axis: name, vector in the world frame, named set or ``"random"``, or a list of them to draw from; None for +z.
        randomise: vary the physics from episode to episode, and add noise to the observation.
        starts: file of start states that ``dexndm grasps`` wrote, used before the shipped ones.
        config: figures of the task; None for the paper's.
        render_mode: None, ``"rgb_array"`` or ``"human"``.
        camera: ``"front"``, ``"top"``, or a ``leap.picture.Camera`` of your own.
    """
    options = _options(object, wrist, axis)
    hand, noise, config = _simulation(1, options, randomise, config, starts, num_threads=1)
    return LeapRotateEnv(hand, options=options, config=config, noise=noise, render_mode=render_mode, camera=camera)


def make_sim_vector_env(
    *,
    num_envs: int = 1,
    object: Any = None,
    wrist: Any = None,
    axis: Any = None,
    randomise: bool = False,
    starts: str | Path | None = None,
    config: TaskConfig | None = None,
    num_threads: int = 0,
    backend: str = "mujoco",
    device: str = "cuda:0",
) -> LeapRotateVectorEnv:
    """``gymnasium.make_vec("LeapRotate-Sim-v0", vectorization_mode="vector_entry_point")``; see make_sim_env.

    Args:
        num_envs: number of hands.
        object: as in make_sim_env.
        wrist: as in make_sim_env.
        axis: as in make_sim_env.
        randomise: as in make_sim_env.
        starts: as in make_sim_env.
        config: as in make_sim_env.
        num_threads: threads that step the physics, 0 for all processors; results do not depend on it.
        backend: what steps the physics: ``"mujoco"`` on the CPU, or ``"warp"``, MuJoCo Warp on a GPU (extra ``gpu``).
        device: where Warp runs: a CUDA device, or ``"cpu"`` for trying things out, slowly.
    """
    options = _options(object, wrist, axis)
    if backend == "mujoco":
        hand, noise, config = _simulation(num_envs, options, randomise, config, starts, num_threads=num_threads)
    elif backend == "warp":
        hand, noise, config = _warp_simulation(num_envs, options, randomise, config, starts, device=device)
    else:
        raise ConfigurationError(f"Unknown backend {backend!r}; expected 'mujoco' or 'warp'")
    return LeapRotateVectorEnv(hand, options=options, config=config, noise=noise)


def make_real_env(
    *,
    port: str | None = None,
    object: Any = None,
    wrist: Any = None,
    axis: Any = None,
    config: TaskConfig | None = None,
    render_mode: str | None = None,
    camera: str | Camera = "front",
    **connection: Any,
) -> LeapRotateEnv:
    """``gymnasium.make("LeapRotate-Real-v0")``.

    Args:
        port: serial port of the hand, such as ``/dev/ttyUSB0``, or ``"virtual"`` for a virtual hand in a process of its
            own. None takes the environment variable ``DEXNDM_PORT``, and the virtual hand where that is not set.
        object: what lies in the hand; as in make_sim_env.
        wrist: how the hand is mounted; as in make_sim_env.
        axis: as in make_sim_env.
        config: as in make_sim_env.
        render_mode: as in make_sim_env.
        camera: as in make_sim_env.
        **connection: options of ``dexndm_gym.envs.hands.connect.connect``.
    """
    from dexndm_gym.envs.hands.connect import connect  # the driver is an extra

    options = _options(object, wrist, axis)
    hand = connect(port, objects=options.objects, **connection)
    return LeapRotateEnv(hand, options=options, config=config, render_mode=render_mode, camera=camera)


def _options(object: Any, wrist: Any, axis: Any) -> EpisodeOptions:
    return EpisodeOptions().updated({"object": object, "wrist": wrist, "axis": axis})


def _simulation(
    num_envs: int,
    options: EpisodeOptions,
    randomise: bool,
    config: TaskConfig | None,
    starts: str | Path | None,
    *,
    num_threads: int,
) -> tuple[Hand, float, TaskConfig]:
    config = config or TaskConfig()
    randomisation = Randomisation() if randomise else None
    hand = MujocoHand(
        num_envs,
        randomisation=randomisation,
        num_threads=num_threads,
        starts=_starts(options, starts),
        objects=options.objects,
    )
    return hand, config.position_noise if randomise else 0.0, config


def _warp_simulation(
    num_envs: int,
    options: EpisodeOptions,
    randomise: bool,
    config: TaskConfig | None,
    starts: str | Path | None,
    *,
    device: str,
) -> tuple[Hand, float, TaskConfig]:
    from dexndm_gym.envs.hands.warp_array_hand import WarpArrayHand  # PyTorch takes seconds to load

    config = config or TaskConfig()
    hand = WarpArrayHand(
        num_envs,
        objects=options.objects,
        starts=_starts(options, starts),
        randomization=Randomisation() if randomise else None,
        device=device,
    )
    return hand, config.position_noise if randomise else 0.0, config


def _starts(options: EpisodeOptions, extra: str | Path | None) -> StartStates:
    return starts_of(options.objects, *([] if extra is None else [Path(extra)]))
