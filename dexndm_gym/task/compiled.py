"""Compiled functions of the task: quaternions, reward and metrics, hand after hand.

As calls into NumPy, each with a single hand's few numbers, they would take longer than the work in them. All of it is
in one file, since a change in another would not make the compiler forget what it has cached. Functions of one hand take
tuples of floats, those of n hands arrays. Quaternions are w x y z.
"""

from typing import Any

import numpy as np

from dexndm_gym.compiling import compiled
from dexndm_gym.leap.joints import FloatArray, IntArray
from dexndm_gym.task.episodes import TERMS, VALUES, Motion, Quaternion, Records, Vector

_NUM_VALUES, _FIRST_TERM = len(VALUES), len(VALUES) - len(TERMS)


@compiled
def multiply(a: Quaternion, b: Quaternion) -> Quaternion:
    """Hamilton product a b: first turn by b, then by a."""
    aw, ax, ay, az = a
    bw, bx, by, bz = b
    return (
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    )


@compiled
def conjugate(a: Quaternion) -> Quaternion:
    """Inverse of a unit quaternion."""
    return a[0], -a[1], -a[2], -a[3]


@compiled
def cross(a: Vector, b: Vector) -> Vector:
    """Vector product."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@compiled
def dot(a: Vector, b: Vector) -> float:
    """Scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@compiled
def norm(a: Vector) -> float:
    """Euclidean length."""
    return np.sqrt(dot(a, a))


@compiled
def rotate(a: Quaternion, v: Vector) -> Vector:
    """Turn a vector by a unit quaternion."""
    u = (a[1], a[2], a[3])
    once = cross(u, v)
    t = (2.0 * once[0], 2.0 * once[1], 2.0 * once[2])
    twice = cross(u, t)
    return v[0] + a[0] * t[0] + twice[0], v[1] + a[0] * t[1] + twice[1], v[2] + a[0] * t[2] + twice[2]


@compiled
def rotation_vector(a: Quaternion) -> Vector:
    """Axis times angle, rad, of a unit quaternion; the angle is at most pi."""
    v = (a[1], a[2], a[3])
    # The floor makes angle / sin(angle / 2) what it tends to, 2, where there is no turn.
    sine = max(norm(v), 1e-12)
    factor = np.copysign(2.0 * np.arctan2(sine, abs(a[0])) / sine, a[0])
    return v[0] * factor, v[1] * factor, v[2] * factor


@compiled
def turn(axis: Vector, angle: float) -> Quaternion:
    """The rotation by an angle in rad about a unit vector."""
    sine = np.sin(0.5 * angle)
    return np.cos(0.5 * angle), sine * axis[0], sine * axis[1], sine * axis[2]


@compiled
def angular_velocity(before: Quaternion, after: Quaternion, period: float) -> Vector:
    """Mean angular velocity in rad/s between two orientations, in the frame they are given in."""
    x, y, z = rotation_vector(multiply(after, conjugate(before)))
    return x / period, y / period, z / period


@compiled
def clip(value: float, low: float, high: float) -> float:
    """Limit a value; what is not a number stays so."""
    value = low if value < low else value
    return high if value > high else value


@compiled
def off_axis_weight(resets: float, weights: Any) -> float:
    """The curriculum: weight of the off-axis penalty in the ``resets``-th episode of a hand."""
    first, last = weights.off_axis_resets[0], weights.off_axis_resets[1]
    if last == 0.0:
        return weights.off_axis
    return weights.off_axis * clip((resets - first) / max(last - first, 1.0), 0.0, 1.0)


@compiled
def goal_guidance(angle: float, weights: Any) -> float:
    """What being this near to the goal, rad, earns before the factor ``weights.goal``."""
    if weights.goal == 0.0:
        return 0.0
    near = min(weights.goal_gain / max(angle, 1e-6), weights.goal_clip)
    return near + weights.goal_bonus if angle < weights.goal_reached else near


@compiled
def reward_terms(motion: Motion, weights: Any) -> tuple[float, ...]:
    """Weighted terms in the order of ``TERMS``; the reward is their sum.

    Args:
        motion: what moved during the step.
        weights: the reward of ``TaskConfig.record``.
    """
    x, y, z = motion.across
    return (
        weights.rotation * clip(motion.speed, -weights.rotation_clip, weights.rotation_clip),
        -off_axis_weight(motion.resets, weights) * (abs(x) + abs(y) + abs(z)),
        -weights.linear_velocity * dot(motion.linear_velocity, motion.linear_velocity),
        -weights.pose * motion.pose_change,
        -weights.work * max(motion.power, 0.0),
        -weights.torque * motion.torque,
        weights.goal * goal_guidance(motion.goal_angle, weights),
        -weights.drop if motion.dropped else 0.0,
    )


@compiled
def vector(numbers: FloatArray, first: int) -> Vector:
    """Three numbers of an array, from ``first`` on."""
    return numbers[first], numbers[first + 1], numbers[first + 2]


@compiled
def quaternion(numbers: FloatArray, first: int) -> Quaternion:
    """Four numbers of an array, from ``first`` on."""
    return numbers[first], numbers[first + 1], numbers[first + 2], numbers[first + 3]


@compiled
def is_dropped(center: Vector, config: Any) -> bool:
    """Whether an object with its center here, m, hand frame, is lost: ``drop_distance`` from where a hand can hold it.

    Args:
        center: of the object.
        config: a row of ``TaskConfig.record``.
    """
    first, last = vector(config.holding_line[0], 0), vector(config.holding_line[1], 0)
    along = (last[0] - first[0], last[1] - first[1], last[2] - first[2])
    way = (center[0] - first[0], center[1] - first[1], center[2] - first[2])
    share = clip(dot(way, along) / dot(along, along), 0.0, 1.0)
    nearest = (way[0] - share * along[0], way[1] - share * along[1], way[2] - share * along[2])
    return norm(nearest) > config.drop_distance


@compiled
def are_dropped(config: Records, pose: FloatArray) -> np.ndarray:
    """``is_dropped`` of every object, (n,); poses are (n, 7), hand frame."""
    lost = np.zeros(len(pose), dtype=np.bool_)
    for i in range(len(pose)):
        lost[i] = is_dropped(vector(pose[i], 0), config[0])
    return lost


@compiled
def orientation(episode: Any, pose: FloatArray) -> Quaternion:
    """Orientation in the world frame of an object whose pose in the hand frame is given, (7,)."""
    return multiply(quaternion(episode.frame, 0), quaternion(pose, 3))


@compiled
def to_goal(episode: Any, pose: FloatArray) -> Vector:
    """The turn from an object, pose (7,) in the hand frame, to its goal: axis times angle in rad, world frame."""
    return rotation_vector(multiply(quaternion(episode.goal, 0), conjugate(orientation(episode, pose))))


@compiled
def set_goal(episode: Any, start: Quaternion, step: float) -> None:
    """Set the goal ahead of an orientation in the world frame, by ``step`` rad about the axis."""
    goal = multiply(turn(vector(episode.frame, 4), step), start)
    for k in range(4):
        episode.goal[k] = goal[k]


@compiled
def set_first_goals(episodes: Records, config: Records, pose: FloatArray, ids: IntArray) -> None:
    """Set the goals of the hands ``ids`` ahead of their objects; poses are (n, 7), hand frame."""
    for i in ids:
        set_goal(episodes[i], orientation(episodes[i], pose[i]), config[0].reward.goal_step)


@compiled
def ways_to_goals(episodes: Records, pose: FloatArray) -> FloatArray:
    """``to_goal`` of every hand, (n, 3)."""
    ways = np.empty((len(pose), 3))
    for i in range(len(pose)):
        ways[i, 0], ways[i, 1], ways[i, 2] = to_goal(episodes[i], pose[i])
    return ways


@compiled
def motion_of(
    episode: Any,
    period: float,
    before: FloatArray,
    after: FloatArray,
    position: FloatArray,
    velocity: FloatArray,
    torque: FloatArray,
    goal_angle: float,
    dropped: bool,
) -> Motion:
    """What one hand and its object did; see ``score``."""
    pose_change, power, torques = 0.0, 0.0, 0.0
    for joint in range(len(position)):
        pose_change += (position[joint] - episode.start[joint]) ** 2
        power += torque[joint] * velocity[joint]
        torques += torque[joint] ** 2
    spin = angular_velocity(quaternion(before, 3), quaternion(after, 3), period)
    spin, axis = rotate(quaternion(episode.frame, 0), spin), vector(episode.frame, 4)
    x, y, z = vector(before, 0)
    return Motion(
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
def angle_to_goal(episode: Any, pose: FloatArray, weights: Any) -> float:
    """Angle from an object, pose (7,), to its goal, rad; a goal that is reached gives way to the next."""
    if weights.goal == 0.0:
        return np.inf
    angle = norm(to_goal(episode, pose))
    if angle < weights.goal_reached:
        set_goal(episode, quaternion(episode.goal, 0), weights.goal_step)
    return angle


@compiled
def score(
    episodes: Records,
    config: Records,
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
        Reward, (n,); values in the order of ``VALUES``, (len(VALUES), n); which objects are lost, (n,); which episodes
        have lasted as long as they may, (n,). Reward, its terms and speeds (rad/s) are those of the step, 0 for an
        empty hand. The metrics are the paper's, of the episode so far, and defined here only: ``RotR``, rad/s, the
        speed about the axis summed over the steps; ``RotP``, rad/s, the mean speed across the axis, the Euclidean norm
        of angular velocity x axis; ``TTF``, the time as a share of the longest episode. ``speed``, rad/s, is the mean
        speed about the axis, ``rotation``, rad, the angle turned about it, ``time``, s.
    """
    n, figures = len(after), config[0]
    reward, values = np.zeros(n), np.zeros((_NUM_VALUES, n))
    lost, over = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    for i in range(n):
        episode = episodes[i]
        if episode.holds and not np.isnan(after[i, 0]):
            if np.isnan(episode.goal[0]):  # not seen when the episode began
                set_goal(episode, orientation(episode, after[i]), figures.reward.goal_step)
            lost[i] = is_dropped(vector(after[i], 0), figures)
            angle = angle_to_goal(episode, after[i], figures.reward)
            joints = position[i], velocity[i], torque[i]
            # Seen again after a time: how it has moved meanwhile is not known.
            known = after[i] if np.isnan(before[i, 0]) else before[i]
            motion = motion_of(episode, figures.period, known, after[i], *joints, angle, lost[i])
            terms, across = reward_terms(motion, figures.reward), norm(motion.across)
            for k in range(len(terms)):
                reward[i] += terms[k]
                values[_FIRST_TERM + k, i] = terms[k]
            values[0, i], values[1, i] = motion.speed, across
            episode.turned[0] += motion.speed
            episode.turned[1] += across
        steps, along, across = max(episode.steps, 1), episode.turned[0], episode.turned[1]
        # In the order of VALUES: RotR, RotP, TTF, speed, rotation, time.
        values[2, i], values[3, i] = along, across / steps
        values[4, i], values[5, i] = episode.steps / figures.episode_steps, along / steps
        values[6, i], values[7, i] = along * figures.period, episode.steps * figures.period
        over[i] = episode.steps >= figures.episode_steps and not lost[i]
    return reward, values, lost, over
