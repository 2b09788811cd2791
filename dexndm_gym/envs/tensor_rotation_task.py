"""``RotationTask`` on hands that are tensors: what vector envs and teachers on a GPU share."""

from typing import NamedTuple

import torch
from torch import Tensor

from dexndm_gym.backends.backend import TensorHand
from dexndm_gym.constants import GRAVITY
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.tensor_draws import Drawn
from dexndm_gym.task.tensor_task import StepScore, TensorTask


class TensorStep(NamedTuple):
    """What a control step of n hands led to."""

    reward: Tensor
    """(n,)."""

    terminated: Tensor
    """Episodes that ended with a lost object, or because the simulation diverged, (n,) bool."""

    truncated: Tensor
    """Episodes that lasted as long as they may, (n,) bool."""

    target: Tensor
    """What was asked of the joints, (n, 16), rad."""

    score: StepScore
    """Where the reward comes from."""


class TensorRotationTask:
    """Plays and scores episodes on a device, and never waits for it.

    Attributes:
        hand: the simulations.
        episodes: histories and sums; its ``config`` may be replaced between steps.
        generator: where observed positions get their noise from, and who begins episodes their draws.
    """

    def __init__(self, hand: TensorHand, config: TaskConfig, *, joint_pos_noise: float = 0.0, seed: int = 0) -> None:
        """Play on these hands.

        Args:
            hand: the simulations.
            config: parameters of the task.
            joint_pos_noise: half width of the uniform noise on observed joint positions, rad.
            seed: of the generator.
        """
        self.hand, self._noise = hand, joint_pos_noise
        self.episodes = TensorTask(config, hand.num_hands, hand.device)
        self.generator = torch.Generator(device=hand.device).manual_seed(seed)

    def begin(self, mask: Tensor, drawn: Drawn, gravity: Tensor | float = 1.0) -> None:
        """Start episodes on the hands of ``mask``, (n,) bool.

        Args:
            mask: which hands.
            drawn: their episodes; rows of other hands are not looked at. Objects are positions in ``hand.objects``.
            gravity: share of standard gravity, (n, 1) or for all.
        """
        hand = self.hand
        hand.reset(mask, drawn.object_index, drawn.down * (GRAVITY * gravity))
        position = self._measured(hand.position)
        self.episodes.begin(mask, drawn.wrist, drawn.axis, hand.start_target, position, hand.object_pose)

    def step(self, action: Tensor) -> TensorStep:
        """Play one control step with actions, (n, 16), which are clipped to [-1, 1]."""
        hand, episodes = self.hand, self.episodes
        target, before = episodes.next_targets(action), hand.object_pose
        hand.step(target)
        position = hand.position
        episodes.push(self._measured(position), target)
        score = episodes.score(before, hand.object_pose, position, hand.velocity, hand.torque)
        lost = score.lost | hand.broken
        # A hand whose simulation broke down lies at its start again; how it came there is worth nothing.
        return TensorStep(score.reward.masked_fill(hand.broken, 0.0), lost, score.over & ~lost, target, score)

    def privileged(self) -> dict[str, Tensor]:
        """What only a simulator knows, (n, k) by name; as ``RotationTask.privileged``."""
        pose = self.hand.object_pose
        known = {"object_pose": pose} | self.hand.privileged()
        if self.episodes.config.reward.goal != 0.0:
            known["to_goal"] = self.episodes.turns_to_goals(pose)
        return known

    def _measured(self, position: Tensor) -> Tensor:
        if self._noise == 0.0:
            return position
        draw = torch.rand(position.shape, generator=self.generator, device=position.device)
        return position + self._noise * (2.0 * draw - 1.0)
