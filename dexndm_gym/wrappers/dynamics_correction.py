"""Makes a policy trained in simulation move the joints of another hand as it would have moved the simulated ones."""

from pathlib import Path
from typing import Any, TypeAlias

import gymnasium
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv, VectorEnv, VectorWrapper

from dexndm_gym.dynamics.correction import InverseConfig, JointwiseInverse
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.dynamics.model_file import load_model, load_sim_model
from dexndm_gym.dynamics.windows import WINDOW
from dexndm_gym.envs.target_filter import TargetWindow
from dexndm_gym.errors import ConfigurationError, ModelMismatchError
from dexndm_gym.leap.joints import JOINT_NAMES, FloatArray, IntArray

ModelLike: TypeAlias = JointwiseModel | str | Path
"""A joint-wise model, or the file that holds one."""


class CorrectionFilter:
    """The joint-wise inverse as a target filter of the env. It keeps no state of its own: the window tells it all."""

    def __init__(self, inverse: JointwiseInverse) -> None:
        """Correct with an inverse."""
        self._inverse = inverse

    def reset(self, ids: IntArray) -> None:
        """New episodes need nothing."""

    def __call__(self, window: TargetWindow, target: FloatArray) -> tuple[FloatArray, dict[str, Any]]:
        """Correct the targets (n, 16), rad; ``info`` gets ``correction_fallback`` (n,) bool."""
        correction = self._inverse(window.position, window.base_target, window.sent_target, target)
        return correction.target, {"correction_fallback": correction.fallback}


class DynamicsCorrectionWrapper(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Corrects the targets that an env sends to its hand; actions, observations and spaces stay as they are.

    The correction happens inside the env, between what the policy asked for and what the hand is sent, so the place of
    this wrapper in a chain of wrappers does not matter. Around a vector env it becomes a
    ``DynamicsCorrectionVectorWrapper``. ``info`` gets ``correction_fallback``: True where the base target was sent
    because an input or a prediction was not finite.

    ``docs/correction.md`` says what to run on a real hand, in what order, how long it takes, and how to see that it
    helped.

    Example:
        >>> env = DynamicsCorrectionWrapper(gymnasium.make("LeapRotate-Real-v0"), "hand.safetensors")  # doctest: +SKIP
    """

    def __new__(cls, env: Any, *args: Any, **kwargs: Any) -> Any:
        """Choose the vector twin for vector envs."""
        if isinstance(env, VectorEnv):
            return DynamicsCorrectionVectorWrapper(env, *args, **kwargs)
        return super().__new__(cls)

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        model: ModelLike | tuple[ModelLike, ModelLike],
        sim_model: ModelLike | None = None,
        config: InverseConfig | None = None,
    ) -> None:
        """Put the correction into an env.

        Args:
            env: an env, wrapped or not, that takes target filters; or a vector env.
            model: model of the hand that the env drives, or the pair (that model, model of the simulation).
            sim_model: model of the simulation that the policy was trained in; None takes the one that is shipped.
            config: bounds and weights of the correction.

        Raises:
            ConfigurationError: an env that takes no target filters.
            FileFormatError: an unreadable model file.
            ModelMismatchError: a model for other joints, another window or of another kind than the other.
        """
        RecordConstructorArgs.__init__(self, model=model, sim_model=sim_model, config=config)
        gymnasium.Wrapper.__init__(self, env)
        _add_filter(env.unwrapped, _build_filter(model, sim_model, config))


class DynamicsCorrectionVectorWrapper(VectorWrapper, RecordConstructorArgs):
    """What ``DynamicsCorrectionWrapper`` becomes around a vector env."""

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        model: ModelLike | tuple[ModelLike, ModelLike],
        sim_model: ModelLike | None = None,
        config: InverseConfig | None = None,
    ) -> None:
        """Put the correction into a vector env; see ``DynamicsCorrectionWrapper``."""
        RecordConstructorArgs.__init__(self, model=model, sim_model=sim_model, config=config)
        VectorWrapper.__init__(self, env)
        _add_filter(env.unwrapped, _build_filter(model, sim_model, config))


def _build_filter(
    model: ModelLike | tuple[ModelLike, ModelLike], sim_model: ModelLike | None, config: InverseConfig | None
) -> CorrectionFilter:
    if isinstance(model, tuple):
        if sim_model is not None:
            raise ConfigurationError("give the model of the simulation once: in the pair or as sim_model")
        model, sim_model = model
    real = _loaded(model)
    sim = load_sim_model() if sim_model is None else _loaded(sim_model)
    for loaded in (real, sim):
        loaded.require(JOINT_NAMES, WINDOW)
    return CorrectionFilter(JointwiseInverse(real, sim, config))


def _loaded(model: ModelLike) -> JointwiseModel:
    if isinstance(model, str | Path):
        return load_model(model)
    if not isinstance(model, JointwiseModel):
        raise ModelMismatchError(f"expected a JointwiseModel or the path of one, got {type(model).__name__}")
    return model


def _add_filter(env: Any, target_filter: CorrectionFilter) -> None:
    if hasattr(env, "add_target_filter"):
        env.add_target_filter(target_filter)
    elif isinstance(env, AsyncVectorEnv | SyncVectorEnv):
        # Gymnasium's own vector envs hold one env each per hand, perhaps in other processes.
        env.call("add_target_filter", target_filter)
    else:
        raise ConfigurationError(
            f"{type(env).__name__} takes no target filters; DynamicsCorrectionWrapper works on the LeapRotate envs"
        )
