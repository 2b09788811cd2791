"""The joint-wise inverse: which target makes the real joint move as the simulated one would?"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dexndm_gym.dynamics.folded import Array, FoldedModel, Prepared, joints_first
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.errors import ConfigurationError, ModelMismatchError
from dexndm_gym.leap.joints import FloatArray

_TINY = 1e-12
_TOGETHER = 128
"""Hands corrected together: more do not stay in the cache, nor are their arrays served without page faults."""


@dataclass(frozen=True, kw_only=True)
class InverseConfig:
    """How far and how eagerly the inverse corrects."""

    bound: float = 0.2
    """Largest correction, rad."""

    rate_limit: float = 0.2
    """Largest change of the correction from one control period to the next, rad."""

    effort: float = 0.05
    """Price of a correction: so many rad of error in the predicted position weigh as much as 1 rad of correction."""

    change_effort: float = 0.15
    """Price of changing the correction from one control period to the next, in the same unit. It calms hands that act
    late: there a correction shows mostly one period after the one it was chosen for."""

    candidates: int = 7
    """Corrections tried, evenly spread over what bound and rate limit allow."""

    def __post_init__(self) -> None:
        """Check the values."""
        positive, not_negative = min(self.bound, self.rate_limit), min(self.effort, self.change_effort)
        if not (positive > 0 and not_negative >= 0 and self.candidates >= 2):
            raise ConfigurationError(
                "the inverse needs a positive bound and rate_limit, effort and change_effort of at least zero and at "
                f"least two candidates; got {self}"
            )


@dataclass(frozen=True, kw_only=True)
class Correction:
    """What the inverse proposes for n hands."""

    target: FloatArray
    """Targets to send, (n, joints), rad."""

    fallback: npt.NDArray[np.bool_]
    """Hands that got their base target because an input or a prediction was not finite, (n,)."""


class JointwiseInverse:
    """Finds, per joint, the target that should move the real hand as the base target would move the simulated one.

    The real model sees the targets that were sent, the simulated one the base targets. Let r(d) be the difference of
    their two predictions of the next position when d is added to the base target for the real one. The inverse
    minimises r(d)^2 + (effort d)^2 + (change_effort (d - last d))^2 within the bound and the rate limit. Two equal
    models give r(0) = 0 and so exactly d = 0. Without a price, r alone is ill-posed where dry friction or contact
    holds a joint: any target of a wide band gives the same motion there.
    """

    def __init__(
        self, real_model: JointwiseModel, sim_model: JointwiseModel, config: InverseConfig | None = None
    ) -> None:
        """Invert one model with respect to another.

        Args:
            real_model: model of the hand that is driven.
            sim_model: model of the simulation that the policy knows.
            config: bounds and prices.

        Raises:
            ModelMismatchError: the models are for other joints or windows than each other, or of other kinds, or their
                networks are for several joints each.
        """
        real_model.require(sim_model.config.joint_names, sim_model.config.window)
        if real_model.config.kind != sim_model.config.kind:
            raise ModelMismatchError(
                f"the dynamics models are of different kinds: {real_model.config.kind} of the hand, "
                f"{sim_model.config.kind} of the simulation; fit the hand's from the simulation's, and give that as "
                "sim_model (--sim-model)"
            )
        self.config = config or InverseConfig()
        self._real, self._both = FoldedModel(real_model), FoldedModel(sim_model, real_model)
        self._shares = np.linspace(0.0, 1.0, self.config.candidates, dtype=np.float32)[:, None]

    def __call__(
        self, position: FloatArray, past_base: FloatArray, past_sent: FloatArray, base_target: FloatArray
    ) -> Correction:
        """Correct the targets of one control period.

        Args:
            position: (n, W, joints) rad, oldest first, including the present.
            past_base: (n, W-1, joints) rad, base targets, oldest first.
            past_sent: (n, W-1, joints) rad, the targets that were sent for them.
            base_target: (n, joints) rad, the target to correct.
        """
        parts = [
            self._correct(position[part], past_base[part], past_sent[part], base_target[part])
            for part in (slice(first, first + _TOGETHER) for first in range(0, len(position), _TOGETHER))
        ]
        targets, fallbacks = zip(*parts, strict=True)
        return Correction(target=np.concatenate(targets), fallback=np.concatenate(fallbacks))

    def _correct(
        self, position: FloatArray, past_base: FloatArray, past_sent: FloatArray, base_target: FloatArray
    ) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """Target and fallback of some hands."""
        # Numbers that are not finite, or too large, go through to the fallback.
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            now, base, sent, target = (
                joints_first(values) for values in (position, past_base, past_sent, base_target[:, None])
            )
            both = self._both.prepare(np.concatenate((now, now)), np.concatenate((base, sent)))
            correction, usable = self._solve(both, target, sent[:, -1:] - base[:, -1:])
        usable = np.asarray(usable.all(axis=(0, 1)))
        return base_target + np.where(usable[:, None], correction[:, 0].T, 0.0), np.logical_not(usable)

    def _solve(self, both: Prepared, target: Array, previous: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
        """The corrections (joints, 1, n), and where the predictions could be used."""
        bound, rate = np.float32(self.config.bound), np.float32(self.config.rate_limit)
        # The last correction may itself lie outside the bound, where another filter or a joint limit had a say.
        low = np.clip(previous - rate, -bound, bound)
        high = np.clip(previous + rate, -bound, bound)
        # As little as the rate limit allows is the rule, and only what is better than it replaces it. It is predicted
        # together with the simulation, so that equal models agree to the last bit.
        least = np.clip(np.zeros_like(previous), low, high)
        wanted, with_least = np.split(self._both.step(both, np.concatenate((target, target + least))), 2)
        at_least = self._cost(with_least - wanted, least, previous)
        tried = low + (high - low) * self._shares
        residual = self._real.step(both.last(len(target)), target + tried) - wanted
        best, at_best = self._interpolate(tried, residual, previous)
        return np.where(at_best < at_least, best, least), np.isfinite(at_least)

    def _interpolate(self, tried: Array, residual: Array, previous: Array) -> tuple[Array, Array]:
        """The best correction and its cost if the residual were straight between those tried, (joints, 1, n) each."""
        left, right, error = tried[:, :-1], tried[:, 1:], residual[:, :-1]
        slope = (residual[:, 1:] - error) / (right - left)
        price, change_price = self.config.effort**2, self.config.change_effort**2
        best = slope * (slope * left - error) + change_price * previous
        best = np.clip(best / (slope * slope + (price + change_price + _TINY)), left, right)
        cost = self._cost(error + slope * (best - left), best, previous)
        least = cost.argmin(axis=1, keepdims=True)
        return np.take_along_axis(best, least, axis=1), np.take_along_axis(cost, least, axis=1)

    def _cost(self, residual: Array, correction: Array, previous: Array) -> Array:
        price, change_price = self.config.effort**2, self.config.change_effort**2
        change = correction - previous
        return residual * residual + price * (correction * correction) + change_price * (change * change)
