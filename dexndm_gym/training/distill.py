"""Distillation: a student that sees only what a real hand measures learns the teacher's actions."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from tqdm import tqdm

from dexndm_gym.checks import Count, LearningRate, Seed
from dexndm_gym.envs.vector_env import LeapRotateVectorEnv
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.outputs import Output, check_outputs
from dexndm_gym.task.config import OBSERVATION_SIZE, TaskConfig
from dexndm_gym.training.policy import StudentPolicy, load_policy
from dexndm_gym.training.practice import PracticeConfig
from dexndm_gym.training.teacher_observation import teacher_observation
from dexndm_gym.training.teacher_policy import TeacherPolicy, load_teacher
from dexndm_gym.training.torch_threads import one_torch_thread

_NOTHING = "no round was finished and nothing written"


@dataclass(frozen=True, kw_only=True)
class DistillConfig(PracticeConfig):
    """Options of a distillation."""

    teacher: Path
    """The teacher (teacher.safetensors) that ``dexndm train`` wrote."""

    out: Annotated[Path, Output(suffixes=(".safetensors",))] = Path("runs/student.safetensors")
    """File to write the student to."""

    resume: Path | None = None
    """A student to go on from."""

    rounds: Count = 60
    """Rounds of collecting and learning."""

    steps: Count = 50
    """Control steps of each hand per round."""

    updates: Count = 200
    """Gradient steps per round."""

    batch_size: Count = 2048
    """Samples per gradient step."""

    learning_rate: LearningRate = 1e-3
    """Learning rate of the first round; falls to a twentieth along a cosine."""

    memory: Count = 600_000
    """Newest samples to learn from."""

    seed: Seed = 0
    """Seed of network, environments and batches."""

    task: TaskConfig = field(default_factory=TaskConfig)
    """Parameters of the task."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigurationError: a value is out of range, or memory is too small for a step of all hands.
        """
        super().__post_init__()
        if self.memory < self.num_envs:
            raise ConfigurationError(
                f"memory must hold a sample of each of the {self.num_envs} hands, got {self.memory}"
            )


class SampleMemory:
    """The newest samples of (observation, teacher's action)."""

    def __init__(self, size: int) -> None:
        """Reserve memory for ``size`` samples."""
        self._observations = torch.empty((size, OBSERVATION_SIZE))
        self._actions = torch.empty((size, NUM_JOINTS))
        self._next, self._filled = 0, 0

    def add(self, observations: torch.Tensor, actions: torch.Tensor) -> None:
        """Overwrite the oldest samples."""
        rows = (self._next + torch.arange(len(observations))) % len(self._observations)
        self._observations[rows], self._actions[rows] = observations, actions
        self._next = int(rows[-1]) + 1
        self._filled = max(self._filled, min(self._filled + len(rows), len(self._observations)))

    def draw(self, count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Random samples, with replacement."""
        rows = torch.randint(self._filled, (count,), generator=generator)
        return self._observations[rows], self._actions[rows]


@one_torch_thread()
def distill(config: DistillConfig, *, progress: bool = True) -> Path:
    """Distill by DAgger: the student acts more and more of the time, the teacher says what it would have done.

    The paper clones surviving trajectories instead, since DAgger failed for it in reality; on our hands DAgger gives
    the better student for the same minutes.

    Returns:
        The file of the student.

    Raises:
        ConfigurationError: ``config.out`` cannot be written.
        FileNotFoundError: there is no such teacher.
        FileFormatError: the teacher's file is something else.
        ModelMismatchError: the teacher sees something else than these hands show.
        KeyboardInterrupt: says what was kept.
    """
    check_outputs(config)
    teacher = load_teacher(config.teacher)
    torch.manual_seed(config.seed)
    student = load_policy(config.resume) if config.resume else StudentPolicy()
    hand, joint_pos_noise = config.make_hand(), config.task.joint_pos_noise
    env = LeapRotateVectorEnv(hand, options=config.options, config=config.task, joint_pos_noise=joint_pos_noise)
    optimizer = torch.optim.Adam(student.parameters(), lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.rounds, config.learning_rate / 20)
    memory = SampleMemory(config.memory)
    generator = torch.Generator().manual_seed(config.seed)
    observation, _ = env.reset(seed=config.seed)
    teacher.predict(teacher_observation(env.task))  # better to learn now than later that it sees something else
    bar = tqdm(range(config.rounds), desc="distill", unit="round", disable=not progress)
    finished = 0
    try:
        for index in bar:
            share = 0.0 if config.resume is None and index == 0 else min(1.0, 0.2 + index / (0.4 * config.rounds))
            observation, rotation = _collect(env, teacher, student, memory, observation, config.steps, share)
            student.train()
            loss = np.mean(
                [_update(student, optimizer, *memory.draw(config.batch_size, generator)) for _ in range(config.updates)]
            )
            schedule.step()
            bar.set_postfix(loss=f"{loss:.4f}", rad_per_s=f"{rotation:.2f}", student=f"{share:.0%}")
            student.eval().save(config.out)
            finished += 1
    except KeyboardInterrupt as error:
        kept = f"the student so far is in {config.out}; go on with --resume {config.out}" if finished else _NOTHING
        raise KeyboardInterrupt(kept) from error
    finally:
        bar.close()
        env.close()
    return config.out


def _collect(
    env: LeapRotateVectorEnv,
    teacher: TeacherPolicy,
    student: StudentPolicy,
    memory: SampleMemory,
    observation: np.ndarray,
    steps: Count,
    share: float,
) -> tuple[np.ndarray, float]:
    """Let the student act on ``share`` of the hands; returns the last observation and the mean speed, rad/s."""
    speeds = []
    student_acts = (np.arange(env.num_envs) < share * env.num_envs)[:, None]
    for _ in range(steps):
        wanted, _ = teacher.predict(teacher_observation(env.task))
        memory.add(torch.from_numpy(observation), torch.from_numpy(wanted))
        action = np.where(student_acts, student.predict(observation)[0], wanted)
        observation, _, _, _, info = env.step(action)
        speeds.append(info["rotation_speed"].mean())
    return observation, float(np.mean(speeds))


def _update(
    student: StudentPolicy, optimizer: torch.optim.Optimizer, observations: torch.Tensor, actions: torch.Tensor
) -> float:
    loss = torch.nn.functional.mse_loss(student(observations), actions)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return float(loss.detach())
