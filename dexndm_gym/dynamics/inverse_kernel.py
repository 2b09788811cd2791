"""Compiled functions of inference models: what they predict for one joint of many hands, and the inverse of that.

The hands lie side by side in memory, so that loops over them become vector instructions; each such loop touches few
arrays, because the compiler has to prove, or check, that those it writes overlap no others.
"""

import numpy as np

from dexndm_gym.compiling import compiled
from dexndm_gym.dynamics.batch_layout import ControlBatch, Objective, Windows
from dexndm_gym.dynamics.inference_model import Array, InferenceModel
from dexndm_gym.dynamics.joint_physics import SUBSTEPS

BLOCK_SIZE = 384
"""Hands side by side: more do not stay in the cache. Not a power of two, whose strides
would conflict in cache sets."""

_SUBSTEPS = np.float32(SUBSTEPS)
_TANH_IS_ONE = np.float32(6.1)
_TINY = np.float32(1e-12)


@compiled
def clip(value: np.float32, low: np.float32, high: np.float32) -> np.float32:
    """Limit a value; what is not a number stays so."""
    value = low if value < low else value
    return high if value > high else value


@compiled
def tanh(value: np.float32) -> np.float32:
    """Lambert's continued fraction to its ninth level, right to 6e-6; the library's is no vector instruction."""
    x = clip(value, -_TANH_IS_ONE, _TANH_IS_ONE)
    s = x * x
    above = np.float32(34459425) + s * (np.float32(4729725) + s * (np.float32(135135) + s * (np.float32(990) + s)))
    below = np.float32(34459425) + s * (
        np.float32(16216200) + s * (np.float32(945945) + s * (np.float32(13860) + s * np.float32(45)))
    )
    return x * above / below


@compiled
def precompute_first_layer(model: InferenceModel, joint: int, windows: Windows, first_layer: Array) -> None:
    """Let the first layer of a joint see windows, but for the target to apply now.

    Args:
        model: the model.
        joint: which of its joints.
        windows: the windows.
        first_layer: gets what units and linear path make of them, (H + 1, n).
    """
    positions, commands, n = model.positions[joint], model.commands[joint], len(windows.present)
    for row in range(len(first_layer)):
        bias, weight = model.bias[joint, row], positions[row, -1]
        for i in range(n):
            first_layer[row, i] = bias + weight * windows.present[i]
        for tick in range(len(windows.past_position)):
            of_position, of_command = positions[row, tick], commands[row, tick]
            for i in range(n):
                first_layer[row, i] += (
                    of_position * windows.past_position[tick, i] + of_command * windows.commanded[tick, i]
                )


@compiled
def predict(
    model: InferenceModel,
    joint: int,
    windows: Windows,
    first_layer: Array,
    commanded: Array,
    hidden: Array,
    step: Array,
) -> None:
    """Predict how far a joint moves in the next control period.

    Args:
        model: the model.
        joint: which of its joints.
        windows: what went before.
        first_layer: what ``precompute_first_layer`` made of that, (H + 1, n).
        commanded: the targets to apply now, relative to the present positions, (n,), rad.
        hidden: room for two hidden layers, (2, H, n).
        step: gets the change of position, (n,), rad.
    """
    if model.head.shape[1] > 0:
        _network(model, joint, first_layer, commanded, hidden, step)
    else:
        step[:] = np.float32(0)
    if model.physics_share > 0:
        _add_physics(model, joint, windows, commanded, step)


@compiled
def _network(
    model: InferenceModel, joint: int, first_layer: Array, commanded: Array, hidden: Array, step: Array
) -> None:
    n, units, slopes, head = len(step), model.head.shape[1], model.commands[joint, :, -1], model.head[joint]
    slope, share = slopes[units], model.network_share[joint]
    for i in range(n):
        step[i] = first_layer[units, i] + slope * commanded[i]
    if len(model.deeper) == 0:  # the usual one, whose units need not be written down
        for unit in range(units):
            slope, weight = slopes[unit], head[unit]
            for i in range(n):
                step[i] += weight * tanh(first_layer[unit, i] + slope * commanded[i])
    else:
        for unit in range(units):
            slope = slopes[unit]
            for i in range(n):
                hidden[0, unit, i] = tanh(first_layer[unit, i] + slope * commanded[i])
        for layer in range(len(model.deeper)):
            before, after = hidden[layer % 2], hidden[(layer + 1) % 2]
            _layer(model.deeper[layer, joint], model.deeper_bias[layer, joint], before, after)
        for unit in range(units):
            weight = head[unit]
            for i in range(n):
                step[i] += weight * hidden[len(model.deeper) % 2, unit, i]
    for i in range(n):
        step[i] *= share


@compiled
def _layer(weights: Array, biases: Array, before: Array, after: Array) -> None:
    for row in range(len(after)):
        after[row] = biases[row]
        for column in range(len(before)):
            weight = weights[row, column]
            for i in range(after.shape[1]):
                after[row, i] += weight * before[column, i]
        for i in range(after.shape[1]):
            after[row, i] = tanh(after[row, i])


@compiled
def _add_physics(model: InferenceModel, joint: int, windows: Windows, commanded: Array, step: Array) -> None:
    """What ``joint_physics.advance`` does, with positions relative to the present one."""
    share, numbers = model.physics_share, model.physics[joint]
    slowing, limit, friction = numbers[0], numbers[1], numbers[2]
    stiffness, bias, slope = numbers[3], numbers[4], numbers[5]
    shares_of_last = (numbers[6], numbers[7], numbers[8], numbers[9], numbers[10])
    present, before, last_commanded = windows.present, windows.past_position[-1], windows.commanded[-1]
    for i in range(len(step)):
        away, move = np.float32(0), -before[i] / _SUBSTEPS
        weight = bias - slope * present[i]
        for old in shares_of_last:
            goal = commanded[i] + old * (last_commanded[i] - commanded[i])
            free = slowing * move + (weight - slope * away) + clip(stiffness * (goal - away), -limit, limit)
            move = free - clip(free, -friction, friction)
            away += move
        step[i] += share * away


@compiled
def invert(
    models: tuple[InferenceModel, InferenceModel],
    position: Array,
    past_target: Array,
    past_command: Array,
    target: Array,
    objective: Objective,
    command: Array,
    usable: Array,
) -> None:
    """Find the best commands for n hands.

    Args:
        models: of the simulation and of the hand.
        position: (n, W, joints) rad, oldest first, float64.
        past_target: targets before, (n, W-1, joints) rad, float64.
        past_command: the commands that were sent for them, likewise.
        target: targets to apply now, (n, joints) rad, float64.
        objective: limits and weights.
        command: gets the targets to send, (n, joints), rad, float64.
        usable: gets False for hands for which a prediction is not finite, (n,).
    """
    for first in range(0, len(position), BLOCK_SIZE):
        some = slice(first, first + BLOCK_SIZE)
        batch = _load(position[some], past_target[some], past_command[some], target[some])
        correction = _corrections(models, batch, objective, usable[some])
        for i in range(first, first + correction.shape[1]):
            for joint in range(len(correction)):
                change = correction[joint, i - first] if usable[i] else np.float32(0)
                command[i, joint] = target[i, joint] + change


@compiled
def _corrections(
    models: tuple[InferenceModel, InferenceModel], batch: ControlBatch, objective: Objective, usable: Array
) -> Array:
    """The best corrections for hands that stay in the cache together, (joints, n); see ``invert``."""
    (joints, n), units, kind = batch.present.shape, models[0].head.shape[1], np.float32
    correction = np.empty((joints, n), kind)
    # Each array has memory of its own, since for parts of one the compiler could not tell that they do not overlap.
    low, span, best, cost = np.empty(n, kind), np.empty(n, kind), np.empty(n, kind), np.empty(n, kind)
    commanded, steps = (np.empty(n, kind), np.empty(n, kind)), (np.empty(n, kind), np.empty(n, kind))
    first_layer = (np.empty((units + 1, n), kind), np.empty((units + 1, n), kind))
    hidden, residual = np.empty((2, units, n), kind), np.empty((len(objective.shares), n), kind)
    for joint in range(joints):
        present, past_position, previous = batch.present[joint], batch.past_position[joint], batch.previous[joint]
        windows = (
            Windows(present, past_position, batch.past_target[joint]),
            Windows(present, past_position, batch.past_command[joint]),
        )
        for i in range(n):
            # The last correction may itself lie outside the bound, where another filter or a joint limit had a say.
            low[i] = clip(previous[i] - objective.rate_limit, -objective.bound, objective.bound)
            high = clip(previous[i] + objective.rate_limit, -objective.bound, objective.bound)
            span[i] = high - low[i]
            # As little as the rate limit allows is the rule, and only what is better than it replaces it.
            best[i] = clip(np.float32(0), low[i], high)
            commanded[0][i] = batch.commanded[joint, i]
            commanded[1][i] = batch.commanded[joint, i] + best[i]
        # The same code predicts it and the simulation, so that equal models agree to the last bit.
        for which in range(2):
            precompute_first_layer(models[which], joint, windows[which], first_layer[which])
            predict(models[which], joint, windows[which], first_layer[which], commanded[which], hidden, steps[which])
        for i in range(n):
            cost[i] = _cost(steps[1][i] - steps[0][i], best[i], previous[i], objective)
            usable[i] &= np.isfinite(cost[i])
        for candidate in range(len(residual)):
            share = objective.shares[candidate]
            for i in range(n):
                commanded[1][i] = commanded[0][i] + low[i] + span[i] * share
            predict(models[1], joint, windows[1], first_layer[1], commanded[1], hidden, steps[1])
            for i in range(n):
                residual[candidate, i] = steps[1][i] - steps[0][i]
        _improve(residual, low, span, previous, objective, best, cost)
        correction[joint] = best
    return correction


@compiled
def _load(position: Array, past_target: Array, past_command: Array, target: Array) -> ControlBatch:
    """Copy windows to where the hands of each joint lie side by side.

    What comes in is read in the order of memory, once, as it is not in the cache.
    """
    (n, window, joints), kind = position.shape, np.float32
    present, commanded, previous = np.empty((joints, n), kind), np.empty((joints, n), kind), np.empty((joints, n), kind)
    relative_position, relative_target, relative_command = (
        np.empty((joints, window - 1, n), kind),
        np.empty((joints, window - 1, n), kind),
        np.empty((joints, window - 1, n), kind),
    )
    for i in range(n):
        for joint in range(joints):
            present[joint, i] = position[i, -1, joint]
            commanded[joint, i] = target[i, joint] - position[i, -1, joint]
            previous[joint, i] = past_command[i, -1, joint] - past_target[i, -1, joint]
        for values, relative in (
            (position, relative_position),
            (past_target, relative_target),
            (past_command, relative_command),
        ):
            for tick in range(window - 1):
                for joint in range(joints):
                    relative[joint, tick, i] = values[i, tick, joint] - position[i, -1, joint]
    return ControlBatch(present, relative_position, relative_target, relative_command, commanded, previous)


@compiled
def _improve(
    residual: Array, low: Array, span: Array, previous: Array, objective: Objective, best: Array, cost: Array
) -> None:
    """Replace corrections by better ones, where residuals were straight between the candidates."""
    for segment in range(len(residual) - 1):
        share, width = objective.shares[segment], objective.shares[segment + 1] - objective.shares[segment]
        for i in range(len(best)):
            left, error = low[i] + span[i] * share, residual[segment, i]
            slope = (residual[segment + 1, i] - error) / (span[i] * width)
            most = slope * slope + (objective.correction_weight + objective.change_weight + _TINY)
            here = (slope * (slope * left - error) + objective.change_weight * previous[i]) / most
            here = clip(here, left, left + span[i] * width)
            correction_weight = _cost(error + slope * (here - left), here, previous[i], objective)
            better = correction_weight < cost[i]
            best[i] = here if better else best[i]
            cost[i] = correction_weight if better else cost[i]


@compiled
def _cost(residual: np.float32, correction: np.float32, previous: np.float32, objective: Objective) -> np.float32:
    change = correction - previous
    return (
        residual * residual
        + objective.correction_weight * (correction * correction)
        + objective.change_weight * (change * change)
    )
