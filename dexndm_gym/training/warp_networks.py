"""rsl-rl's networks as teachers have them, and the way from one to the other."""

from typing import Any, cast

import torch
from rsl_rl.models import MLPModel  # pyright: ignore[reportMissingImports]
from rsl_rl.modules import EmpiricalNormalization  # pyright: ignore[reportMissingImports]
from tensordict import TensorDict  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn

from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.training.teacher_policy import CLIP, SEEN, TeacherPolicy, copy_layers, linear_layers

OBSERVED = "teacher"
"""Name of what networks see among the observations."""

_STD = (0.1, 1.0)
"""Between what the standard deviation of exploring actions stays."""

_SMALLEST_STD = 1e-4
"""Added to the standard deviation of an input; the same as that of the trainer on the processor."""


class ClippedModel(MLPModel):
    """A network behind a normalizer whose output is clipped, as ``TeacherPolicy``'s is."""

    def get_latent(self, obs: TensorDict, masks: Tensor | None = None, hidden_state: Any = None) -> Tensor:
        """Normalized observations, (n, m)."""
        return super().get_latent(obs, masks, hidden_state).clamp(-CLIP, CLIP)


def observed(observation: Tensor) -> TensorDict:
    """Observations, (n, m), as rsl-rl takes them."""
    return TensorDict({OBSERVED: observation}, batch_size=[len(observation)], device=observation.device)


def new_networks(seen: TensorDict, width: tuple[int, ...], initial_std: float) -> tuple[MLPModel, MLPModel]:
    """Untrained actor and critic for such observations, on their device."""
    groups = {"actor": [OBSERVED], "critic": [OBSERVED]}
    options: dict[str, Any] = {"hidden_dims": list(width), "activation": "elu", "obs_normalization": True}
    std = {"init_std": initial_std, "std_range": _STD, "std_type": "log"}
    gaussian = {"class_name": "rsl_rl.modules.GaussianDistribution", **std}
    actor = ClippedModel(seen, groups, "actor", NUM_JOINTS, distribution_cfg=gaussian, **options)
    critic = ClippedModel(seen, groups, "critic", 1, **options)
    with torch.no_grad():
        linear_layers(actor.mlp)[-1].weight.mul_(0.1)  # the first actions are little more than exploration
    for model in (actor, critic):
        _normalizer(model).eps = _SMALLEST_STD
    device = seen.device
    return actor.to(device), critic.to(device)


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


def _normalizer(model: MLPModel) -> EmpiricalNormalization:
    return cast(EmpiricalNormalization, model.obs_normalizer)  # asked for when it was made


def _log_std(actor: MLPModel) -> nn.Parameter:
    distribution: Any = actor.distribution
    return distribution.log_std_param
