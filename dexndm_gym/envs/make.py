"""What ``gymnasium.make`` calls for each id."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gymnasium.vector import VectorEnv

from dexndm_gym.backends.backend import Backend, TensorBackend
from dexndm_gym.backends.randomization import Randomization
from dexndm_gym.backends.registry import BackendFactory, BackendRequest, make_backend
from dexndm_gym.envs.rotate_env import LeapRotateEnv
from dexndm_gym.envs.specs import wrapped
from dexndm_gym.envs.vector_env import LeapRotateVectorEnv
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.rendering.camera import Camera
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.config_json import config_of
from dexndm_gym.task.extra_rewards import Rewards
from dexndm_gym.task.options import EpisodeOptions


def make_sim_env(
    *,
    object: Any = None,
    wrist: Any = None,
    axis: Any = None,
    randomize: bool | Randomization | Mapping[str, Any] = False,
    starts: str | Path | None = None,
    config: TaskConfig | Mapping[str, Any] | None = None,
    extra_rewards: Rewards | None = None,
    render_mode: str | None = None,
    camera: str | Camera | Mapping[str, Any] = "front",
    backend: str | BackendFactory = "mujoco",
    **backend_options: Any,
) -> LeapRotateEnv:
    """``gymnasium.make("LeapRotate-Sim-v0")``.

    Args:
        object: name of an object or of a set of them; mesh file, as ``"bunny.obj,size=0.07,mass=0.1"`` or a path; an
            object itself, as ``dexndm_gym.load_mesh``, ``assemble`` or ``primitive`` makes it; or a list of these to
            draw from. None for the basic set. For objects of one's own grasps are looked for the first time.
        wrist: name, quaternion w x y z, named set or ``"random"``, or a list of them to draw from; None for palm up.
        axis: name, vector in the world frame, named set or ``"random"``, or a list of them to draw from; None for +z.
        randomize: what to vary in the physics from episode to episode, a ``Randomization`` or its fields by name; True
            for its defaults. Noise is added to the observation then, too.
        starts: file of start states that ``dexndm grasps`` wrote, used before the shipped ones; or ``"grasps"`` to
            start from grasps palm up, too, instead of with the object lying in the open hand.
        config: parameters of the task, or its fields by name; None for the paper's.
        extra_rewards: terms of your own that are added to the reward: ``RewardFunction`` by name.
        render_mode: None, ``"rgb_array"`` or ``"human"``.
        camera: ``"front"``, ``"top"``, or a ``rendering.camera.Camera`` of your own, or its fields by name.
        backend: what moves the fingers: a name such as ``"mujoco"``, ``"module:name"`` of a function that makes it, or
            the function; see ``dexndm_gym.backends.registry``.
        **backend_options: options of that backend.
    """
    options, task = _options(object, wrist, axis), config_of(TaskConfig, config)
    varied = _randomization(randomize)
    request = _request(1, options, varied, starts)
    return LeapRotateEnv(
        make_backend(backend, request, backend_options),
        options=options,
        config=task,
        joint_pos_noise=0.0 if varied is None else task.joint_pos_noise,
        extra_rewards=extra_rewards,
        render_mode=render_mode,
        camera=_camera(camera),
    )


def make_sim_vector_env(
    *,
    num_envs: int = 1,
    object: Any = None,
    wrist: Any = None,
    axis: Any = None,
    randomize: bool | Randomization | Mapping[str, Any] = False,
    starts: str | Path | None = None,
    config: TaskConfig | Mapping[str, Any] | None = None,
    extra_rewards: Rewards | None = None,
    autoreset_mode: str = "NEXT_STEP",
    max_episode_steps: int | None = None,
    render_mode: str | None = None,
    camera: str | Camera | Mapping[str, Any] = "front",
    vector_wrappers: Sequence[Mapping[str, Any]] | None = None,
    tensors: str = "numpy",
    backend: str | BackendFactory = "mujoco",
    **backend_options: Any,
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
        extra_rewards: as in make_sim_env.
        autoreset_mode: ``"NEXT_STEP"``, as Gymnasium's own vector envs do and its wrappers expect, ``"SAME_STEP"`` or
            ``"DISABLED"``.
        max_episode_steps: steps after which an episode is truncated where that comes before the task's own end.
        render_mode: None or ``"rgb_array"``.
        camera: as in make_sim_env.
        vector_wrappers: what ``env.spec`` of a wrapped vector env holds, to make its wrappers again.
        tensors: what goes in and comes out: ``"numpy"``, or ``"torch"`` for tensors on the device of the backend, which
            not every backend has; see ``LeapRotateTensorEnv``.
        backend: as in make_sim_env; ``"warp"`` is MuJoCo Warp on a GPU (extra ``gpu``).
        **backend_options: options of that backend, such as ``num_threads`` of MuJoCo, ``device`` and ``deterministic``
            of Warp.
    """
    if tensors not in ("numpy", "torch"):
        raise ConfigurationError(f"Unknown tensors={tensors!r}; expected 'numpy' or 'torch'")
    if tensors == "torch" and extra_rewards:
        raise ConfigurationError("extra_rewards are functions of NumPy arrays; expected tensors='numpy' with them")
    options, task = _options(object, wrist, axis), config_of(TaskConfig, config)
    if max_episode_steps is not None:
        shorter = replace(task, episode_steps=max_episode_steps)  # which checks it
        task = min(task, shorter, key=lambda one: one.episode_steps)
    varied = _randomization(randomize)
    hands = make_backend(backend, _request(num_envs, options, varied, starts), backend_options)
    settings: dict[str, Any] = {
        "options": options,
        "config": task,
        "joint_pos_noise": 0.0 if varied is None else task.joint_pos_noise,
        "autoreset_mode": autoreset_mode,
        "render_mode": render_mode,
        "camera": _camera(camera),
    }
    if tensors == "torch":
        env = _tensor_env(hands, settings)
    else:
        env = LeapRotateVectorEnv(hands, extra_rewards=extra_rewards, **settings)
    return wrapped(env, vector_wrappers)


def make_real_env(
    *,
    object: Any = None,
    wrist: Any = None,
    axis: Any = None,
    starts: str | Path | None = None,
    config: TaskConfig | Mapping[str, Any] | None = None,
    extra_rewards: Rewards | None = None,
    render_mode: str | None = None,
    camera: str | Camera | Mapping[str, Any] = "front",
    backend: str | BackendFactory = "dynamixel",
    **backend_options: Any,
) -> LeapRotateEnv:
    """``gymnasium.make("LeapRotate-Real-v0")``.

    Args:
        object: what lies in the hand; as in make_sim_env.
        wrist: how the hand is mounted; as in make_sim_env.
        axis: as in make_sim_env.
        starts: where the object lies palm up: None for in the open hand, ``"grasps"`` for between the fingertips as in
            all other wrists; or a file of start states, whose grasps the hand then closes to.
        config: as in make_sim_env.
        extra_rewards: as in make_sim_env.
        render_mode: as in make_sim_env.
        camera: as in make_sim_env.
        backend: as in make_sim_env.
        **backend_options: options of that backend; of Dynamixel servos ``port``, the serial port of the hand, such as
            ``/dev/ttyUSB0``, or ``"virtual"`` for a virtual hand in a process of its own (None takes the environment
            variable ``DEXNDM_PORT``, and the virtual hand where that is not set), and all options of
            ``dexndm_gym.backends.connect``.
    """
    options = _options(object, wrist, axis)
    return LeapRotateEnv(
        make_backend(backend, _request(1, options, None, starts), backend_options),
        options=options,
        config=config_of(TaskConfig, config),
        extra_rewards=extra_rewards,
        render_mode=render_mode,
        camera=_camera(camera),
    )


# Gymnasium reads here which modes there are, and collects pictures itself where "rgb_array_list" is asked for.
for _make in (make_sim_env, make_real_env):
    _make.metadata = LeapRotateEnv.metadata  # type: ignore[attr-defined]


def _tensor_env(hands: Backend, settings: Mapping[str, Any]) -> VectorEnv[Any, Any, Any]:
    from dexndm_gym.envs.tensor_vector_env import LeapRotateTensorEnv  # loads PyTorch

    if not isinstance(hands, TensorBackend):
        raise ConfigurationError(
            f"{type(hands).__name__} has no tensors; expected tensors='numpy', or a backend that has some, as 'warp'"
        )
    return LeapRotateTensorEnv(hands.tensors, **settings)


def _options(object: Any, wrist: Any, axis: Any) -> EpisodeOptions:
    return EpisodeOptions().updated({"object": object, "wrist": wrist, "axis": axis})


def _camera(camera: str | Camera | Mapping[str, Any]) -> str | Camera:
    return camera if isinstance(camera, str) else config_of(Camera, camera)


def _randomization(randomize: bool | Randomization | Mapping[str, Any]) -> Randomization | None:
    if isinstance(randomize, bool):
        return Randomization() if randomize else None
    return config_of(Randomization, randomize)


def _request(
    num_hands: int, options: EpisodeOptions, randomization: Randomization | None, starts: str | Path | None
) -> BackendRequest:
    return BackendRequest(
        num_hands=num_hands,
        objects=options.objects,
        randomization=randomization,
        starts=starts,
    )
