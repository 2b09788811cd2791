"""Ways to correct targets by what was learned from the same recordings, to be compared on the same hands."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, Protocol

from dexndm_gym.constants import HISTORY
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.dynamics.correction import InverseConfig, JointwiseInverse
from dexndm_gym.dynamics.fit import FitOptions, fit_trajectories
from dexndm_gym.dynamics.model import JointwiseModel, ModelConfig, Network, PhysicsRole
from dexndm_gym.dynamics.prediction_errors import Predictor
from dexndm_gym.dynamics.residual import PAST, ResidualOptions, step_with, train_residual
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.filters.jointwise_inverse import InverseFilter
from dexndm_gym.filters.residual import DeltaActionFilter, ResidualFilter
from dexndm_gym.filters.target_filter import TargetFilter
from dexndm_gym.task.import_paths import is_reference, resolve

_BOLD = InverseConfig(bound=0.3, rate_limit=0.2, correction_weight=0.02, change_weight=0.15)
"""For physics, which hold everywhere."""

_CAUTIOUS = InverseConfig(bound=0.15, rate_limit=0.1, correction_weight=0.1, change_weight=0.1)
"""For networks, which are not to be trusted far from what they have seen."""


@dataclass(frozen=True)
class Learned:
    """What was made of recordings of a hand."""

    correction: TargetFilter
    """Corrects targets for that hand."""

    predict: Predictor | None = None
    """Predicts that hand; None where a correction does so without predictions."""

    window: int = HISTORY
    """Control periods that the predictor looks back."""


class Correction(Protocol):
    """A way to correct that the gap suite scores beside others.

    ``dexndm evaluate --suite gap --baselines default my_package:MyCorrection`` plays one that is made without
    arguments. ``loaded`` may be a property or a plain attribute.
    """

    @property
    def loaded(self) -> bool:
        """Whether it learns from a hand that turns objects, instead of the empty hand."""
        ...

    def fit_simulation(self, trajectories: Sequence[Trajectory], seed: int) -> Any:
        """What is to be known of the simulation, from its recordings; once for all hands."""
        ...

    def learn(self, recorded: Sequence[Trajectory], sim: Any, simulated: Sequence[Trajectory], seed: int) -> Learned:
        """Learn how to correct a hand.

        Args:
            recorded: of the hand, empty or loaded as ``loaded`` says.
            sim: what ``fit_simulation`` gave.
            simulated: what the policy did in simulation, turning objects.
            seed: of all learning.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """A kind of model and what corrects by it: a ``Correction``."""

    model: ModelConfig
    """What is fitted to a hand; for a delta action, to the simulation."""

    loaded: bool = False
    """Learns from a hand that turns objects, instead of the empty hand."""

    by: Literal["inverse", "residual", "delta"] = "inverse"
    """How targets are corrected: by an inverse of the hand's model; by a residual policy that learns from it; or by
    undoing a delta action, which makes the model of the simulation do what the hand did."""

    inverse: InverseConfig = field(default_factory=InverseConfig)
    """How it is inverted, where it is."""

    def fit_simulation(self, trajectories: Sequence[Trajectory], seed: int) -> JointwiseModel:
        """Fit the model of the simulation."""
        return fit_trajectories(trajectories, config=self.model, options=FitOptions(seed=seed))[0]

    def learn(
        self, recorded: Sequence[Trajectory], sim: JointwiseModel, simulated: Sequence[Trajectory], seed: int
    ) -> Learned:
        """Learn how to correct a hand.

        Args:
            recorded: of the hand, empty or loaded as this baseline wants it.
            sim: model of the simulation, from ``fit_simulation``.
            simulated: what the policy did in simulation, for residual policies.
            seed: of all learning.
        """
        if self.by == "delta":
            delta = train_residual(sim, recorded, options=ResidualOptions(seed=seed, network="finger"))
            return Learned(DeltaActionFilter(delta), partial(step_with, delta, sim), PAST)
        hand = fit_trajectories(recorded, start=sim, options=FitOptions(seed=seed))[0]
        if self.by == "residual":
            policy = train_residual(hand, simulated, options=ResidualOptions(seed=seed))
            return Learned(ResidualFilter(policy), hand)
        return Learned(InverseFilter(JointwiseInverse(hand, sim, self.inverse)), hand)


def _model(physics: PhysicsRole, network: Network) -> ModelConfig:
    return ModelConfig(physics=physics, network=network, hidden=(64, 64))


BASELINES: Mapping[str, Baseline] = {
    "default": Baseline(model=ModelConfig()),
    "physics": Baseline(model=ModelConfig(physics="alone"), inverse=_BOLD),
    "physics+network": Baseline(model=_model("base", "joint"), inverse=_CAUTIOUS),
    "joint-network": Baseline(model=_model("none", "joint"), inverse=_CAUTIOUS),
    "shared-network": Baseline(model=_model("none", "shared"), inverse=_CAUTIOUS),
    "residual-joint": Baseline(model=_model("none", "joint"), by="residual", loaded=True),
    "residual-finger": Baseline(model=_model("none", "finger"), by="residual", loaded=True),
    "residual-hand": Baseline(model=_model("none", "hand"), by="residual", loaded=True),
    "delta-action": Baseline(model=_model("base", "joint"), by="delta", loaded=True),
}
"""The default first: physics of every joint and one network for all joints, each by itself, inverted together. Then
plain identification (stiffness, damping, dry friction, gravity, delay), inverted; the same with a network per joint
that learns what they miss; inverses of the paper's joint-wise networks, and of one network for all joints (as UAN's);
the paper's residual policy on joint-wise, finger-wise and whole-hand networks; and a delta action (as ASAP's) per
finger, undone."""


def find_correction(name: str) -> Correction:
    """A correction by its name in ``BASELINES``, or ``"module:name"`` of a class or an instance.

    Raises:
        ConfigurationError: there is none, or it is none.
    """
    if name in BASELINES:
        return BASELINES[name]
    if not is_reference(name):
        close = difflib.get_close_matches(name, BASELINES, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ConfigurationError(
            f"Unknown baseline {name!r}; expected some of {', '.join(BASELINES)}, or my_package:MyCorrection.{hint}"
        )
    found = resolve(name, "baseline")
    correction = found() if isinstance(found, type) else found
    if missing := [member for member in ("loaded", "fit_simulation", "learn") if not hasattr(correction, member)]:
        raise ConfigurationError(
            f"Baseline {name!r} has no {', '.join(missing)}; see Correction in dexndm_gym.evaluation.gap.baselines"
        )
    return correction
