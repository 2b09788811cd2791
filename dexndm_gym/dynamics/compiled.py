"""Compiled functions of folded models: what they predict for one joint of many hands, and the inverse of that.

The hands lie side by side in memory, so that loops over them become vector instructions; each such loop touches few
arrays, because the compiler has to prove, or check, that those it writes overlap no others. All of it is in one file,
since a change in another would not make the compiler forget what it has cached.
"""

import numpy as np

from dexndm_gym.compiling import compiled
from dexndm_gym.dynamics.folded import Array, FoldedModel
from dexndm_gym.dynamics.joint_physics import SUBSTEPS
from dexndm_gym.dynamics.lanes import Moments, Objective, Windows

TOGETHER = 384
"""Hands side by side: more do not stay in the cache. Rows of a power of two would push each other out of it."""

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
def digest(model: FoldedModel, joint: int, windows: Windows, digested: Array) -> None:
    """Let the first layer of a joint see windows, but for the target to apply now.

    Args:
        model: the model.
        joint: which of its joints.
        windows: the windows.
        digested: gets what units and linear path make of them, (H + 1, n).
    """
    positions, targets, n = model.positions[joint], model.targets[joint], len(windows.present)
    for row in range(len(digested)):
        bias, weight = model.bias[joint, row], positions[row, -1]
        for i in range(n):
            digested[row, i] = bias + weight * windows.present[i]
        for tick in range(len(windows.moved)):
            of_position, of_target = positions[row, tick], targets[row, tick]
            for i in range(n):
                digested[row, i] += of_position * windows.moved[tick, i] + of_target * windows.asked[tick, i]


@compiled
def predict(
    model: FoldedModel, joint: int, windows: Windows, digested: Array, asked: Array, hidden: Array, step: Array
) -> None:
    """Predict how far a joint moves in the next control period.

    Args:
        model: the model.
        joint: which of its joints.
        windows: what went before.
        digested: what ``digest`` made of that, (H + 1, n).
        asked: the targets to apply now, relative to the present positions, (n,), rad.
        hidden: room for two hidden layers, (2, H, n).
        step: gets the change of position, (n,), rad.
    """
    if model.head.shape[1] > 0:
        _network(model, joint, digested, asked, hidden, step)
    else:
        step[:] = np.float32(0)
    if model.physics_share > 0:
        _add_physics(model, joint, windows, asked, step)


@compiled
def _network(model: FoldedModel, joint: int, digested: Array, asked: Array, hidden: Array, step: Array) -> None:
    n, units, slopes, head = len(step), model.head.shape[1], model.targets[joint, :, -1], model.head[joint]
    slope, share = slopes[units], model.network_share[joint]
    for i in range(n):
        step[i] = digested[units, i] + slope * asked[i]
    if len(model.deeper) == 0:  # the usual one, whose units need not be written down
        for unit in range(units):
            slope, weight = slopes[unit], head[unit]
            for i in range(n):
                step[i] += weight * tanh(digested[unit, i] + slope * asked[i])
    else:
        for unit in range(units):
            slope = slopes[unit]
            for i in range(n):
                hidden[0, unit, i] = tanh(digested[unit, i] + slope * asked[i])
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
def _add_physics(model: FoldedModel, joint: int, windows: Windows, asked: Array, step: Array) -> None:
    """What ``joint_physics.advance`` does, with positions relative to the present one."""
    share, numbers = model.physics_share, model.physics[joint]
    slowing, limit, friction = numbers[0], numbers[1], numbers[2]
    stiffness, bias, slope = numbers[3], numbers[4], numbers[5]
    shares_of_last = (numbers[6], numbers[7], numbers[8], numbers[9], numbers[10])
    present, before, last_asked = windows.present, windows.moved[-1], windows.asked[-1]
    for i in range(len(step)):
        away, move = np.float32(0), -before[i] / _SUBSTEPS
        weight = bias - slope * present[i]
        for old in shares_of_last:
            goal = asked[i] + old * (last_asked[i] - asked[i])
            free = slowing * move + (weight - slope * away) + clip(stiffness * (goal - away), -limit, limit)
            move = free - clip(free, -friction, friction)
            away += move
        step[i] += share * away


@compiled
def invert(
    models: tuple[FoldedModel, FoldedModel],
    position: Array,
    past_base: Array,
    past_sent: Array,
    target: Array,
    objective: Objective,
    corrected: Array,
    usable: Array,
) -> None:
    """Find the best targets for n hands.

    Args:
        models: of the simulation and of the hand.
        position: (n, W, joints) rad, oldest first, float64.
        past_base: base targets before, (n, W-1, joints) rad, float64.
        past_sent: the targets that were sent for them, likewise.
        target: base targets to apply now, (n, joints) rad, float64.
        objective: limits and prices.
        corrected: gets the targets to send, (n, joints), rad, float64.
        usable: gets False for hands for which a prediction is not finite, (n,).
    """
    for first in range(0, len(position), TOGETHER):
        some = slice(first, first + TOGETHER)
        moments = _load(position[some], past_base[some], past_sent[some], target[some])
        correction = _corrections(models, moments, objective, usable[some])
        for i in range(first, first + correction.shape[1]):
            for joint in range(len(correction)):
                change = correction[joint, i - first] if usable[i] else np.float32(0)
                corrected[i, joint] = target[i, joint] + change


@compiled
def _corrections(
    models: tuple[FoldedModel, FoldedModel], moments: Moments, objective: Objective, usable: Array
) -> Array:
    """The best corrections for hands that stay in the cache together, (joints, n); see ``invert``."""
    (joints, n), units, kind = moments.present.shape, models[0].head.shape[1], np.float32
    correction = np.empty((joints, n), kind)
    # Each array has memory of its own, since for parts of one the compiler could not tell that they do not overlap.
    low, span, best, cost = np.empty(n, kind), np.empty(n, kind), np.empty(n, kind), np.empty(n, kind)
    asked, steps = (np.empty(n, kind), np.empty(n, kind)), (np.empty(n, kind), np.empty(n, kind))
    digested = (np.empty((units + 1, n), kind), np.empty((units + 1, n), kind))
    hidden, residual = np.empty((2, units, n), kind), np.empty((len(objective.shares), n), kind)
    for joint in range(joints):
        present, moved, previous = moments.present[joint], moments.moved[joint], moments.previous[joint]
        windows = (Windows(present, moved, moments.base[joint]), Windows(present, moved, moments.sent[joint]))
        for i in range(n):
            # The last correction may itself lie outside the bound, where another filter or a joint limit had a say.
            low[i] = clip(previous[i] - objective.rate_limit, -objective.bound, objective.bound)
            high = clip(previous[i] + objective.rate_limit, -objective.bound, objective.bound)
            span[i] = high - low[i]
            # As little as the rate limit allows is the rule, and only what is better than it replaces it.
            best[i] = clip(np.float32(0), low[i], high)
            asked[0][i] = moments.asked[joint, i]
            asked[1][i] = moments.asked[joint, i] + best[i]
        # The same code predicts it and the simulation, so that equal models agree to the last bit.
        for which in range(2):
            digest(models[which], joint, windows[which], digested[which])
            predict(models[which], joint, windows[which], digested[which], asked[which], hidden, steps[which])
        for i in range(n):
            cost[i] = _cost(steps[1][i] - steps[0][i], best[i], previous[i], objective)
            usable[i] &= np.isfinite(cost[i])
        for candidate in range(len(residual)):
            share = objective.shares[candidate]
            for i in range(n):
                asked[1][i] = asked[0][i] + low[i] + span[i] * share
            predict(models[1], joint, windows[1], digested[1], asked[1], hidden, steps[1])
            for i in range(n):
                residual[candidate, i] = steps[1][i] - steps[0][i]
        _improve(residual, low, span, previous, objective, best, cost)
        correction[joint] = best
    return correction


@compiled
def _load(position: Array, past_base: Array, past_sent: Array, target: Array) -> Moments:
    """Copy windows to where the hands of each joint lie side by side.

    What comes in is read in the order of memory, once, as it is not in the cache.
    """
    (n, window, joints), kind = position.shape, np.float32
    present, asked, previous = np.empty((joints, n), kind), np.empty((joints, n), kind), np.empty((joints, n), kind)
    moved, base, sent = (
        np.empty((joints, window - 1, n), kind),
        np.empty((joints, window - 1, n), kind),
        np.empty((joints, window - 1, n), kind),
    )
    for i in range(n):
        for joint in range(joints):
            present[joint, i] = position[i, -1, joint]
            asked[joint, i] = target[i, joint] - position[i, -1, joint]
            previous[joint, i] = past_sent[i, -1, joint] - past_base[i, -1, joint]
        for values, relative in ((position, moved), (past_base, base), (past_sent, sent)):
            for tick in range(window - 1):
                for joint in range(joints):
                    relative[joint, tick, i] = values[i, tick, joint] - position[i, -1, joint]
    return Moments(present, moved, base, sent, asked, previous)


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
            most = slope * slope + (objective.price + objective.change_price + _TINY)
            here = (slope * (slope * left - error) + objective.change_price * previous[i]) / most
            here = clip(here, left, left + span[i] * width)
            price = _cost(error + slope * (here - left), here, previous[i], objective)
            better = price < cost[i]
            best[i] = here if better else best[i]
            cost[i] = price if better else cost[i]


@compiled
def _cost(residual: np.float32, correction: np.float32, previous: np.float32, objective: Objective) -> np.float32:
    change = correction - previous
    return (
        residual * residual + objective.price * (correction * correction) + objective.change_price * (change * change)
    )
