"""A lesson: one teacher with hands of its own, on which teacher and student act."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open

from dexndm_gym.arrays import BoolArray
from dexndm_gym.distributed.job import Tell
from dexndm_gym.envs.rollout import roll_out
from dexndm_gym.envs.rotation_task import RotationTask
from dexndm_gym.envs.vector_env import LeapRotateVectorEnv
from dexndm_gym.grasps.mesh_grasp_cache import GRASPS_ONLY
from dexndm_gym.training import policy
from dexndm_gym.training.distill_config import DistillConfig
from dexndm_gym.training.policy import StudentPolicy, load_policy
from dexndm_gym.training.teacher_observation import teacher_observation
from dexndm_gym.training.teacher_policy import TeacherPolicy, load_teacher
from dexndm_gym.training.training_env import NAMES, TrainingEnvConfig, episodes_from_text

Teacher = TeacherPolicy | StudentPolicy
"""Who says what to do: sees what the simulator knows, or only what a hand measures."""


@dataclass(frozen=True, kw_only=True)
class LessonStep:
    """What a control step of a lesson brought."""

    observations: torch.Tensor
    """(n, 327)."""

    actions: torch.Tensor
    """What the teacher does there, (n, 16)."""

    dropped: BoolArray
    """The object was lost after it, (n,)."""

    whole: BoolArray
    """The episode lasted to its end, which was after it, (n,)."""

    speed: float
    """Mean of the hands that the student moves, or of all where it moves none, rad/s."""

    drops: int
    """Of the same hands."""


class Lesson:
    """One teacher's hands. It can be pickled, so that any worker can play the next round of it."""

    def __init__(self, config: DistillConfig, path: Path, num_envs: int) -> None:
        """Start episodes of what the teacher knows.

        Raises:
            FileNotFoundError: there is no such teacher, or no longer the start states that it was trained from.
            FileFormatError: its file is something else.
            ModelMismatchError: it sees something else than these hands show.
        """
        self._teacher = _load(path)
        practice = _practice(config, self._teacher, path, num_envs)
        self.env = LeapRotateVectorEnv(
            practice.make_hand(),
            options=practice.options,
            config=config.task,
            joint_pos_noise=practice.joint_pos_noise(config.task),
        )
        self._observation, _ = self.env.reset(seed=config.seed)
        _wanted(self._teacher, self._observation, self.env.task)  # better to learn now that it sees something else

    def play(self, student: StudentPolicy, share: float, steps: int) -> list[LessonStep]:
        """Play some control steps with the student on a share of the hands and the teacher on the others."""
        acting = np.arange(self.env.num_envs) < share * self.env.num_envs
        watched = acting if acting.any() else ~acting
        both = _TeacherAndStudent(self._teacher, student, acting, self.env.task)
        played = []
        for step in islice(roll_out(both, self.env, observation=self._observation, endless=True), steps):
            played.append(
                LessonStep(
                    observations=torch.from_numpy(self._observation),
                    actions=torch.from_numpy(both.wanted),
                    dropped=step.terminated,
                    whole=step.truncated & ~step.terminated,
                    speed=float(step.info["rotation_speed"][watched].mean()),
                    drops=int(step.terminated[watched].sum()),
                )
            )
            self._observation = step.observation
        return played


@dataclass(frozen=True, kw_only=True)
class Round:
    """What became of a lesson in a round."""

    lesson: Lesson
    """Where the next round goes on."""

    steps: list[LessonStep]
    """What it brought."""


def play_round(student: StudentPolicy, share: float, steps: int, lesson: Lesson, tell: Tell) -> Round:
    """On a worker: play a lesson's next control steps."""
    return Round(steps=lesson.play(student, share, steps), lesson=lesson)


class _TeacherAndStudent:
    """Acts as the student on some of the hands and as the teacher on the others."""

    def __init__(self, teacher: Teacher, student: StudentPolicy, acting: BoolArray, task: RotationTask) -> None:
        self._teacher, self._student, self._acting, self._task = teacher, student, acting, task
        self.wanted: npt.NDArray[np.float32]
        """What the teacher would have done on all of them in the last step."""

    def predict(self, observation: Any, *, deterministic: bool = True) -> tuple[Any, None]:
        self.wanted = _wanted(self._teacher, observation, self._task)
        if not self._acting.any():
            return self.wanted, None
        return np.where(self._acting[:, None], self._student.predict(observation)[0], self.wanted), None


def _wanted(teacher: Teacher, observation: Any, task: RotationTask) -> npt.NDArray[np.float32]:
    return teacher.predict(observation if isinstance(teacher, StudentPolicy) else teacher_observation(task))[0]


def _load(path: Path) -> Teacher:
    """Read what teaches, according to what its file says that it is."""
    try:
        with safe_open(path, framework="pt") as file:
            kind = (file.metadata() or {}).get("kind")
    except (OSError, SafetensorError):
        kind = None  # of which the teacher's reader says what is wrong
    return load_policy(path) if kind == policy.KIND else load_teacher(path)


def _practice(config: DistillConfig, teacher: Teacher, path: Path, num_envs: int) -> TrainingEnvConfig:
    """What a teacher teaches on: the episodes that it was trained on, unless others are wanted."""
    own = episodes_from_text(teacher.about)
    given = {name: getattr(config, name) for name in (*NAMES, "starts") if getattr(config, name)}
    starts = (own | given)["starts"]
    if "starts" not in given and starts is not None and str(starts) != GRASPS_ONLY and not starts.is_file():
        raise FileNotFoundError(f"{path} was trained from the start states in {starts}, which is gone; give --starts")
    return TrainingEnvConfig(
        num_envs=num_envs,
        randomize=config.randomize,
        randomization=config.randomization,
        hand_seed=config.hand_seed,
        **own | given,
    )
