"""Ways to correct targets by what was learned from the same recordings, to be compared on the same hands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.dynamics.correction import InverseConfig, JointwiseInverse
from dexndm_gym.dynamics.fit import FitOptions, fit_trajectories
from dexndm_gym.dynamics.measures import Predictor
from dexndm_gym.dynamics.model import JointwiseModel, ModelConfig
from dexndm_gym.dynamics.residual import PAST, ResidualOptions, step_with, train_residual
from dexndm_gym.dynamics.windows import WINDOW
from dexndm_gym.envs.target_filter import TargetFilter
from dexndm_gym.leap.joints import JOINT_NAMES, NUM_JOINTS
from dexndm_gym.wrappers.dynamics_correction import CorrectionFilter
from dexndm_gym.wrappers.residual_filter import DeltaActionFilter, ResidualFilter

_CAUTIOUS = InverseConfig(network=True, bound=0.15, rate_limit=0.1, effort=0.1, change_effort=0.1)
"""For networks, which are not to be trusted far from what they have seen."""


@dataclass(frozen=True, kw_only=True)
class Rival:
    """A kind of model and what corrects by it."""

    loaded: bool = False
    """Learns from a hand that turns objects, instead of the empty hand."""

    physics: bool = False
    """The model starts from servo physics."""

    shared: bool = False
    """One network that is the same for all joints, instead of one each."""

    joints_per_network: int = 1
    """Joints that a network sees together; more than one not with an inverse."""

    by: Literal["inverse", "residual", "delta"] = "inverse"
    """How targets are corrected: by an inverse of the hand's model; by a residual policy that learns from it; or by
    undoing a delta action, which makes the model of the simulation do what the hand did."""

    inverse: InverseConfig = field(default_factory=InverseConfig)
    """How it is inverted, where it is."""

    def fit(self, trajectories: Sequence[Trajectory], start: JointwiseModel | None, seed: int) -> JointwiseModel:
        """Fit such a model to a hand; ``start`` is the one of the simulation, None to make that one."""
        config, options = None, FitOptions(seed=seed)
        if self.by == "inverse" and not self.inverse.network:
            options = replace(options, epochs=0)  # nobody will ask the network
        if self.shared:
            trajectories = [one for trajectory in trajectories for one in _joint_by_joint(trajectory)]
            options = replace(options, batch=options.batch * NUM_JOINTS)
        if start is None:
            config = ModelConfig(
                joint_names=("any",) if self.shared else JOINT_NAMES,
                physics=self.physics,
                joints_per_network=1 if self.by == "delta" else self.joints_per_network,
            )
        return fit_trajectories(trajectories, start=start, config=config, options=options)[0]

    def learn(
        self, recorded: Sequence[Trajectory], sim: JointwiseModel, simulated: Sequence[Trajectory], seed: int
    ) -> "Learned":
        """Learn how to correct a hand.

        Args:
            recorded: of the hand, empty or loaded as this rival wants it.
            sim: model of the simulation, from ``fit``.
            simulated: what the policy did in simulation, for residual policies.
            seed: of all learning.
        """
        if self.by == "delta":
            delta = train_residual(
                sim, recorded, options=ResidualOptions(seed=seed, joints_per_network=self.joints_per_network)
            )
            return Learned(DeltaActionFilter(delta), partial(step_with, delta, sim), PAST)
        hand = self.fit(recorded, sim, seed)
        if self.by == "residual":
            policy = train_residual(hand, simulated, options=ResidualOptions(seed=seed))
            return Learned(ResidualFilter(policy), hand)
        if self.shared:
            hand, sim = _for_all_joints(hand), _for_all_joints(sim)
        return Learned(CorrectionFilter(JointwiseInverse(hand, sim, self.inverse)), hand)


@dataclass(frozen=True)
class Learned:
    """What a rival made of recordings of a hand."""

    correction: TargetFilter
    """Corrects targets for that hand."""

    predict: Predictor
    """Predicts that hand."""

    window: int = WINDOW
    """Control periods that the predictor looks back."""


RIVALS: Mapping[str, Rival] = {
    "physics": Rival(physics=True),
    "physics+network": Rival(physics=True, inverse=_CAUTIOUS),
    "joint-network": Rival(inverse=_CAUTIOUS),
    "shared-network": Rival(shared=True, inverse=_CAUTIOUS),
    "residual-joint": Rival(by="residual", loaded=True),
    "residual-finger": Rival(by="residual", loaded=True, joints_per_network=4),
    "residual-hand": Rival(by="residual", loaded=True, joints_per_network=16),
    "delta-action": Rival(by="delta", physics=True, loaded=True, joints_per_network=4),
}
"""The default first: plain identification of every joint (stiffness, damping, dry friction, gravity, delay), inverted.
Then the same with its network's say; inverses of the paper's joint-wise networks, and of one network for all joints (as
UAN's); the paper's residual policy on joint-wise, finger-wise and whole-hand networks; and a delta action (as ASAP's)
per finger, undone."""


def _joint_by_joint(trajectory: Trajectory) -> list[Trajectory]:
    return [Trajectory(trajectory.position[:, [j]], trajectory.target[:, [j]]) for j in range(trajectory.num_joints)]


def _for_all_joints(model: JointwiseModel) -> JointwiseModel:
    """The same network sixteen times over."""
    copies = JointwiseModel(ModelConfig(physics=model.config.physics, hidden=model.config.hidden))
    copies.load_state_dict(
        {name: tensor.expand(NUM_JOINTS, *tensor.shape[1:]).clone() for name, tensor in model.state_dict().items()}
    )
    return copies.eval()
