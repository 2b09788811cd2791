"""Distillation: a student that sees only what a real hand measures learns the teacher's actions."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from tqdm import tqdm

from dexndm_gym.checks import Count, LearningRate, NotEmpty, Seed
from dexndm_gym.envs.rollout import roll_out
from dexndm_gym.envs.vector_env import LeapRotateVectorEnv
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.outputs import Output, check_outputs
from dexndm_gym.task.config import OBSERVATION_SIZE, TaskConfig
from dexndm_gym.training.policy import StudentPolicy, load_policy
from dexndm_gym.training.teacher_observation import teacher_observation
from dexndm_gym.training.teacher_policy import load_teacher
from dexndm_gym.training.torch_threads import one_torch_thread
from dexndm_gym.training.training_env import TrainingEnvConfig

_NOTHING = "no round was finished and nothing written"


@dataclass(frozen=True, kw_only=True)
class DistillConfig(TrainingEnvConfig):
    """Options of a distillation."""

    teacher: Annotated[tuple[Path, ...], NotEmpty()]
    """Teachers (teacher.safetensors) that ``dexndm train`` wrote; each teaches on its share of the hands."""

    object: tuple[str, ...] = ()
    """Objects and named sets of objects to draw from; if none are given, those that each teacher was trained on."""

    wrist: tuple[str, ...] = ()
    """Wrist orientations, named sets of them or random; if none are given, those that each teacher was trained on."""

    axis: tuple[str, ...] = ()
    """Axes, named sets of them or random; if none are given, those that each teacher was trained on."""

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
        if self.num_envs < len(self.teacher):
            raise ConfigurationError(
                f"expected at least one hand for each of the {len(self.teacher)} teachers, got num_envs {self.num_envs}"
            )
        if self.memory < self.num_envs:
            raise ConfigurationError(
                f"memory must hold a sample of each of the {self.num_envs} hands, got {self.memory}"
            )


class Lesson:
    """One teacher with hands of its own, on which teacher and student act."""

    def __init__(
        self, config: DistillConfig, path: Path, num_envs: int, student: StudentPolicy, memory: "SampleMemory"
    ) -> None:
        """Start episodes of what the teacher knows.

        Raises:
            FileNotFoundError: there is no such teacher.
            FileFormatError: its file is something else.
            ModelMismatchError: it sees something else than these hands show.
        """
        self._teacher = load_teacher(path)
        practice = TrainingEnvConfig(
            num_envs=num_envs,
            object=config.object or self._trained_on("object"),
            wrist=config.wrist or self._trained_on("wrist"),
            axis=config.axis or self._trained_on("axis"),
            starts=config.starts,
            randomize=config.randomize,
            randomization=config.randomization,
            hand_seed=config.hand_seed,
        )
        self.env = LeapRotateVectorEnv(
            practice.make_hand(),
            options=practice.options,
            config=config.task,
            joint_pos_noise=config.task.joint_pos_noise if practice.randomize else 0.0,
        )
        self._student, self._memory = student, memory
        self._acting = np.zeros(num_envs, dtype=np.bool_)
        self._steps = roll_out(self, self.env, seed=config.seed, endless=True)
        next(self._steps)
        self._teacher.predict(teacher_observation(self.env.task))  # better to learn now that it sees something else

    def _trained_on(self, option: str) -> tuple[str, ...]:
        return tuple(json.loads(self._teacher.about[option]))

    def predict(self, observation: Any, *, deterministic: bool = True) -> tuple[Any, None]:
        """What student and teacher do, each on its hands; what the teacher would do on all of them is remembered."""
        wanted, _ = self._teacher.predict(teacher_observation(self.env.task))
        self._memory.add(torch.from_numpy(observation), torch.from_numpy(wanted))
        return np.where(self._acting[:, None], self._student.predict(observation)[0], wanted), None

    def step(self, share: float) -> tuple[float, int]:
        """Play a control step with the student on a share of the hands; mean speed, rad/s, and drops of these."""
        self._acting = np.arange(self.env.num_envs) < share * self.env.num_envs
        step = next(self._steps)
        watched = self._acting if self._acting.any() else ~self._acting
        return float(step.info["rotation_speed"][watched].mean()), int(step.terminated[watched].sum())


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
        FileFormatError: a teacher's file is something else.
        ModelMismatchError: a teacher sees something else than these hands show.
        KeyboardInterrupt: says what was kept.
    """
    check_outputs(config)
    torch.manual_seed(config.seed)
    student = load_policy(config.resume) if config.resume else StudentPolicy()
    shares = np.array_split(np.arange(config.num_envs), len(config.teacher))
    memory = SampleMemory(config.memory)
    lessons = [
        Lesson(config, path, len(share), student, memory) for path, share in zip(config.teacher, shares, strict=True)
    ]
    optimizer = torch.optim.Adam(student.parameters(), lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.rounds, config.learning_rate / 20)
    generator = torch.Generator().manual_seed(config.seed)
    bar = tqdm(range(config.rounds), desc="distill", unit="round", disable=not progress)
    finished = 0
    try:
        for index in bar:
            share = 0.0 if config.resume is None and index == 0 else min(1.0, 0.2 + index / (0.4 * config.rounds))
            played = np.array([[one.step(share) for one in lessons] for _ in range(config.steps)])
            student.train()
            loss = np.mean(
                [_update(student, optimizer, *memory.draw(config.batch_size, generator)) for _ in range(config.updates)]
            )
            schedule.step()
            speeds = " ".join(f"{speed:.2f}" for speed in played[:, :, 0].mean(axis=0))
            drops = int(played[:, :, 1].sum())
            bar.set_postfix(loss=f"{loss:.4f}", rad_per_s=speeds, dropped=drops, student=f"{share:.0%}")
            student.eval().save(config.out)
            finished += 1
    except KeyboardInterrupt as error:
        kept = f"the student so far is in {config.out}; go on with --resume {config.out}" if finished else _NOTHING
        raise KeyboardInterrupt(kept) from error
    finally:
        bar.close()
        for one in lessons:
            one.env.close()
    return config.out


def _update(
    student: StudentPolicy, optimizer: torch.optim.Optimizer, observations: torch.Tensor, actions: torch.Tensor
) -> float:
    loss = torch.nn.functional.mse_loss(student(observations), actions)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return float(loss.detach())
