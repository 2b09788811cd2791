"""PPO teacher: stable-baselines3 on simulated hands, with TensorBoard, checkpoints and resume."""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.vec_env import VecNormalize

from dexndm_gym.errors import ModelMismatchError
from dexndm_gym.outputs import check_outputs
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.training.checkpoint import (
    Checkpoint,
    load_checkpoint,
    normalizer_of,
    save_checkpoint,
    take_over,
    take_statistics,
    teacher_of,
)
from dexndm_gym.training.curriculum_table import CurriculumTable, log_cells
from dexndm_gym.training.interrupts import Interrupt, noted_interrupt
from dexndm_gym.training.run_folder import checkpoint_file, require_goes_on, teacher_file
from dexndm_gym.training.teacher_env import TeacherVecEnv, make_teacher_env
from dexndm_gym.training.teacher_policy import CLIP, load_teacher
from dexndm_gym.training.torch_threads import one_torch_thread
from dexndm_gym.training.train_config import CLIP_RANGE, GAE_LAMBDA, MAX_GRADIENT, VALUE_WEIGHT, TrainConfig
from dexndm_gym.training.training_env import episodes_as_text


class AdaptiveLearningRate(BaseCallback):
    """Halves or doubles (by 1.5) the learning rate when an update changed the policy too much or too little."""

    def __init__(self, start: float, target_kl: float, bounds: tuple[float, float] = (5e-5, 3e-3)) -> None:
        """Start from a rate and keep it within bounds."""
        super().__init__()
        self.rate, self._target, self._bounds = start, target_kl, bounds
        self.last_change: float | None = None

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        change = self.model.logger.name_to_value.get("train/approx_kl", self.last_change)
        self.last_change = None
        if change is not None:
            factor = 1 / 1.5 if change > 2.0 * self._target else 1.5 if change < 0.5 * self._target else 1.0
            self.rate = float(np.clip(self.rate * factor, *self._bounds))
        rate = self.rate
        self.model.lr_schedule = lambda _: rate


class FirstSlowly(BaseCallback):
    """Lets speed earn little at first."""

    def __init__(self, task: TaskConfig, slow_clip: float, slow_steps: int) -> None:
        """Go over to ``task`` after so many steps; until then speed beyond ``slow_clip`` earns nothing."""
        super().__init__()
        self._task, self._steps = task, slow_steps
        self._slow_task = replace(task, reward=replace(task.reward, rotation_clip=slow_clip))

    def _on_rollout_start(self) -> None:
        self.training_env.set_attr("config", self._slow_task if self.num_timesteps < self._steps else self._task)

    def _on_step(self) -> bool:
        return True


class Checkpoints(BaseCallback):
    """Writes checkpoint and teacher every so many steps, between two updates, and when Ctrl-C ends the run."""

    def __init__(self, config: TrainConfig, rate: AdaptiveLearningRate, interrupt: Interrupt) -> None:
        """Write into ``config.out``."""
        super().__init__()
        self._config, self._rate, self._interrupt = config, rate, interrupt
        self._saved_at = 0

    def _on_training_start(self) -> None:
        self._saved_at = self.num_timesteps

    def _on_rollout_start(self) -> None:
        if self._interrupt.seen:
            self.save()
            raise KeyboardInterrupt
        if self.num_timesteps - self._saved_at >= self._config.checkpoint_every:
            self.save()

    def _on_step(self) -> bool:
        return True

    def save(self) -> None:
        """Write both files."""
        self._saved_at, model = self.num_timesteps, cast(PPO, self.model)
        save_checkpoint(checkpoint_file(self._config.out), model, self._config.what_must_match(), self._rate.rate)
        teacher = teacher_of(model)
        teacher.about = {"steps": str(self.num_timesteps), **episodes_as_text(self._config)}
        teacher.save(teacher_file(self._config.out))


class ShownCurriculum(BaseCallback):
    """Shows and logs how the cells of the curriculum do."""

    def __init__(self, table: CurriculumTable) -> None:
        """Show them in a table."""
        super().__init__()
        self._table = table

    def _on_training_start(self) -> None:
        self._table.start(self.num_timesteps)

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        report = cast(TeacherVecEnv, self.training_env.unwrapped).curriculum.report()
        log_cells(self.logger.record, report)
        self._table.show(self.num_timesteps, report)

    def _on_training_end(self) -> None:
        self._table.stop()


@one_torch_thread()
def train_teacher(config: TrainConfig, *, progress: bool = True) -> Path:
    """Train a teacher.

    Returns:
        The teacher's file (safetensors), in ``config.out``.

    Raises:
        ConfigurationError: ``config.out`` cannot be written; a checkpoint is of a run with other options, or already
            as far as ``config.steps``.
        FileFormatError: a checkpoint is missing, or not a checkpoint.
        ModelMismatchError: the networks to start from have other sizes.
        KeyboardInterrupt: says what was kept.
    """
    check_outputs(config)
    checkpoint = None
    if config.resume is not None:
        checkpoint = load_checkpoint(config.resume)
        steps, before = checkpoint.steps, checkpoint.config
        require_goes_on(config.resume, before, config.what_must_match(), steps=steps, wanted=config.steps)
    rate = AdaptiveLearningRate(config.learning_rate, config.target_kl)
    model = _new_model(config) if checkpoint is None else _resumed(config, checkpoint, rate)
    if config.start_from is not None:
        _start_from(model, config.start_from)
    left = config.steps - model.num_timesteps
    try:
        with noted_interrupt() as interrupt:
            checkpoints = Checkpoints(config, rate, interrupt)
            callbacks = [
                rate,
                FirstSlowly(config.task, config.slow_clip, config.slow_steps),
                ShownCurriculum(CurriculumTable(config.steps, shown=progress)),
                checkpoints,
            ]
            model.learn(left, callback=CallbackList(callbacks), reset_num_timesteps=checkpoint is None)
    except KeyboardInterrupt as error:
        kept = checkpoint_file(config.out)
        where = f"go on with --resume {kept}" if kept.exists() else "nothing was kept"
        raise KeyboardInterrupt(where) from error
    checkpoints.save()
    normalizer_of(model).close()
    return teacher_file(config.out)


def _new_model(config: TrainConfig, env: TeacherVecEnv | None = None) -> PPO:
    samples = config.num_envs * config.horizon
    normalized = VecNormalize(env or make_teacher_env(config), norm_reward=False, clip_obs=CLIP, gamma=config.discount)
    return PPO(
        "MlpPolicy",
        normalized,
        n_steps=config.horizon,
        batch_size=samples // config.parts,
        n_epochs=config.epochs,
        learning_rate=config.learning_rate,
        gamma=config.discount,
        gae_lambda=GAE_LAMBDA,
        clip_range=CLIP_RANGE,
        ent_coef=0.0,
        vf_coef=VALUE_WEIGHT,
        max_grad_norm=MAX_GRADIENT,
        policy_kwargs={
            "net_arch": list(config.width),
            "activation_fn": torch.nn.ELU,
            "log_std_init": float(np.log(config.initial_std)),
        },
        tensorboard_log=str(config.out),
        seed=config.seed if env is None else None,  # which would seed the env of a checkpoint anew
        device="cpu",
    )


def _resumed(config: TrainConfig, checkpoint: Checkpoint, rate: AdaptiveLearningRate) -> PPO:
    """A model that goes on where the checkpoint was."""
    model = _new_model(config, pickle.loads(checkpoint.env))
    loop, normalizer = checkpoint.loop, normalizer_of(model)
    model.set_parameters(checkpoint.networks)
    normalizer.obs_rms = pickle.loads(checkpoint.normalizer)
    normalizer.old_obs = loop["last_original_observation"]
    model.num_timesteps, model._n_updates = checkpoint.steps, loop["updates"]
    model._last_obs, model._last_episode_starts = loop["last_observation"], loop["last_starts"]
    rate.rate = loop["learning_rate"]
    rate.last_change = loop["approx_kl"]
    torch.set_rng_state(loop["torch"])
    np.random.set_state(loop["numpy"])
    return model


def _start_from(model: PPO, path: Path) -> None:
    """Take over networks and statistics of another run, from its checkpoint or its teacher; the optimizer starts anew.

    Raises:
        FileNotFoundError: there is no such teacher.
        FileFormatError: the file is something else.
        ModelMismatchError: the networks have other sizes.
    """
    try:
        if path.suffix == ".safetensors":
            take_over(model, load_teacher(path))
            return
        checkpoint = load_checkpoint(path)
        model.policy.load_state_dict(checkpoint.networks["policy"])
    except RuntimeError as error:
        raise ModelMismatchError(
            f"the networks of {path} do not fit: {str(error).splitlines()[-1].strip()}; give the --width and "
            "--task.reward.goal that it was trained with"
        ) from error
    take_statistics(model, pickle.loads(checkpoint.normalizer))
