"""Many hands on a GPU as one Gymnasium vector env that takes and gives tensors."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from dexndm_gym.backends.backend import TensorHand
from dexndm_gym.envs.hands_vector_env import HandsVectorEnv
from dexndm_gym.envs.tensor_rotation_task import TensorRotationTask
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.objects.object_choice import Choice, choice_name
from dexndm_gym.rendering.renderer import Camera
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.metrics import STEP_METRICS
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.task.orientations import up_in_hand
from dexndm_gym.task.tensor_draws import Drawn, EpisodeDraws


class LeapRotateTensorEnv(HandsVectorEnv[Tensor, Tensor, Tensor]):
    """``LeapRotateVectorEnv`` with tensors on the device in place of NumPy arrays; no step waits for the device.

    Modes, spaces and names in ``info`` are the same, but for what would need to wait:

    * ``final_obs`` and ``final_info`` are there in every step; ``_final_obs`` and ``_final_info`` mark their rows.
    * ``info["object"]`` are positions in ``objects``, (n,) long.
    * ``info["diverged"]``, (n,) bool, marks hands whose simulation reached states that are not finite, or whose action
      was not; their episode ends with reward 0. ``diverged`` counts them.
    * One seed is for all hands together. Tensors that are read on a stream of their own need to be synchronized.

    Attributes:
        task: the task on the hands; ``task.privileged()`` is what only a simulator knows.
        diverged: how many episodes ended because a state or an action was not finite, () long.
    """

    def __init__(
        self,
        hand: TensorHand,
        *,
        options: EpisodeOptions | None = None,
        config: TaskConfig | None = None,
        joint_pos_noise: float = 0.0,
        autoreset_mode: str | AutoresetMode = AutoresetMode.SAME_STEP,
        render_mode: str | None = None,
        camera: str | Camera = "front",
    ) -> None:
        """Play the task on n hands; arguments are those of ``LeapRotateVectorEnv``.

        Raises:
            ConfigurationError: there is no such mode or camera.
        """
        super().__init__(hand.num_hands, autoreset_mode, render_mode, camera)
        self.task = TensorRotationTask(hand, config or TaskConfig(), joint_pos_noise=joint_pos_noise)
        self._options = options or EpisodeOptions()
        self._draw = self._drawing(self._options)
        self._items: dict[str, Choice] = {choice_name(choice): choice for choice in self._options.objects}
        self._seeded, self._all_begun = False, False
        self.diverged = torch.zeros((), dtype=torch.long, device=hand.device)
        self._done = self._begun = torch.zeros(self.num_envs, dtype=torch.bool, device=hand.device)
        self._target = hand.start_target
        self._metrics = torch.zeros((len(STEP_METRICS), self.num_envs), device=hand.device)

    @property
    def objects(self) -> tuple[str, ...]:
        """Names of the objects that ``info["object"]`` counts in."""
        return self.task.hand.objects

    def reset(self, *, seed: Any = None, options: Mapping[str, Any] | None = None) -> tuple[Tensor, dict[str, Any]]:
        """Start new episodes.

        Args:
            seed: makes all that follows repeatable, on a GPU as far as the backend is deterministic.
            options: as of ``LeapRotateVectorEnv.reset``; ``reset_mask`` may be a tensor.

        Raises:
            ConfigurationError: an option is unknown, there is a seed per hand, or another number of hands in the mask.
        """
        if not (seed is None or isinstance(seed, int | np.integer)):
            raise ConfigurationError(f"Expected one seed for all hands on a device, got {seed!r:.80}")
        options = dict(options or {})
        mask = self._mask(options.pop("reset_mask", None))
        draw = self._drawing(self._options.updated(options)) if options else self._draw
        super().reset(seed=None if seed is None else int(seed))
        if seed is not None or not self._seeded:
            for generator in (self.task.generator.manual_seed, self.task.hand.seed):
                generator(int(self.np_random.integers(2**63)))
            self._seeded = True
        self._begin(mask, draw())
        self._begun = self._begun | mask
        self._all_begun = bool(self._begun.all())
        return self.task.episodes.observe(), self._info()

    def step(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Any]]:
        """Play one control step with actions (n, 16).

        Raises:
            ConfigurationError: actions of another shape, no episode to go on with.
        """
        if not self._all_begun:
            raise ConfigurationError("No episode has been started; call reset() before step()")
        action, due = self._checked(actions), self._done
        self._require_running(due)
        finite = action.isfinite().all(dim=1)
        step = self.task.step(action.masked_fill((due | ~finite)[:, None], 0.0))
        broken = (self.task.hand.broken | ~finite) & ~due
        self.diverged = self.diverged + broken.sum()
        reward = step.reward.masked_fill(due | broken, 0.0)
        terminated, truncated = (step.terminated | broken) & ~due, step.truncated & ~due & ~broken
        self._done = done = terminated | truncated
        self._target, self._metrics = step.target, self.task.episodes.metrics(step.score)
        observation, info = self.task.episodes.observe(), self._info() | {"diverged": broken}
        final = {"final_obs": observation, "_final_obs": done, "final_info": info, "_final_info": done.clone()}
        if self._mode == AutoresetMode.SAME_STEP:
            self._begin(done, self._draw())
            observation = self.task.episodes.observe()
        elif self._mode == AutoresetMode.NEXT_STEP:
            self._begin(due, self._draw())
            observation, info = self.task.episodes.observe(), info | self._info() | {"diverged": broken}
        return observation, reward, terminated, truncated, info | final

    def render(self) -> tuple[npt.NDArray[np.uint8], ...] | None:
        """A picture of every hand, (480, 640, 3) each, drawn on the processor."""
        if self.render_mode is None:
            return None
        hand, draw = self.task.hand, self._pictures.draw
        values = (hand.position, hand.object_pose, self.task.episodes.wrist)
        rows = zip(*(x.double().cpu().numpy() for x in values), hand.object_index.tolist(), strict=True)
        return tuple(
            draw(position, pose, self._items[self.objects[index]], up_in_hand(wrist))
            for position, pose, wrist, index in rows
        )

    def _begin(self, mask: Tensor, drawn: Drawn) -> None:
        self.task.begin(mask, drawn)
        self._done = self._done & ~mask
        self._target = torch.where(mask[:, None], self.task.hand.start_target, self._target)
        self._metrics = self._metrics.masked_fill(mask, 0.0)

    def _drawing(self, options: EpisodeOptions) -> Callable[[], Drawn]:
        """What draws episodes from these options, objects as the hand counts them."""
        hand, draws = self.task.hand, EpisodeDraws(options, self.task.generator)
        names = [choice_name(choice) for choice in options.objects]
        if unknown := set(names) - set(hand.objects):
            raise ConfigurationError(
                f"The simulation was made without object {', '.join(sorted(unknown))}; on a GPU all objects have to be "
                "named when the environment is made, for example gym.make_vec(..., object=['cube', 'ball_40'])"
            )
        index = torch.tensor([hand.objects.index(name) for name in names], device=hand.device)

        def draw() -> Drawn:
            drawn = draws(self.num_envs)
            return drawn._replace(object_index=index[drawn.object_index])

        return draw

    def _info(self) -> dict[str, Any]:
        """What there is to tell now, tensors (n, ...) by name."""
        hand, target = self.task.hand, self._target
        return {
            "target": target.clone(),
            "command": target.clone(),
            "position": hand.position,
            "object_pose": hand.object_pose,
            "tracked": torch.ones_like(self._done),
            "object": hand.object_index.clone(),
            "diverged": torch.zeros_like(self._done),
            **dict(zip(STEP_METRICS, self._metrics.clone(), strict=True)),
        }

    def _checked(self, actions: Any) -> Tensor:
        shape = (self.num_envs, NUM_JOINTS)
        try:
            action = torch.as_tensor(actions, dtype=torch.float32, device=self.task.hand.device).detach()
        except (TypeError, ValueError, RuntimeError) as error:
            raise ConfigurationError(f"Expected an action per hand, numbers of shape {shape}: {error}") from error
        if action.shape != shape:
            raise ConfigurationError(f"Expected an action per hand of shape {shape}, got {tuple(action.shape)}")
        return action

    def _mask(self, mask: Any) -> Tensor:
        device = self.task.hand.device
        if mask is None:
            return torch.ones(self.num_envs, dtype=torch.bool, device=device)
        found = torch.as_tensor(mask, device=device)
        if found.dtype != torch.bool or found.shape != (self.num_envs,) or not found.any():
            raise self._expected_mask(mask)
        return found
