"""Sim-to-real correction: commands that move the hand's joints as the targets would move the simulated ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import gymnasium
from gymnasium.utils import RecordConstructorArgs

from dexndm_gym.constants import HISTORY
from dexndm_gym.dynamics.correction import InverseConfig, JointwiseInverse
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.dynamics.model_file import load_model, load_sim_model
from dexndm_gym.errors import ConfigurationError, ModelMismatchError
from dexndm_gym.filters.jointwise_inverse import FALLBACK, InverseFilter
from dexndm_gym.hand.joints import JOINT_NAMES
from dexndm_gym.task.config_json import config_of, plain
from dexndm_gym.wrappers.target_filter import TargetFilterWrapper

ModelLike: TypeAlias = JointwiseModel | str | Path
"""A joint-wise model, or the file that holds one."""


class DynamicsCorrectionWrapper(TargetFilterWrapper):
    """Corrects the targets that an env sends to its hand; actions, observations and spaces stay as they are.

    It acts in steps that are made through it, and only in those; its place in a chain of wrappers does not matter, and
    one around another replaces it. See ``TargetFilterWrapper``. ``wrappers.vector.DynamicsCorrectionVectorWrapper`` is
    its twin for vector envs. ``info`` gets ``correction_fallback``: True where the target was sent because an
    input or a prediction was not finite.

    ``docs/correct_your_hand.md`` says what to run on a real hand, in what order, how long it takes, and how to see that
    it helped.

    Example:
        >>> env = DynamicsCorrectionWrapper(gymnasium.make("LeapRotate-Real-v0"), "hand.safetensors")  # doctest: +SKIP
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        model: ModelLike | tuple[ModelLike, ModelLike],
        sim_model: ModelLike | None = None,
        config: InverseConfig | Mapping[str, Any] | None = None,
    ) -> None:
        """Put the correction around an env.

        Args:
            env: an env, wrapped or not, that takes target filters.
            model: model of the hand that the env drives, or the pair (that model, model of the simulation).
            sim_model: model of the simulation that the policy was trained in; None takes the one that is shipped.
            config: bounds and weights of the correction, or their values by name.

        Raises:
            ConfigurationError: an env that takes no target filters, or an unusable config.
            FileFormatError: an unreadable model file.
            ModelMismatchError: a model for other joints, another window or of another kind than the other.
        """
        RecordConstructorArgs.__init__(self, model=plain(model), sim_model=plain(sim_model), config=config)
        TargetFilterWrapper.__init__(self, env, correction_filter(model, sim_model, config))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset the env."""
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, {FALLBACK: False} | info


def correction_filter(
    model: ModelLike | tuple[ModelLike, ModelLike],
    sim_model: ModelLike | None = None,
    config: InverseConfig | Mapping[str, Any] | None = None,
) -> InverseFilter:
    """The correction as a filter, from the arguments of ``DynamicsCorrectionWrapper``."""
    if isinstance(model, tuple | list):
        if len(model) != 2:
            raise ConfigurationError(f"Expected a pair of models, of the hand and of the simulation; got {len(model)}")
        if sim_model is not None:
            raise ConfigurationError("give the model of the simulation once: in the pair or as sim_model")
        model, sim_model = model
    real = _loaded(model)
    sim = load_sim_model() if sim_model is None else _loaded(sim_model)
    for loaded in (real, sim):
        loaded.require(JOINT_NAMES, HISTORY)
    return InverseFilter(JointwiseInverse(real, sim, config_of(InverseConfig, config)))


def _loaded(model: ModelLike) -> JointwiseModel:
    if isinstance(model, str | Path):
        return load_model(model)
    if not isinstance(model, JointwiseModel):
        raise ModelMismatchError(f"expected a JointwiseModel or the path of one, got {type(model).__name__}")
    return model
