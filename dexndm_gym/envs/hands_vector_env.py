"""What vector envs of hands share, whatever their arrays are: spaces, modes, spec."""

from typing import Any

import numpy as np
from gymnasium.core import ActType, ObsType
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from gymnasium.vector.vector_env import ArrayType

from dexndm_gym.constants import CONTROL_HZ
from dexndm_gym.envs.spaces import action_space, observation_space
from dexndm_gym.envs.specs import plain_spec
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.rendering.camera import Camera, find_camera
from dexndm_gym.rendering.window import HandPictures


class HandsVectorEnv(VectorEnv[ObsType, ActType, ArrayType]):
    """n hands as one vector env."""

    metadata = {  # noqa: RUF012 (Gymnasium's own form)
        "render_modes": ["rgb_array"],
        "render_fps": round(CONTROL_HZ),
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self, num_envs: int, autoreset_mode: str | AutoresetMode, render_mode: str | None, camera: str | Camera
    ) -> None:
        """Set up spaces and modes.

        Raises:
            ConfigurationError: there is no such mode or camera.
        """
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ConfigurationError(
                f"Unknown render_mode {render_mode!r} of a vector env; expected None or 'rgb_array'"
            )
        self.num_envs, self.render_mode = num_envs, render_mode
        self.single_action_space, self.single_observation_space = action_space(), observation_space()
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._mode = _mode(autoreset_mode)
        self.metadata = self.metadata | {"autoreset_mode": self._mode}
        self._pictures = HandPictures(find_camera(camera))
        self._spec: EnvSpec | None = None

    @property
    def spec(self) -> EnvSpec | None:
        """How this env was made, in what JSON can hold."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self._spec = None if spec is None else plain_spec(spec)

    def _require_running(self, ended: Any) -> None:
        """Refuse to step hands whose episode has ended, (n,) bool, where none begins by itself."""
        if self._mode == AutoresetMode.DISABLED and ended.any():
            raise ConfigurationError(
                f"The episodes of hands {np.flatnonzero(ended.tolist()).tolist()} have ended and autoreset is "
                "disabled; call reset(options={'reset_mask': mask}) before step()"
            )

    def _expected_mask(self, mask: Any) -> ConfigurationError:
        return ConfigurationError(
            f"Expected a reset_mask of {self.num_envs} booleans, at least one of them True; got {mask!r:.80}"
        )


def _mode(mode: str | AutoresetMode) -> AutoresetMode:
    try:
        return AutoresetMode(mode)
    except ValueError:
        known = {one.name: one for one in AutoresetMode}
        if mode in known:
            return known[mode]  # type: ignore[index]
        raise ConfigurationError(f"Unknown autoreset_mode {mode!r}; expected one of {', '.join(known)}") from None
