"""PPO teacher: stable-baselines3 on the vector env, with progress, TensorBoard, checkpoints and resume."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback, CallbackList, CheckpointCallback
from stable_baselines3.common.vec_env import VecMonitor

from dexndm_gym.envs.core import RotationTask
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.training.teacher_env import PracticeConfig, TeacherVecEnv
from dexndm_gym.training.torch_threads import one_torch_thread


@dataclass(frozen=True, kw_only=True)
class TrainConfig(PracticeConfig):
    """Options of a PPO run."""

    out: Path = Path("runs/teacher")
    """Folder for checkpoints, TensorBoard logs and the final teacher."""

    steps: int = 10_000_000
    """Environment steps to run in all."""

    horizon: int = 16
    """Steps of each hand between two updates."""

    epochs: int = 5
    """Passes over the collected steps per update."""

    minibatches: int = 8
    """Parts that each pass is cut into."""

    learning_rate: float = 1e-3
    """Where the learning rate starts; it then follows the policy's change per update."""

    target_kl: float = 0.03
    """Change per update (KL divergence) at which the learning rate stays as it is."""

    slow_steps: int = 3_000_000
    """Environment steps at first in which speed earns little, so that holding is learned before haste."""

    slow_clip: float = 0.5
    """Speed beyond which faster earns nothing in those steps, rad/s; then it is that of the task's reward."""

    discount: float = 0.99
    """Discount factor per control step."""

    width: tuple[int, ...] = (128, 128)
    """Hidden layers of policy and value network."""

    initial_std: float = 0.6
    """Standard deviation of the exploring actions at the start."""

    seed: int = 0
    """Seed of networks, environments and exploration."""

    checkpoint_every: int = 500_000
    """Environment steps between checkpoints."""

    resume: Path | None = None
    """A checkpoint (zip) to go on from."""

    task: TaskConfig = field(default_factory=TaskConfig)
    """Figures of the task."""


class AdaptiveLearningRate(BaseCallback):
    """Halves or doubles (by 1.5) the learning rate when an update changed the policy too much or too little."""

    def __init__(self, start: float, target_kl: float, bounds: tuple[float, float] = (5e-5, 3e-3)) -> None:
        """Start from a rate and keep it within bounds."""
        super().__init__()
        self._rate, self._target, self._bounds = start, target_kl, bounds

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        change = self.model.logger.name_to_value.get("train/approx_kl")
        if change is not None:
            factor = 1 / 1.5 if change > 2.0 * self._target else 1.5 if change < 0.5 * self._target else 1.0
            self._rate = float(np.clip(self._rate * factor, *self._bounds))
        rate = self._rate
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


class EpisodeStatistics(BaseCallback):
    """Logs rotation, time to fall and drops of the episodes that ended since the last update."""

    def __init__(self) -> None:
        """Start with no episodes."""
        super().__init__()
        self._ended: list[dict[str, float]] = []

    def _on_step(self) -> bool:
        self._ended += [info for info in self.locals["infos"] if "rotation" in info]
        return True

    def _on_rollout_end(self) -> None:
        if self._ended:
            for key in ("rotation", "time", "dropped"):
                self.logger.record(f"episode/{key}", float(np.mean([info[key] for info in self._ended])))
        self._ended.clear()


def make_teacher_env(config: TrainConfig) -> TeacherVecEnv:
    """The vector env that a teacher trains on."""
    noise = config.task.position_noise if config.randomise else 0.0
    return TeacherVecEnv(RotationTask(config.make_hand(), config.options, config.task, position_noise=noise))


@one_torch_thread()
def train_teacher(config: TrainConfig, *, progress: bool = True) -> Path:
    """Train a teacher.

    Returns:
        The final teacher, a zip of stable-baselines3, in ``config.out``.
    """
    config.out.mkdir(parents=True, exist_ok=True)
    env = VecMonitor(make_teacher_env(config))
    model = (
        PPO.load(config.resume, env=env, device="cpu", tensorboard_log=str(config.out))
        if config.resume
        else _new_model(config, env)
    )
    if config.resume:  # the off-axis curriculum goes on: so many episodes each hand has begun, at least
        resets = model.num_timesteps // (config.num_envs * config.task.episode_steps)
        env.set_attr("resets", np.full(config.num_envs, resets))
    callbacks = CallbackList(
        [
            AdaptiveLearningRate(config.learning_rate, config.target_kl),
            FirstSlowly(config.task, config.slow_clip, config.slow_steps),
            EpisodeStatistics(),
            CheckpointCallback(max(config.checkpoint_every // config.num_envs, 1), str(config.out), "teacher"),
        ]
    )
    remaining = config.steps - (model.num_timesteps if config.resume else 0)
    model.learn(remaining, callback=callbacks, progress_bar=progress, reset_num_timesteps=config.resume is None)
    final = config.out / "teacher.zip"
    model.save(final)
    env.close()
    return final


def _new_model(config: TrainConfig, env: VecMonitor) -> PPO:
    samples = config.num_envs * config.horizon
    return PPO(
        "MlpPolicy",
        env,
        n_steps=config.horizon,
        batch_size=samples // config.minibatches,
        n_epochs=config.epochs,
        learning_rate=config.learning_rate,
        gamma=config.discount,
        gae_lambda=0.95,
        clip_range=0.2,
        ent_coef=0.0,
        vf_coef=1.0,
        max_grad_norm=1.0,
        policy_kwargs={
            "net_arch": list(config.width),
            "activation_fn": torch.nn.ELU,
            "log_std_init": float(np.log(config.initial_std)),
        },
        tensorboard_log=str(config.out),
        seed=config.seed,
        device="cpu",
    )
