"""What a learner of rsl-rl practices on, wherever it is simulated."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.gravity_curriculum import GravityCurriculum


class TeacherStep(NamedTuple):
    """What a control step led to."""

    observation: Tensor
    """What teachers see now, in episodes that have ended what they see of the next, (n, m)."""

    reward: Tensor
    """(n,)."""

    done: Tensor
    """Episodes that have ended, (n,) bool."""

    truncated: Tensor
    """Those of them that lasted as long as they may, (n,) bool."""


class LearningEnv(Protocol):
    """n hands whose episodes begin anew when they have ended; all tensors are on one device."""

    @property
    def device(self) -> torch.device:
        """Where tensors are."""
        ...

    @property
    def curriculum(self) -> GravityCurriculum:
        """Gravity of the cells that episodes belong to."""
        ...

    def observation(self) -> Tensor:
        """What teachers see now, (n, m)."""
        ...

    def student_observation(self) -> Tensor:
        """What students see now, (n, 327)."""
        ...

    def set_task(self, config: TaskConfig) -> None:
        """Score by other parameters from the next step on."""
        ...

    def step(self, action: Tensor) -> TeacherStep:
        """Play one control step with actions, (n, 16), which are clipped to [-1, 1]."""
        ...

    def update_curriculum(self) -> None:
        """Tell the curriculum of the episodes that have ended since the last call."""
        ...

    def state(self) -> bytes:
        """What another one needs to go on from here."""
        ...

    def troubles(self) -> dict[str, float]:
        """How often the simulation has failed, by what to log it as."""
        ...
