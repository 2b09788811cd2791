"""What ``gymnasium.make`` calls for each id."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gymnasium.vector import VectorEnv

from dexndm_gym.backends.backend import Backend
from dexndm_gym.backends.mujoco_hand import MujocoHand, Randomization
from dexndm_gym.envs.rotate_env import LeapRotateEnv
from dexndm_gym.envs.specs import wrapped
from dexndm_gym.envs.vector_env import LeapRotateVectorEnv
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.mesh_grasp_cache import choose_starts
from dexndm_gym.rendering.renderer import Camera
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.task.plain import config_of


def make_sim_env(
    *,
    object: Any = None,
    wrist: Any = None,
    axis: Any = None,
    randomize: bool = False,
    starts: str | Path | None = None,
    config: TaskConfig | Mapping[str, Any] | None = None,
    render_mode: str | None = None,
    camera: str | Camera | Mapping[str, Any] = "front",
) -> LeapRotateEnv:
    """``gymnasium.make("LeapRotate-Sim-v0")``.

    Args:
        object: name of an object or of a set of them; mesh file, as ``"bunny.obj,size=0.07,mass=0.1"`` or a path; an
            object itself, as ``dexndm_gym.load_mesh``, ``assemble`` or ``primitive`` makes it; or a list of these to
            draw from. None for the basic set. For objects of one's own grasps are looked for the first time.
        wrist: name, quaternion w x y z, named set or ``"random"``, or a list of them to draw from; None for palm up.
        axis: name, vector in the world frame, named set or ``"random"``, or a list of them to draw from; None for +z.
        randomize: vary the physics from episode to episode, and add noise to the observation.
        starts: file of start states that ``dexndm grasps`` wrote, used before the shipped ones; or ``"grasps"`` to
            start from grasps palm up, too, instead of with the object lying in the open hand.
        config: parameters of the task, or its fields by name; None for the paper's.
        render_mode: None, ``"rgb_array"`` or ``"human"``.
        camera: ``"front"``, ``"top"``, or a ``rendering.renderer.Camera`` of your own, or its fields by name.
    """
    options, task = _options(object, wrist, axis), config_of(TaskConfig, config)
    hand = _simulation(1, options, randomize, starts, num_threads=1)
    joint_pos_noise = task.joint_pos_noise if randomize else 0.0
    return LeapRotateEnv(
        hand,
        options=options,
        config=task,
        joint_pos_noise=joint_pos_noise,
        render_mode=render_mode,
        camera=_camera(camera),
    )


def make_sim_vector_env(
    *,
    num_envs: int = 1,
    object: Any = None,
    wrist: Any = None,
    axis: Any = None,
    randomize: bool = False,
    starts: str | Path | None = None,
    config: TaskConfig | Mapping[str, Any] | None = None,
    num_threads: int = 0,
    autoreset_mode: str = "NEXT_STEP",
    max_episode_steps: int | None = None,
    render_mode: str | None = None,
    camera: str | Camera | Mapping[str, Any] = "front",
    vector_wrappers: Sequence[Mapping[str, Any]] | None = None,
    backend: str = "mujoco",
    device: str = "cuda:0",
) -> VectorEnv[Any, Any, Any]:
    """``gymnasium.make_vec("LeapRotate-Sim-v0", vectorization_mode="vector_entry_point")``; see make_sim_env.

    Args:
        num_envs: number of hands.
        object: as in make_sim_env.
        wrist: as in make_sim_env.
        axis: as in make_sim_env.
        randomize: as in make_sim_env.
        starts: as in make_sim_env.
        config: as in make_sim_env.
        num_threads: threads that step the physics, 0 for all processors; results do not depend on it.
        autoreset_mode: ``"NEXT_STEP"``, as Gymnasium's own vector envs do and its wrappers expect, ``"SAME_STEP"`` or
            ``"DISABLED"``.
        max_episode_steps: steps after which an episode is truncated where that comes before the task's own end.
        render_mode: None or ``"rgb_array"``.
        camera: as in make_sim_env.
        vector_wrappers: what ``env.spec`` of a wrapped vector env holds, to make its wrappers again.
        backend: what steps the physics: ``"mujoco"`` on the CPU, or ``"warp"``, MuJoCo Warp on a GPU (extra ``gpu``).
        device: where Warp runs: a CUDA device, or ``"cpu"`` for trying things out, slowly.
    """
    options, task = _options(object, wrist, axis), config_of(TaskConfig, config)
    if max_episode_steps is not None:
        task = replace(task, episode_steps=min(max_episode_steps, task.episode_steps))
    if backend == "mujoco":
        hand = _simulation(num_envs, options, randomize, starts, num_threads=num_threads)
    elif backend == "warp":
        hand = _warp_simulation(num_envs, options, randomize, starts, device=device)
    else:
        raise ConfigurationError(f"Unknown backend {backend!r}; expected 'mujoco' or 'warp'")
    env = LeapRotateVectorEnv(
        hand,
        options=options,
        config=task,
        joint_pos_noise=task.joint_pos_noise if randomize else 0.0,
        autoreset_mode=autoreset_mode,
        render_mode=render_mode,
        camera=_camera(camera),
    )
    return wrapped(env, vector_wrappers)


def make_real_env(
    *,
    port: str | None = None,
    object: Any = None,
    wrist: Any = None,
    axis: Any = None,
    config: TaskConfig | Mapping[str, Any] | None = None,
    render_mode: str | None = None,
    camera: str | Camera | Mapping[str, Any] = "front",
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
        **connection: options of ``dexndm_gym.backends.connect.connect``.
    """
    from dexndm_gym.backends.connect import connect  # the driver is an extra

    options, task = _options(object, wrist, axis), config_of(TaskConfig, config)
    hand = connect(port, objects=options.objects, **connection)
    return LeapRotateEnv(hand, options=options, config=task, render_mode=render_mode, camera=_camera(camera))


# Gymnasium reads here which modes there are, and collects pictures itself where "rgb_array_list" is asked for.
for _make in (make_sim_env, make_real_env):
    _make.metadata = LeapRotateEnv.metadata  # type: ignore[attr-defined]


def _options(object: Any, wrist: Any, axis: Any) -> EpisodeOptions:
    return EpisodeOptions().updated({"object": object, "wrist": wrist, "axis": axis})


def _camera(camera: str | Camera | Mapping[str, Any]) -> str | Camera:
    return camera if isinstance(camera, str) else config_of(Camera, camera)


def _simulation(
    num_envs: int, options: EpisodeOptions, randomize: bool, starts: str | Path | None, *, num_threads: int
) -> Backend:
    return MujocoHand(
        num_envs,
        randomization=Randomization() if randomize else None,
        num_threads=num_threads,
        starts=choose_starts(options.objects, starts),
        objects=options.objects,
    )


def _warp_simulation(
    num_envs: int, options: EpisodeOptions, randomize: bool, starts: str | Path | None, *, device: str
) -> Backend:
    from dexndm_gym.backends.warp_array_hand import WarpArrayHand  # PyTorch takes seconds to load

    return WarpArrayHand(
        num_envs,
        objects=options.objects,
        starts=choose_starts(options.objects, starts),
        randomization=Randomization() if randomize else None,
        device=device,
    )
