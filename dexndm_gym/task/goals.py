"""Goal guidance: intermediate orientations that the object is led to, one after the other."""

from typing import Any

import numpy as np

from dexndm_gym.arrays import FloatArray, IntArray, Quaternion, Vector
from dexndm_gym.compiling import compiled
from dexndm_gym.task.episode_state import StructArray
from dexndm_gym.task.quaternions import conjugate, multiply, norm, quaternion, rotation_vector, turn, vector


@compiled
def orientation(episode: Any, pose: FloatArray) -> Quaternion:
    """Orientation in the world frame of an object whose pose in the hand frame is given, (7,)."""
    return multiply(quaternion(episode.wrist_and_axis, 0), quaternion(pose, 3))


@compiled
def to_goal(episode: Any, pose: FloatArray) -> Vector:
    """The turn from an object, pose (7,) in the hand frame, to its goal: axis times angle in rad, world frame."""
    return rotation_vector(multiply(quaternion(episode.goal, 0), conjugate(orientation(episode, pose))))


@compiled
def set_goal(episode: Any, start: Quaternion, step: float) -> None:
    """Set the goal ahead of an orientation in the world frame, by ``step`` rad about the axis."""
    goal = multiply(turn(vector(episode.wrist_and_axis, 4), step), start)
    for k in range(4):
        episode.goal[k] = goal[k]


@compiled
def set_first_goals(episodes: StructArray, config: StructArray, pose: FloatArray, ids: IntArray) -> None:
    """Set the goals of the hands ``ids`` ahead of their objects; poses are (n, 7), hand frame."""
    for i in ids:
        set_goal(episodes[i], orientation(episodes[i], pose[i]), config[0].reward.goal_step)


@compiled
def turns_to_goals(episodes: StructArray, pose: FloatArray) -> FloatArray:
    """``to_goal`` of every hand, (n, 3)."""
    turns = np.empty((len(pose), 3))
    for i in range(len(pose)):
        turns[i, 0], turns[i, 1], turns[i, 2] = to_goal(episodes[i], pose[i])
    return turns


@compiled
def angle_to_goal(episode: Any, pose: FloatArray, weights: Any) -> float:
    """Angle from an object, pose (7,), to its goal, rad; a goal that is reached gives way to the next."""
    if weights.goal == 0.0:
        return np.inf
    angle = norm(to_goal(episode, pose))
    if angle < weights.goal_reached:
        set_goal(episode, quaternion(episode.goal, 0), weights.goal_step)
    return angle
