"""Hands for learners of rsl-rl: simulated by MuJoCo Warp on a GPU, or by MuJoCo on the processor."""

import pickle
from dataclasses import replace
from typing import Any

from dexndm_gym.backends.warp_hand import WarpHand
from dexndm_gym.grasps.mesh_grasp_cache import choose_starts
from dexndm_gym.task.gravity_curriculum import GravityConfig, GravityCurriculum
from dexndm_gym.training.array_teacher_env import ArrayTeacherEnv
from dexndm_gym.training.learning_env import LearningEnv
from dexndm_gym.training.teacher_env import make_teacher_env
from dexndm_gym.training.tensor_teacher_env import TensorTeacherEnv
from dexndm_gym.training.train_config import TrainConfig


def make_learning_env(config: TrainConfig, checkpoint: dict[str, Any] | None) -> LearningEnv:
    """Simulated hands to learn on, seeded, or those of a checkpoint."""
    if config.backend == "mujoco":
        return ArrayTeacherEnv(make_teacher_env(config) if checkpoint is None else pickle.loads(checkpoint["env"]))
    if checkpoint is None:
        return make_tensor_env(config)
    curriculum, generator, resets = pickle.loads(checkpoint["env"])
    seed = (config.seed + checkpoint["steps"]) % 2**32  # episodes begin anew, and are to be others than before
    env = make_tensor_env(replace(config, seed=seed), curriculum)
    env.generator.set_state(generator)
    env.task.resets = resets.to(env.device)
    return env


def make_tensor_env(config: TrainConfig, curriculum: GravityCurriculum | None = None) -> TensorTeacherEnv:
    """Simulated hands on ``config.device`` to learn on, seeded."""
    options = config.options
    hand = WarpHand(
        config.num_envs,
        objects=options.objects,
        starts=choose_starts(options.objects, config.starts),
        randomization=config.randomization if config.randomize else None,
        device=config.device,
        seed=config.seed,
    )
    return TensorTeacherEnv(
        hand,
        options,
        config.task,
        curriculum or GravityCurriculum(_judging_fairly(config), config.object_sets),
        joint_pos_noise=config.joint_pos_noise(config.task),
        seed=config.seed,
    )


def _judging_fairly(config: TrainConfig) -> GravityConfig:
    """The curriculum's options, with enough episodes judged.

    After a change of gravity the first episodes to end are drops, as all others take their whole time. Of thousands of
    hands these few would be all that is judged; half as many episodes as a cell has hands are not over before then.
    """
    cells = len(config.object) * len(config.options.wrists) * len(config.options.axes)
    return replace(config.gravity, episodes=max(config.gravity.episodes, config.num_envs // (2 * cells)))
