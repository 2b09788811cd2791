"""The task on tensors: the same arithmetic as the compiled functions, for hands that are simulated on a GPU.

``observation``, ``goals``, ``reward`` and ``metrics`` say what the numbers mean; tests hold the two to be equal.
Every object is seen in every step, and no target filter acts.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.grasps.palm_rest import HOLDING_LINE
from dexndm_gym.hand.joints import LOWER_LIMITS, NUM_JOINTS, UPPER_LIMITS
from dexndm_gym.task.config import HISTORY, TaskConfig
from dexndm_gym.task.reward import REWARD_TERMS
from dexndm_gym.task.reward_weights import RewardWeights
from dexndm_gym.task.tensor_quaternions import conjugate, multiply, rotate, rotation_vector, turn


class StepScore(NamedTuple):
    """What a control step of n hands was worth."""

    reward: Tensor
    """(n,)."""

    terms: Tensor
    """Weighted terms in the order of ``REWARD_TERMS``, (n, 8)."""

    speed: Tensor
    """Of the object about its axis, rad/s, (n,)."""

    across: Tensor
    """Of the object across it, rad/s, (n,)."""

    lost: Tensor
    """Which objects are lost, (n,) bool."""

    over: Tensor
    """Which episodes have lasted as long as they may, (n,) bool."""


class TensorTask:
    """Episodes of n hands, rows are hands; see ``EPISODE_STATE`` for what is kept of each.

    Attributes:
        config: parameters of the task; may be replaced between steps.
        wrist: quaternions from hand frame to world frame, (n, 4).
        axis: rotation axes, world frame, (n, 3).
        position: observed joint positions of ten steps, oldest first, (n, 10, 16), rad.
        target: targets that were applied before them, (n, 10, 16), rad.
        start: targets that the episodes started with, (n, 16), rad.
        goal: orientations that goal guidance leads to, world frame, (n, 4).
        speed_sums: speeds about and across the axis, summed over the steps, (n, 2), rad/s.
        resets: episodes begun on each hand, (n,) long.
        steps: control steps of the running episodes, (n,) long.
    """

    def __init__(
        self, config: TaskConfig, num_hands: int, device: torch.device, dtype: torch.dtype = torch.float32
    ) -> None:
        """Make room for episodes."""

        def zeros(*size: int, dtype: torch.dtype = dtype) -> Tensor:
            return torch.zeros((num_hands, *size), dtype=dtype, device=device)

        def constant(values: object) -> Tensor:
            return torch.as_tensor(values, dtype=dtype, device=device)

        self.config = config
        self.wrist, self.axis, self.goal = zeros(4), zeros(3), zeros(4)
        self.position, self.target = zeros(HISTORY, NUM_JOINTS), zeros(HISTORY, NUM_JOINTS)
        self.start, self.speed_sums = zeros(NUM_JOINTS), zeros(2)
        self.resets, self.steps = zeros(dtype=torch.long), zeros(dtype=torch.long)
        self._lower, self._upper = constant(LOWER_LIMITS.copy()), constant(UPPER_LIMITS.copy())
        self._line_start, self._line_end = (constant(end.copy()) for end in HOLDING_LINE)

    def begin(self, mask: Tensor, wrist: Tensor, axis: Tensor, start: Tensor, position: Tensor, pose: Tensor) -> None:
        """Start episodes on the hands of ``mask``, (n,) bool; rows of other hands are not looked at.

        Args:
            mask: which hands.
            wrist: their wrist orientations, (n, 4).
            axis: their axes, (n, 3).
            start: the targets they hold, (n, 16).
            position: what is observed of their joints, (n, 16).
            pose: of their objects, hand frame, (n, 7).
        """
        rows, blocks = mask[:, None], mask[:, None, None]
        self.wrist, self.axis = torch.where(rows, wrist, self.wrist), torch.where(rows, axis, self.axis)
        self.start = torch.where(rows, start, self.start)
        self.position = torch.where(blocks, position[:, None], self.position)
        self.target = torch.where(blocks, start[:, None], self.target)
        self.goal = torch.where(rows, self._ahead_of(self._orientation(pose)), self.goal)
        self.speed_sums = self.speed_sums.masked_fill(rows, 0.0)
        self.steps, self.resets = self.steps.masked_fill(mask, 0), self.resets + mask

    def next_targets(self, action: Tensor) -> Tensor:
        """Targets that actions, (n, 16), lead to, (n, 16), rad; actions are clipped to [-1, 1]."""
        wanted = self.target[:, -1] + self.config.action_scale * action.clamp(-1.0, 1.0)
        return torch.minimum(torch.maximum(wanted, self._lower), self._upper)

    def push(self, position: Tensor, target: Tensor) -> None:
        """Add a step to every episode, its numbers (n, 16) in rad."""
        self.steps = self.steps + 1
        self.position = torch.cat([self.position[:, 1:], position[:, None]], dim=1)
        self.target = torch.cat([self.target[:, 1:], target[:, None]], dim=1)

    def observe(self) -> Tensor:
        """Ten steps of (position, target) oldest first, wrist quaternion, axis, (n, 327), float32."""
        steps = torch.stack([self.position, self.target], dim=2).flatten(1)
        return torch.cat([steps, self.wrist, self.axis], dim=1).float()

    def turns_to_goals(self, pose: Tensor) -> Tensor:
        """The turns from objects, poses (n, 7), to their goals: axis times angle in rad, world frame, (n, 3)."""
        return rotation_vector(multiply(self.goal, conjugate(self._orientation(pose))))

    def score(self, before: Tensor, after: Tensor, position: Tensor, velocity: Tensor, torque: Tensor) -> StepScore:
        """What a control step is worth; what was turned is added to the episodes, goals that are reached move.

        Args:
            before: poses of the objects before the step, (n, 7), hand frame.
            after: their poses after it, (n, 7).
            position: of the joints after it, (n, 16), rad.
            velocity: of the joints after it, (n, 16), rad/s.
            torque: of the joints after it, (n, 16), N m.
        """
        weights, lost = self.config.reward, self._are_dropped(after[:, :3])
        spin = rotation_vector(multiply(after[:, 3:], conjugate(before[:, 3:]))) / CONTROL_PERIOD
        spin = rotate(self.wrist, spin)
        speed, across = (spin * self.axis).sum(dim=1), torch.cross(spin, self.axis, dim=1)
        linear = (after[:, :3] - before[:, :3]) / CONTROL_PERIOD
        terms = {
            "rotation": weights.rotation * speed.clamp(-weights.rotation_clip, weights.rotation_clip),
            "off_axis": -self._off_axis_weight(weights) * across.abs().sum(dim=1),
            "linear_velocity": -weights.linear_velocity * linear.square().sum(dim=1),
            "pose": -weights.pose * (position - self.start).square().sum(dim=1),
            "work": -weights.work * (torque * velocity).sum(dim=1).clamp(min=0.0),
            "torque": -weights.torque * torque.square().sum(dim=1),
            "goal": self._goal_term(after, weights),
            "drop": -weights.drop * lost,
        }
        worth, sideways = torch.stack([terms[name] for name in REWARD_TERMS], dim=1), across.norm(dim=1)
        self.speed_sums = self.speed_sums + torch.stack([speed, sideways], dim=1)
        over = (self.steps >= self.config.episode_steps) & ~lost
        return StepScore(worth.sum(dim=1), worth, speed, sideways, lost, over)

    def metrics(self, score: StepScore) -> Tensor:
        """Values in the order of ``STEP_METRICS``, (len(STEP_METRICS), n), after a step with this score."""
        along, across = self.speed_sums.unbind(dim=1)
        steps = self.steps.to(along.dtype)
        played = steps.clamp(min=1.0)
        values = (score.speed, score.across, along, across / played, steps / self.config.episode_steps, along / played)
        return torch.stack([*values, along * CONTROL_PERIOD, steps * CONTROL_PERIOD, *score.terms.unbind(dim=1)])

    def _orientation(self, pose: Tensor) -> Tensor:
        """Orientations of objects in the world frame, (n, 4)."""
        return multiply(self.wrist, pose[:, 3:])

    def _ahead_of(self, start: Tensor) -> Tensor:
        """Goals one step about the axis ahead of orientations in the world frame, (n, 4)."""
        angle = torch.full_like(start[:, :1], self.config.reward.goal_step)
        return multiply(turn(self.axis, angle), start)

    def _are_dropped(self, center: Tensor) -> Tensor:
        """Which objects are lost, (n,) bool; centers are (n, 3), hand frame, m."""
        along, way = self._line_end - self._line_start, center - self._line_start
        share = ((way * along).sum(dim=1) / (along * along).sum()).clamp(0.0, 1.0)
        return (way - share[:, None] * along).norm(dim=1) > self.config.drop_distance

    def _off_axis_weight(self, weights: RewardWeights) -> Tensor | float:
        first, last = weights.off_axis_resets
        if last == 0:
            return weights.off_axis
        share = (self.resets.to(self.axis.dtype) - first) / max(last - first, 1.0)
        return weights.off_axis * share.clamp(0.0, 1.0)

    def _goal_term(self, pose: Tensor, weights: RewardWeights) -> Tensor:
        """What being near to the goal earns, (n,); goals that are reached give way to the next."""
        if weights.goal == 0.0:
            return torch.zeros_like(pose[:, 0])
        angle = self.turns_to_goals(pose).norm(dim=1)
        reached = angle < weights.goal_reached
        near = (weights.goal_gain / angle.clamp(min=1e-6)).clamp(max=weights.goal_clip)
        self.goal = torch.where(reached[:, None], self._ahead_of(self.goal), self.goal)
        return weights.goal * (near + weights.goal_bonus * reached)
