"""Checkpoints of a training run on the processor: everything that a run needs to go on bit for bit where it was."""

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecNormalize

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.training.run_folder import read_checkpoint, write_checkpoint
from dexndm_gym.training.teacher_policy import SEEN, TeacherPolicy, copy_layers, linear_layers, silenced

_KIND = "dexndm_gym.training_checkpoint"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a run goes on from."""

    config: dict[str, Any]
    """``TrainConfig.what_must_match`` of the run."""

    networks: dict[str, Any]
    """Parameters and optimizer of stable-baselines3's model."""

    steps: int
    """Environment steps so far."""

    env: bytes
    """The pickled ``TeacherVecEnv``: simulations, random numbers and curriculum."""

    normalizer: bytes
    """Pickled running statistics of the observation."""

    loop: dict[str, Any]
    """What else the training loop keeps: latest observations, learning rate, random numbers of torch and NumPy."""


def save_checkpoint(path: Path, model: PPO, config: dict[str, Any], learning_rate: float) -> None:
    """Write a checkpoint between two updates, in place of the last one.

    Args:
        path: the file.
        model: the model, whose env is a ``VecNormalize`` around a ``TeacherVecEnv``.
        config: as in ``Checkpoint``.
        learning_rate: where the adaptive learning rate stands.
    """
    normalizer = normalizer_of(model)
    checkpoint = Checkpoint(
        config=config,
        networks=model.get_parameters(),
        steps=model.num_timesteps,
        env=pickle.dumps(normalizer.venv),
        normalizer=pickle.dumps(normalizer.obs_rms),
        loop={
            "last_observation": model._last_obs,
            "last_original_observation": normalizer.old_obs,
            "last_starts": model._last_episode_starts,
            "updates": model._n_updates,
            "learning_rate": learning_rate,
            "approx_kl": model.logger.name_to_value.get("train/approx_kl"),
            "torch": torch.get_rng_state(),
            "numpy": np.random.get_state(),
        },
    )
    write_checkpoint(path, _KIND, vars(checkpoint))


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        FileFormatError: there is no such file, or it is no checkpoint or a damaged one.
    """
    return Checkpoint(**read_checkpoint(path, _KIND))


def normalizer_of(model: PPO) -> VecNormalize:
    """The env of a model, which keeps the running statistics of its observation."""
    env = model.get_vec_normalize_env()
    if env is None:
        raise ConfigurationError("expected a model whose env is a VecNormalize")
    return env


def teacher_of(model: PPO) -> TeacherPolicy:
    """What a model has learned: the mean action of its policy, with the statistics that normalize its observation."""
    normalizer = normalizer_of(model)
    statistics = cast(RunningMeanStd, normalizer.obs_rms)
    actor, critic = linear_layers(*_actor(model)), linear_layers(*_critic(model))
    with torch.random.fork_rng(devices=[]), torch.no_grad():  # how often it is saved must not change the run
        teacher = TeacherPolicy(actor[0].in_features, tuple(layer.out_features for layer in actor[:-1]))
        copy_layers(actor + critic, teacher.layers)
        teacher.log_std.copy_(model.policy.log_std)
        deviation = np.sqrt(statistics.var + normalizer.epsilon)
        teacher.normalize_by(torch.from_numpy(statistics.mean), torch.from_numpy(deviation))
    return teacher.eval()


def take_over(model: PPO, teacher: TeacherPolicy) -> None:
    """Give a model the networks and the statistics of a teacher.

    Raises:
        ModelMismatchError: their sizes differ.
    """
    copy_layers(teacher.layers, linear_layers(*_actor(model), *_critic(model)))
    with torch.no_grad():
        model.policy.log_std.copy_(teacher.log_std)
    normalizer = normalizer_of(model)
    statistics = cast(RunningMeanStd, normalizer.obs_rms)
    statistics.mean = teacher.mean.numpy().astype(np.float64)
    statistics.var = np.square(teacher.std.numpy().astype(np.float64)) - normalizer.epsilon
    statistics.count = SEEN


def take_statistics(model: PPO, statistics: RunningMeanStd) -> None:
    """Give a model that is to learn something else the statistics of another run."""
    statistics.var = np.square(silenced(torch.from_numpy(np.sqrt(statistics.var))).numpy())
    normalizer_of(model).obs_rms = statistics


def _actor(model: PPO) -> tuple[torch.nn.Module, torch.nn.Module]:
    return model.policy.mlp_extractor.policy_net, model.policy.action_net


def _critic(model: PPO) -> tuple[torch.nn.Module, torch.nn.Module]:
    return model.policy.mlp_extractor.value_net, model.policy.value_net
