"""A teacher's environment on a GPU: physics, task and observation are tensors, and no step waits for the device."""

import pickle
from typing import NamedTuple

import torch
from torch import Tensor

from dexndm_gym.backends.warp_hand import WarpHand
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.envs.tensor_rotation_task import TensorRotationTask
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.gravity_curriculum import NAMED_AXES, NAMED_DOWN, GravityCurriculum
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.task.tensor_draws import Drawn, EpisodeDraws
from dexndm_gym.training.learning_env import TeacherStep
from dexndm_gym.training.teacher_observation import TensorTeacherObservation

_NOT_JUDGED = -1
"""Cell of episodes that say nothing to the curriculum: the first of each hand, which are cut short."""


class _Ended(NamedTuple):
    """Episodes at the end of a step, columns as ``GravityCurriculum.record`` takes them; (n,) each."""

    done: Tensor
    cell: Tensor
    version: Tensor
    rotation: Tensor
    time: Tensor
    dropped: Tensor


class TensorTeacherEnv:
    """The task on the hands of a ``WarpHand``; hands whose episode ended start anew at once.

    Attributes:
        hand: the simulations.
        task: the running episodes.
        curriculum: gravity of the cells that episodes belong to.
        generator: where draws of episodes come from.
    """

    def __init__(
        self,
        hand: WarpHand,
        options: EpisodeOptions,
        config: TaskConfig,
        curriculum: GravityCurriculum,
        *,
        joint_pos_noise: float = 0.0,
        seed: int = 0,
    ) -> None:
        """Start all episodes, at random times of theirs so that they do not all end together.

        Args:
            hand: simulations of the options' objects, in that order.
            options: what episodes are drawn from.
            config: parameters of the task.
            curriculum: what lightens gravity.
            joint_pos_noise: half width of the uniform noise on observed joint positions, rad.
            seed: of all draws here.
        """
        device, n = hand.device, hand.num_hands
        self.hand, self.curriculum = hand, curriculum
        self._rotation = TensorRotationTask(hand, config, joint_pos_noise=joint_pos_noise, seed=seed)
        self.task, self.generator = self._rotation.episodes, self._rotation.generator
        self._draws = EpisodeDraws(options, self.generator)
        self._observation = TensorTeacherObservation(device)
        self._sets = torch.tensor(curriculum.sets_of(hand.objects), device=device)
        self._down, self._axes = (torch.tensor(x, dtype=torch.float32, device=device) for x in (NAMED_DOWN, NAMED_AXES))
        self._cell, self._version = (torch.zeros(n, dtype=torch.long, device=device) for _ in range(2))
        self._ended: list[_Ended] = []
        self.update_curriculum()
        self._begin(torch.ones(n, dtype=torch.bool, device=device))
        self._cell.fill_(_NOT_JUDGED)
        self.task.steps = torch.randint(config.episode_steps, (n,), generator=self.generator, device=device)

    @property
    def device(self) -> torch.device:
        """Where tensors are."""
        return self.hand.device

    def observation(self) -> Tensor:
        """What teachers see now, (n, m)."""
        return self._observation(self.task, self.hand.object_pose, self.hand.privileged())

    def student_observation(self) -> Tensor:
        """What students see now, (n, 327)."""
        return self.task.observe()

    def set_task(self, config: TaskConfig) -> None:
        """Score by other parameters from the next step on."""
        self.task.config = config

    def state(self) -> bytes:
        """Curricula and random numbers; running episodes are not kept."""
        return pickle.dumps((self.curriculum, self.generator.get_state(), self.task.resets.cpu()))

    def troubles(self) -> dict[str, float]:
        """Simulations that reached states that are not finite, and hands that had more contacts than there is room."""
        overflowed = (self.hand.worlds.overflow != 0).sum()
        return {"simulation/diverged": float(self.hand.nan_worlds), "simulation/overflowed": float(overflowed)}

    def step(self, action: Tensor) -> TeacherStep:
        """Play one control step with actions, (n, 16), which are clipped to [-1, 1]."""
        step, task = self._rotation.step(action), self.task
        done = step.terminated | step.truncated
        self._ended.append(
            _Ended(
                done=done,
                cell=self._cell,
                version=self._version,
                rotation=task.speed_sums[:, 0] * CONTROL_PERIOD,
                time=task.steps * CONTROL_PERIOD,
                dropped=step.terminated,
            )
        )
        self._begin(done)
        return TeacherStep(self.observation(), step.reward, done, step.truncated)

    def update_curriculum(self) -> None:
        """Tell the curriculum of the episodes that have ended since the last call; waits for the device."""
        for ended in self._finished():
            self.curriculum.record(
                int(ended[0]), int(ended[1]), rotation=float(ended[2]), time=float(ended[3]), dropped=bool(ended[4])
            )
        device = self.hand.device
        self._gravity = torch.tensor(self.curriculum.gravity, dtype=torch.float32, device=device).flatten()
        self._versions = torch.tensor(self.curriculum.versions, device=device).flatten()

    def _finished(self) -> list[list[float]]:
        """Rows of cell, version, rotation, time and drop of episodes that have ended, oldest first."""
        if not self._ended:
            return []
        columns = [torch.cat(column) for column in zip(*self._ended, strict=True)]
        self._ended = []
        judged = columns[0] & (columns[1] != _NOT_JUDGED)
        return torch.stack([column[judged].double() for column in columns[1:]], dim=1).tolist()

    def _begin(self, mask: Tensor) -> None:
        """Start episodes on the hands of ``mask``, under the gravity of their cells."""
        drawn = self._draws(len(mask))
        cell = self._cell_of(drawn)
        self._cell = torch.where(mask, cell, self._cell)
        self._version = torch.where(mask, self._versions[cell], self._version)
        self._rotation.begin(mask, drawn, self._gravity[cell][:, None])

    def _cell_of(self, drawn: Drawn) -> Tensor:
        """Cells as ``GravityCurriculum.cell`` numbers them, (n,) long."""
        # no matrix products: rounded to TF32 they could tell diagonals apart otherwise than on the processor
        wrist = (drawn.down[:, None] * self._down).sum(dim=2).argmax(dim=1)
        axis = (drawn.axis[:, None] * self._axes).sum(dim=2).argmax(dim=1)
        return (self._sets[drawn.object_index] * len(self._down) + wrist) * len(self._axes) + axis
