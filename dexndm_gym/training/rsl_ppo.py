"""PPO by rsl-rl: teachers on the hands of MuJoCo Warp, students on any; with TensorBoard, checkpoints and resume."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dexndm_gym.errors import ConfigurationError, MissingExtraError
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.outputs import check_outputs
from dexndm_gym.training.curriculum_table import CurriculumTable, log_cells
from dexndm_gym.training.interrupts import Interrupt, noted_interrupt
from dexndm_gym.training.make_learning_env import make_learning_env
from dexndm_gym.training.policy import load_policy
from dexndm_gym.training.run_folder import (
    checkpoint_file,
    read_checkpoint,
    require_goes_on,
    student_file,
    teacher_file,
    write_checkpoint,
)
from dexndm_gym.training.teacher_policy import load_teacher
from dexndm_gym.training.train_config import (
    CLIP_RANGE,
    GAE_LAMBDA,
    MAX_GRADIENT,
    REWARD_SCALE,
    VALUE_WEIGHT,
    TrainConfig,
)
from dexndm_gym.training.training_env import episodes_as_text

try:
    from rsl_rl.algorithms import PPO  # pyright: ignore[reportMissingImports]
    from rsl_rl.storage import RolloutStorage  # pyright: ignore[reportMissingImports]
    from torch.utils.tensorboard import SummaryWriter

    from dexndm_gym.training.rsl_networks import (
        StudentModel,
        new_actor,
        new_critic,
        observed,
        take_over,
        teacher_of,
    )
except ImportError as missing:
    raise MissingExtraError(
        f"Training on a GPU, or of a student, needs a library that is not installed ({missing}); install it with: "
        "pip install 'dexndm_gym[gpu,train]'"
    ) from missing

_KIND = "dexndm_gym.rsl_training_checkpoint"

_BETWEEN_CHECKPOINTS = 60.0
"""Time between two checkpoints, s."""

_FIRST_RATE = 1e-5
"""Learning rate with which a student begins to learn. The first steps of Adam move every weight by the learning rate,
whatever the gradient: at 2e-4 they changed a student beyond recognition, and its gaits were lost."""


class RslTraining:
    """A run: environment, networks, optimizer, and how far they are."""

    def __init__(self, config: TrainConfig) -> None:
        """Begin a run, or go on with the one of ``config.resume``.

        Raises:
            as ``train_with_rsl_rl``.
        """
        checkpoint = None
        if config.resume is not None:
            checkpoint = read_checkpoint(config.resume, _KIND)
            steps, before = checkpoint["steps"], checkpoint["config"]
            require_goes_on(config.resume, before, config.what_must_match(), steps=steps, wanted=config.steps)
        torch.manual_seed(config.seed)
        self.config, self.steps = config, 0
        self.env = make_learning_env(config, checkpoint)
        self._seen = self._look(self.env.observation())
        self.algorithm = _new_algorithm(config, self._seen)
        if checkpoint is not None:
            self._restore(checkpoint)
        elif config.start_from is not None:
            self._start_from(config.start_from)
        else:
            for network in (self.algorithm.actor, self.algorithm.critic):
                network.update_normalization(self._seen)

    def update(self) -> dict[str, float]:
        """Collect ``horizon`` steps of each hand and learn from them; returns what there is to log."""
        began, c = time.monotonic(), self.config
        slow = replace(c.task, reward=replace(c.task.reward, rotation_clip=c.slow_clip))
        self.env.set_task(slow if self.steps < c.slow_steps else c.task)
        with torch.no_grad():
            for _ in range(c.horizon):
                step = self.env.step(self.algorithm.act(self._seen))
                self._seen = self._look(step.observation)
                ended = {"time_outs": step.truncated.float()}
                self.algorithm.process_env_step(self._seen, REWARD_SCALE * step.reward, step.done, ended)
            self.algorithm.compute_returns(self._seen)
            self.env.update_curriculum()
        collected = time.monotonic()
        self._let_learn()
        losses = self.algorithm.update()
        spent, samples = time.monotonic() - began, c.num_envs * c.horizon
        self.steps += samples
        return {
            "time/steps_per_second": samples / spent,
            "time/collecting_share": (collected - began) / spent,
            "train/learning_rate": self.algorithm.learning_rate,
            "train/std": float(self.algorithm.actor.output_std.detach().mean()),
            **{f"train/{name}_loss": value for name, value in losses.items()},
            **self.env.troubles(),
        }

    def save(self) -> None:
        """Write the checkpoint, and the teacher or student."""
        c, device = self.config, self.env.device
        content = {
            "config": c.what_must_match(),
            "steps": self.steps,
            "networks": self.algorithm.save(),
            "env": self.env.state(),
            "random": {
                "torch": torch.get_rng_state(),
                "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
            },
        }
        write_checkpoint(checkpoint_file(c.out), _KIND, content)
        self._save_learned()

    def _look(self, teacher: Tensor) -> Any:
        """What the networks see, given what a teacher does, (n, m)."""
        return observed(teacher, None if self.config.student is None else self.env.student_observation())

    def _let_learn(self) -> None:
        """Have a student wait until its critic can tell good from bad, and begin with small steps then."""
        c = self.config
        learned = self.steps - c.critic_steps
        waits = c.student is not None and learned < 0
        self.algorithm.actor.requires_grad_(not waits)
        self.algorithm.schedule = "fixed" if waits else "adaptive"  # no change is no reason to learn faster
        if c.student is not None and 0 <= learned < c.num_envs * c.horizon:
            self.algorithm.learning_rate = min(self.algorithm.learning_rate, _FIRST_RATE)

    def _save_learned(self) -> None:
        c, actor = self.config, self.algorithm.actor
        student = isinstance(actor, StudentModel)
        learned = actor.student if student else teacher_of(actor, self.algorithm.critic)
        learned.about = {"steps": str(self.steps), **episodes_as_text(c)}
        learned.save(student_file(c.out) if student else teacher_file(c.out))

    def _restore(self, checkpoint: dict[str, Any]) -> None:
        """Go on with all that a checkpoint has learned."""
        self.steps = checkpoint["steps"]
        self.algorithm.load(checkpoint["networks"], None, strict=True)
        random, device = checkpoint["random"], self.env.device
        torch.set_rng_state(random["torch"])
        if device.type == "cuda" and random["cuda"] is not None:
            torch.cuda.set_rng_state(random["cuda"], device)

    def _start_from(self, path: Path) -> None:
        """Take over networks and statistics of another run; the optimizer starts anew."""
        actor, critic = self.algorithm.actor, self.algorithm.critic
        if path.suffix == ".safetensors":
            take_over(actor, critic, load_teacher(path))
            return
        teacher = load_teacher(teacher_file(path.parent))  # written with every checkpoint
        if teacher.about.get("steps") != str(read_checkpoint(path)["steps"]):
            raise ConfigurationError(
                f"{path} is of another step than the teacher beside it, whose networks would be taken; give that "
                f"teacher, {teacher_file(path.parent)}, or another one"
            )
        take_over(actor, critic, teacher)


def train_with_rsl_rl(config: TrainConfig, *, progress: bool = True) -> Path:
    """Train a teacher, or refine a student.

    Returns:
        Its file (safetensors), in ``config.out``.

    Raises:
        ConfigurationError: ``config.out`` cannot be written; there is no such device; an object cannot be simulated
            there; a checkpoint is of a run with other options, or already as far as ``config.steps``.
        FileFormatError: a checkpoint is missing, or not a checkpoint.
        MissingExtraError: MuJoCo Warp is not installed.
        ModelMismatchError: the networks to start from have other sizes.
        KeyboardInterrupt: says what was kept.
    """
    check_outputs(config)
    training = RslTraining(config)
    table = CurriculumTable(config.steps, shown=progress)
    table.start(training.steps)
    try:
        with noted_interrupt() as interrupt, SummaryWriter(str(config.out)) as log:
            _run(training, table, log, interrupt)
    finally:
        table.stop()
    training.save()
    if interrupt.seen:
        raise KeyboardInterrupt(f"go on with --resume {checkpoint_file(config.out)}")
    return teacher_file(config.out) if config.student is None else student_file(config.out)


def _run(training: RslTraining, table: CurriculumTable, log: SummaryWriter, interrupt: Interrupt) -> None:
    """Learn until all steps are made or Ctrl-C is pressed."""
    saved = time.monotonic()
    while training.steps < training.config.steps and not interrupt.seen:
        values = training.update()
        report = training.env.curriculum.report()
        for name, value in values.items():
            log.add_scalar(name, value, training.steps)
        log_cells(lambda name, value: log.add_scalar(name, value, training.steps), report)
        table.show(training.steps, report)
        if time.monotonic() - saved > _BETWEEN_CHECKPOINTS:
            saved = time.monotonic()
            training.save()


def _new_algorithm(config: TrainConfig, seen: Any) -> PPO:
    device = str(seen.device)
    if config.student is None:
        actor = new_actor(seen, config.width, config.initial_std)
    else:
        actor = StudentModel(seen, load_policy(config.student), config.initial_std).to(seen.device)
    critic = new_critic(seen, config.width)
    storage = RolloutStorage("rl", config.num_envs, config.horizon, seen, [NUM_JOINTS], device)
    return PPO(
        actor,
        critic,
        storage,
        num_learning_epochs=config.epochs,
        num_mini_batches=config.parts,
        learning_rate=config.learning_rate,
        desired_kl=config.target_kl,
        gamma=config.discount,
        lam=GAE_LAMBDA,
        clip_param=CLIP_RANGE,
        entropy_coef=0.0,
        value_loss_coef=VALUE_WEIGHT,
        max_grad_norm=MAX_GRADIENT,
        use_clipped_value_loss=False,
        device=device,
    )
