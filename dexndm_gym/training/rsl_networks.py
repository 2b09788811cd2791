"""rsl-rl's networks as teachers have them, and the way from one to the other."""

from typing import Any, cast

import torch
from rsl_rl.models import MLPModel  # pyright: ignore[reportMissingImports]
from rsl_rl.modules import EmpiricalNormalization  # pyright: ignore[reportMissingImports]
from tensordict import TensorDict  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn

from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.training.policy import StudentPolicy
from dexndm_gym.training.teacher_policy import CLIP, SEEN, TeacherPolicy, copy_layers, linear_layers

OBSERVED = "teacher"
"""Name of what teachers and critics see among the observations."""

MEASURED = "student"
"""Name of what students see."""

_STD = (0.1, 1.0)
"""Between what the standard deviation of exploring actions stays."""

_SMALLEST_STD = 1e-4
"""Added to the standard deviation of an input; the same as that of the trainer on the processor."""


class ClippedModel(MLPModel):
    """A network behind a normalizer whose output is clipped, as ``TeacherPolicy``'s is."""

    def get_latent(self, obs: TensorDict, masks: Tensor | None = None, hidden_state: Any = None) -> Tensor:
        """Normalized observations, (n, m)."""
        return super().get_latent(obs, masks, hidden_state).clamp(-CLIP, CLIP)


class StudentModel(MLPModel):
    """A student as rsl-rl's actor.

    Attributes:
        student: what learns.
    """

    def __init__(self, seen: TensorDict, student: StudentPolicy, initial_std: float) -> None:
        """Go on from a student, for observations that have what it sees."""
        groups, gaussian = {"actor": [MEASURED]}, _gaussian(initial_std)
        super().__init__(seen, groups, "actor", NUM_JOINTS, student.width, distribution_cfg=gaussian)
        self.student, self.mlp = student, student.network

    def get_latent(self, obs: TensorDict, masks: Tensor | None = None, hidden_state: Any = None) -> Tensor:
        """What the student makes of what it sees, (n, m)."""
        return self.student.features(obs[MEASURED])


def observed(teacher: Tensor, student: Tensor | None = None) -> TensorDict:
    """What teachers, (n, m), and students, (n, 327), see, as rsl-rl takes it."""
    groups = {OBSERVED: teacher} | ({} if student is None else {MEASURED: student})
    return TensorDict(groups, batch_size=[len(teacher)], device=teacher.device)


def new_actor(seen: TensorDict, width: tuple[int, ...], initial_std: float) -> MLPModel:
    """An untrained teacher for such observations, on their device."""
    groups, gaussian = {"actor": [OBSERVED]}, _gaussian(initial_std)
    actor = ClippedModel(seen, groups, "actor", NUM_JOINTS, width, obs_normalization=True, distribution_cfg=gaussian)
    with torch.no_grad():
        linear_layers(actor.mlp)[-1].weight.mul_(0.1)  # the first actions are little more than exploration
    _normalizer(actor).eps = _SMALLEST_STD
    return actor.to(seen.device)


def new_critic(seen: TensorDict, width: tuple[int, ...]) -> MLPModel:
    """An untrained critic, which sees what a teacher does, on the device of the observations."""
    critic = ClippedModel(seen, {"critic": [OBSERVED]}, "critic", 1, width, obs_normalization=True)
    _normalizer(critic).eps = _SMALLEST_STD
    return critic.to(seen.device)


def teacher_of(actor: MLPModel, critic: MLPModel) -> TeacherPolicy:
    """What has been learned, on the processor."""
    layers, normalizer = linear_layers(actor.mlp), _normalizer(actor)
    with torch.random.fork_rng(devices=[]), torch.no_grad():  # how often it is saved must not change the run
        teacher = TeacherPolicy(layers[0].in_features, tuple(layer.out_features for layer in layers[:-1]))
        copy_layers(layers + linear_layers(critic.mlp), teacher.layers)
        teacher.log_std.copy_(_log_std(actor))
        teacher.normalize_by(normalizer.mean, normalizer.std + normalizer.eps)
    return teacher.eval()


def take_over(actor: MLPModel, critic: MLPModel, teacher: TeacherPolicy) -> None:
    """Give networks the weights and statistics of a teacher.

    Raises:
        ModelMismatchError: their sizes differ.
    """
    copy_layers(teacher.layers, linear_layers(actor.mlp, critic.mlp))
    with torch.no_grad():
        _log_std(actor).copy_(teacher.log_std)
        for model in (actor, critic):
            normalizer = _normalizer(model)
            std = (teacher.std - normalizer.eps).clamp(min=0.0)
            values = {"_mean": teacher.mean[None], "_var": std[None] ** 2, "_std": std[None]}
            normalizer.load_state_dict({**values, "count": torch.tensor(SEEN)})


def _gaussian(initial_std: float) -> dict[str, Any]:
    """Options of the distribution of exploring actions."""
    std = {"init_std": initial_std, "std_range": _STD, "std_type": "log"}
    return {"class_name": "rsl_rl.modules.GaussianDistribution", **std}


def _normalizer(model: MLPModel) -> EmpiricalNormalization:
    return cast(EmpiricalNormalization, model.obs_normalizer)  # asked for when it was made


def _log_std(actor: MLPModel) -> nn.Parameter:
    distribution: Any = actor.distribution
    return distribution.log_std_param
