"""Reward and metrics of a control step, compiled, hand after hand.

As calls into NumPy, each with a single hand's few numbers, they would take longer than the work in them. Here and in
``reward``, ``goals`` and ``quaternions`` functions of one hand take tuples of floats, those of n hands arrays.
"""

from typing import Any

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.compiling import compiled
from dexndm_gym.task.episode_state import StructArray
from dexndm_gym.task.goals import angle_to_goal, orientation, set_goal
from dexndm_gym.task.quaternions import angular_velocity, cross, dot, norm, quaternion, rotate, vector
from dexndm_gym.task.reward import REWARD_TERMS, StepSignals, reward_terms
from dexndm_gym.task.termination import is_dropped

STEP_METRICS = (
    *("rotation_speed", "off_axis_speed", "RotR", "RotP", "TTF", "speed", "rotation", "time"),
    *(f"reward_{term}" for term in REWARD_TERMS),
)
"""What a step is scored by; see ``score``."""

_NUM_METRICS, _FIRST_TERM = len(STEP_METRICS), len(STEP_METRICS) - len(REWARD_TERMS)
_ROTATION_SPEED, _OFF_AXIS_SPEED = STEP_METRICS.index("rotation_speed"), STEP_METRICS.index("off_axis_speed")
_ROTR, _ROTP, _TTF = STEP_METRICS.index("RotR"), STEP_METRICS.index("RotP"), STEP_METRICS.index("TTF")
_SPEED, _ROTATION = STEP_METRICS.index("speed"), STEP_METRICS.index("rotation")
_TIME = STEP_METRICS.index("time")


@compiled
def step_signals(
    episode: Any,
    period: float,
    before: FloatArray,
    after: FloatArray,
    position: FloatArray,
    velocity: FloatArray,
    torque: FloatArray,
    goal_angle: float,
    dropped: bool,
) -> StepSignals:
    """What one hand and its object did; see ``score``."""
    pose_change, power, torques = 0.0, 0.0, 0.0
    for joint in range(len(position)):
        pose_change += (position[joint] - episode.start[joint]) ** 2
        power += torque[joint] * velocity[joint]
        torques += torque[joint] ** 2
    spin = angular_velocity(quaternion(before, 3), quaternion(after, 3), period)
    spin, axis = rotate(quaternion(episode.wrist_and_axis, 0), spin), vector(episode.wrist_and_axis, 4)
    x, y, z = vector(before, 0)
    return StepSignals(
        speed=dot(spin, axis),
        across=cross(spin, axis),
        linear_velocity=((after[0] - x) / period, (after[1] - y) / period, (after[2] - z) / period),
        pose_change=pose_change,
        power=power,
        torque=torques,
        goal_angle=goal_angle,
        dropped=dropped,
        resets=float(episode.resets),
    )


@compiled
def score(
    episodes: StructArray,
    config: StructArray,
    before: FloatArray,
    after: FloatArray,
    position: FloatArray,
    velocity: FloatArray,
    torque: FloatArray,
) -> tuple[FloatArray, FloatArray, np.ndarray, np.ndarray]:
    """What a control step of n hands is worth; what was turned is added to the episodes, goals that are reached move.

    Args:
        episodes: running episodes, with this step, (n,).
        config: ``TaskConfig.record``.
        before: pose of the objects before the step, (n, 7), hand frame, m and quaternion; NaN where they are not seen.
        after: their pose after it, (n, 7); where it is NaN, nothing is earned, turned or lost.
        position: of the joints after it, (n, 16), rad.
        velocity: of the joints after it, (n, 16), rad/s.
        torque: of the joints after it, (n, 16), N m.

    Returns:
        Reward, (n,); values in the order of ``STEP_METRICS``, (len(STEP_METRICS), n); which objects are lost, (n,);
        which episodes have lasted as long as they may, (n,). Reward, its terms and speeds (rad/s) are those of the
        step, 0 for an empty hand. The metrics are the paper's, of the episode so far, and defined here only: ``RotR``,
        rad/s, the speed about the axis summed over the steps; ``RotP``, rad/s, the mean speed across the axis, the
        Euclidean norm of angular velocity x axis; ``TTF``, the time as a share of the longest episode. ``speed``,
        rad/s, is the mean speed about the axis, ``rotation``, rad, the angle turned about it, ``time``, s.
    """
    n, constants = len(after), config[0]
    reward, values = np.zeros(n), np.zeros((_NUM_METRICS, n))
    lost, over = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    for i in range(n):
        episode = episodes[i]
        if episode.has_object and not np.isnan(after[i, 0]):
            if np.isnan(episode.goal[0]):  # not seen when the episode began
                set_goal(episode, orientation(episode, after[i]), constants.reward.goal_step)
            lost[i] = is_dropped(vector(after[i], 0), constants)
            angle = angle_to_goal(episode, after[i], constants.reward)
            joints = position[i], velocity[i], torque[i]
            # Seen again after a time: how it has moved meanwhile is not known.
            known = after[i] if np.isnan(before[i, 0]) else before[i]
            signals = step_signals(episode, constants.period, known, after[i], *joints, angle, lost[i])
            terms, across = reward_terms(signals, constants.reward), norm(signals.across)
            for k in range(len(terms)):
                reward[i] += terms[k]
                values[_FIRST_TERM + k, i] = terms[k]
            values[_ROTATION_SPEED, i], values[_OFF_AXIS_SPEED, i] = signals.speed, across
            episode.speed_sums[0] += signals.speed
            episode.speed_sums[1] += across
        steps, along, across = max(episode.steps, 1), episode.speed_sums[0], episode.speed_sums[1]
        values[_ROTR, i], values[_ROTP, i] = along, across / steps
        values[_TTF, i], values[_SPEED, i] = episode.steps / constants.episode_steps, along / steps
        values[_ROTATION, i] = along * constants.period
        values[_TIME, i] = episode.steps * constants.period
        over[i] = episode.steps >= constants.episode_steps and not lost[i]
    return reward, values, lost, over
