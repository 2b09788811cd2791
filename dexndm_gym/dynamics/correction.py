"""The joint-wise inverse: which target makes the real joint move as the simulated one would?"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt

from dexndm_gym.checks import Bound, Checked, NotNegative, Positive
from dexndm_gym.dynamics.compiled import invert
from dexndm_gym.dynamics.folded import fold
from dexndm_gym.dynamics.lanes import Objective
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.errors import ModelMismatchError
from dexndm_gym.leap.joints import FloatArray


@dataclass(frozen=True, kw_only=True)
class InverseConfig(Checked):
    """How far and how eagerly the inverse corrects."""

    bound: Positive = 0.2
    """Largest correction, rad."""

    rate_limit: Positive = 0.2
    """Largest change of the correction from one control period to the next, rad."""

    effort: NotNegative = 0.05
    """Price of a correction: so many rad of error in the predicted position weigh as much as 1 rad of correction."""

    change_effort: NotNegative = 0.15
    """Price of changing the correction from one control period to the next, in the same unit. It calms hands that act
    late: there a correction shows mostly one period after the one it was chosen for."""

    candidates: Annotated[int, Bound(least=2, most=10_000)] = 7
    """Corrections tried, evenly spread over what bound and rate limit allow."""


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
        self._models = (fold(sim_model), fold(real_model))
        self._objective = Objective(
            bound=np.float32(self.config.bound),
            rate_limit=np.float32(self.config.rate_limit),
            price=np.float32(self.config.effort**2),
            change_price=np.float32(self.config.change_effort**2),
            shares=np.linspace(0.0, 1.0, self.config.candidates, dtype=np.float32),
        )
        window, joints = real_model.config.window, len(real_model.config.joint_names)
        self._shapes = ((window, joints), (window - 1, joints), (window - 1, joints), (joints,))
        # Compiles, or loads what was compiled: a hand that moves cannot wait for it.
        self(*(np.zeros((1, *shape)) for shape in self._shapes))

    def __call__(
        self, position: FloatArray, past_base: FloatArray, past_sent: FloatArray, base_target: FloatArray
    ) -> Correction:
        """Correct the targets of one control period.

        Args:
            position: (n, W, joints) rad, oldest first, including the present.
            past_base: (n, W-1, joints) rad, base targets, oldest first.
            past_sent: (n, W-1, joints) rad, the targets that were sent for them.
            base_target: (n, joints) rad, the target to correct.

        Raises:
            ModelMismatchError: shapes other than these.
        """
        given = (position, past_base, past_sent, base_target)
        try:
            inputs = [np.require(values, np.float64, ["C", "A", "W", "E"]) for values in given]
        except (TypeError, ValueError) as error:
            raise ModelMismatchError(f"expected arrays of positions and targets in rad: {error}") from error
        inputs = [np.atleast_1d(values) for values in inputs]
        expected = [(len(inputs[0]), *shape) for shape in self._shapes]
        if [values.shape for values in inputs] != expected:  # compiled code would read whatever lies there
            raise ModelMismatchError(
                f"expected positions, past base targets, past sent targets and base targets of shapes {expected}; got "
                f"{[values.shape for values in inputs]}"
            )
        corrected, usable = np.empty(expected[-1]), np.ones(len(inputs[0]), np.bool_)
        position, past_base, past_sent, base_target = inputs
        invert(self._models, position, past_base, past_sent, base_target, self._objective, corrected, usable)
        return Correction(target=corrected, fallback=np.logical_not(usable))
