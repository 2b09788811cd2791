"""The joint-wise inverse: which command makes the real joint move as the simulated one would?"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from dexndm_gym.arrays import BoolArray, FloatArray
from dexndm_gym.checks import Bound, Checked, NotNegative, Positive
from dexndm_gym.dynamics.batch_layout import Objective
from dexndm_gym.dynamics.inference_model import export_for_inference
from dexndm_gym.dynamics.inverse_kernel import invert
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.errors import ModelMismatchError


@dataclass(frozen=True, kw_only=True)
class InverseConfig(Checked):
    """How far and how eagerly the inverse corrects."""

    bound: Positive = 0.2
    """Largest correction, rad."""

    rate_limit: Positive = 0.2
    """Largest change of the correction from one control period to the next, rad."""

    correction_weight: NotNegative = 0.05
    """Price of a correction: so many rad of error in the predicted position weigh as much as 1 rad of correction."""

    change_weight: NotNegative = 0.15
    """Price of changing the correction from one control period to the next, in the same unit. It calms hands that act
    late: there a correction shows mostly one period after the one it was chosen for."""

    candidates: Annotated[int, Bound(least=2, most=10_000)] = 7
    """Corrections tried, evenly spread over what bound and rate limit allow."""


@dataclass(frozen=True, kw_only=True)
class Correction:
    """What the inverse proposes for n hands."""

    command: FloatArray
    """What to send, (n, joints), rad."""

    fallback: BoolArray
    """Hands that got their target because an input or a prediction was not finite, (n,)."""


class JointwiseInverse:
    """Finds, per joint, the command that moves the real hand as the target would move the simulated one.

    The real model sees the commands, the simulated one the targets. Let r(d) be the difference of
    their two predictions of the next position when d is added to the target for the real one. The inverse
    minimizes r(d)^2 + (correction_weight d)^2 + (change_weight (d - last d))^2 within the bound and the rate limit. Two
    equal models give r(0) = 0 and so exactly d = 0. Without a price, r alone is ill-posed where dry friction or contact
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
        self._models = (export_for_inference(sim_model), export_for_inference(real_model))
        self._objective = Objective(
            bound=np.float32(self.config.bound),
            rate_limit=np.float32(self.config.rate_limit),
            correction_weight=np.float32(self.config.correction_weight**2),
            change_weight=np.float32(self.config.change_weight**2),
            shares=np.linspace(0.0, 1.0, self.config.candidates, dtype=np.float32),
        )
        window, joints = real_model.config.window, len(real_model.config.joint_names)
        self._shapes = ((window, joints), (window - 1, joints), (window - 1, joints), (joints,))
        # Compiles, or loads what was compiled: a hand that moves cannot wait for it.
        self(*(np.zeros((1, *shape)) for shape in self._shapes))

    def __call__(
        self, position: FloatArray, past_target: FloatArray, past_command: FloatArray, target: FloatArray
    ) -> Correction:
        """Correct the targets of one control period.

        Args:
            position: (n, W, joints) rad, oldest first, including the present.
            past_target: (n, W-1, joints) rad, targets, oldest first.
            past_command: (n, W-1, joints) rad, the commands that were sent for them.
            target: (n, joints) rad, the target to correct.

        Raises:
            ModelMismatchError: shapes other than these.
        """
        given = (position, past_target, past_command, target)
        try:
            inputs = [np.require(values, np.float64, ["C", "A", "W", "E"]) for values in given]
        except (TypeError, ValueError) as error:
            raise ModelMismatchError(f"expected arrays of positions and targets in rad: {error}") from error
        inputs = [np.atleast_1d(values) for values in inputs]
        expected = [(len(inputs[0]), *shape) for shape in self._shapes]
        if [values.shape for values in inputs] != expected:  # compiled code would read whatever lies there
            raise ModelMismatchError(
                f"expected positions, past targets, past commands and targets of shapes {expected}; got "
                f"{[values.shape for values in inputs]}"
            )
        command, usable = np.empty(expected[-1]), np.ones(len(inputs[0]), np.bool_)
        position, past_target, past_command, target = inputs
        invert(self._models, position, past_target, past_command, target, self._objective, command, usable)
        return Correction(command=command, fallback=np.logical_not(usable))
