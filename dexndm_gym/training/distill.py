"""Distillation: a student that sees only what a real hand measures learns the teacher's actions."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from tqdm import tqdm

from dexndm_gym.checks import Count, LearningRate, NotEmpty, Seed
from dexndm_gym.distributed.job import Tell
from dexndm_gym.distributed.workers import Workers
from dexndm_gym.distributed.workers_config import IN_THIS_PROCESS, WorkersConfig
from dexndm_gym.envs.vector_env import LeapRotateVectorEnv
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.outputs import Output, check_outputs
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.training.learner import Learner
from dexndm_gym.training.policy import StudentPolicy, load_policy
from dexndm_gym.training.practice import PracticeConfig
from dexndm_gym.training.process_group import ProcessGroup, process_group
from dexndm_gym.training.sample_memory import SampleMemory
from dexndm_gym.training.teacher_observation import teacher_observation
from dexndm_gym.training.teacher_policy import load_teacher
from dexndm_gym.training.torch_threads import one_torch_thread

_NOTHING = "no round was finished and nothing written"


@dataclass(frozen=True, kw_only=True)
class DistillConfig(PracticeConfig):
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

    parts: Count = 1
    """Parts into which each teacher's hands are cut, for more workers than there are teachers."""

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
        if self.num_envs < len(self.teacher) * self.parts:
            raise ConfigurationError(
                f"expected at least one hand for each of the {len(self.teacher)} teachers in each of {self.parts} "
                f"parts, got num_envs {self.num_envs}"
            )
        if self.memory < self.num_envs:
            raise ConfigurationError(
                f"memory must hold a sample of each of the {self.num_envs} hands, got {self.memory}"
            )


class Lesson:
    """One teacher with hands of its own, on which teacher and student act."""

    def __init__(self, config: DistillConfig, path: Path, num_envs: int) -> None:
        """Start episodes of what the teacher knows.

        Raises:
            FileNotFoundError: there is no such teacher.
            FileFormatError: its file is something else.
            ModelMismatchError: it sees something else than these hands show.
        """
        self._teacher = load_teacher(path)
        practice = PracticeConfig(
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
        self._observation, _ = self.env.reset(seed=config.seed)
        self._teacher.predict(teacher_observation(self.env.task))  # better to learn now that it sees something else

    def _trained_on(self, option: str) -> tuple[str, ...]:
        return tuple(json.loads(self._teacher.about[option]))

    def step(self, student: StudentPolicy, share: float, memory: "Samples") -> tuple[float, int]:
        """Play a control step with the student on a share of the hands; mean speed, rad/s, and drops of these."""
        wanted, _ = self._teacher.predict(teacher_observation(self.env.task))
        memory.add(torch.from_numpy(self._observation), torch.from_numpy(wanted))
        acting = np.arange(self.env.num_envs) < share * self.env.num_envs
        action = np.where(acting[:, None], student.predict(self._observation)[0], wanted)
        self._observation, _, terminated, _, info = self.env.step(action)
        if not acting.any():
            acting[:] = True
        return float(info["rotation_speed"][acting].mean()), int(terminated[acting].sum())


class Samples:
    """What one lesson brought in a round."""

    def __init__(self) -> None:
        """Begin with none."""
        self.steps: list[tuple[torch.Tensor, torch.Tensor]] = []
        """Of each control step, observations (n, 327) and the teacher's actions (n, 16)."""

    def add(self, observations: torch.Tensor, actions: torch.Tensor) -> None:
        """Remember a control step."""
        self.steps.append((observations, actions))


@dataclass(frozen=True, kw_only=True)
class Round:
    """What a lesson made of a round."""

    lesson: Lesson
    """Where the next round goes on."""

    samples: Samples
    """To learn from."""

    played: list[tuple[float, int]]
    """Of each control step, speed and drops; see ``Lesson.step``."""


def play_round(student: StudentPolicy, share: float, steps: int, lesson: Lesson, tell: Tell) -> Round:
    """On a worker: play a lesson's next control steps. A lesson travels as a whole, so that any worker can go on."""
    samples = Samples()
    played = [lesson.step(student, share, samples) for _ in range(steps)]
    return Round(lesson=lesson, samples=samples, played=played)


@one_torch_thread()
def distill(config: DistillConfig, *, workers: WorkersConfig = IN_THIS_PROCESS, progress: bool = True) -> Path:
    """Distill by DAgger: the student acts more and more of the time, the teacher says what it would have done.

    The paper clones surviving trajectories instead, since DAgger failed for it in reality; on our hands DAgger gives
    the better student for the same minutes. Processes that torchrun has started share lessons and batches.

    Args:
        config: what to distill.
        workers: where lessons are played; the student does not depend on it.
        progress: whether to show a bar.

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
    with process_group() as group:
        if group.size > 1 and workers.cluster is None:
            workers = WorkersConfig(processes=1, cpus_per_job=group.cpus)
        with Workers(workers) as pool:
            _distill(config, group, pool, progress=progress and group.rank == 0)
    return config.out


def _distill(config: DistillConfig, group: ProcessGroup, pool: Workers, *, progress: bool) -> None:
    torch.manual_seed(config.seed)
    student = load_policy(config.resume) if config.resume else StudentPolicy()
    lessons = dict(group.mine(list(_lessons(config))))
    memory = SampleMemory(config.memory)
    learner = Learner(
        student,
        group,
        rounds=config.rounds,
        learning_rate=config.learning_rate,
        batch_size=config.batch_size,
        seed=config.seed,
    )
    bar = tqdm(range(config.rounds), desc="distill", unit="round", disable=not progress)
    finished = 0
    try:
        for index in bar:
            share = 0.0 if config.resume is None and index == 0 else min(1.0, 0.2 + index / (0.4 * config.rounds))
            found = dict(pool.run(partial(play_round, student, share, config.steps), lessons))
            lessons = {name: found[name].lesson for name in lessons}
            rounds = group.together([(found[name].samples, found[name].played) for name in lessons])
            for step in zip(*(samples.steps for samples, _ in rounds), strict=True):
                for observations, actions in step:
                    memory.add(observations, actions)
            loss = learner.learn(memory, config.updates)
            played = np.array([played for _, played in rounds])
            speeds = " ".join(f"{speed:.2f}" for speed in played[:, :, 0].mean(axis=1))
            drops = int(played[:, :, 1].sum())
            bar.set_postfix(loss=f"{loss:.4f}", rad_per_s=speeds, dropped=drops, student=f"{share:.0%}")
            if group.rank == 0:
                student.save(config.out)
            finished += 1
    except KeyboardInterrupt as error:
        kept = f"the student so far is in {config.out}; go on with --resume {config.out}" if finished else _NOTHING
        raise KeyboardInterrupt(kept) from error
    finally:
        bar.close()
        for one in lessons.values():
            one.env.close()


def _lessons(config: DistillConfig) -> Iterator[tuple[str, Lesson]]:
    """Every teacher's hands, in so many parts, by name."""
    shares = np.array_split(np.arange(config.num_envs), len(config.teacher) * config.parts)
    for index, share in enumerate(shares):
        number, part = divmod(index, config.parts)
        seeded = replace(config, seed=(config.seed + 1000 * part) % 2**32)
        yield f"teacher {number + 1}, part {part + 1}", Lesson(seeded, config.teacher[number], len(share))
