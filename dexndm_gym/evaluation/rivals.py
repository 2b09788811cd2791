"""Ways to correct targets by what was learned from the same recordings, to be compared on the same hands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.dynamics.correction import InverseConfig, JointwiseInverse
from dexndm_gym.dynamics.fit import FitOptions, fit_trajectories
from dexndm_gym.dynamics.model import JointwiseModel, ModelConfig
from dexndm_gym.dynamics.residual import ResidualOptions, train_residual
from dexndm_gym.envs.target_filter import TargetFilter
from dexndm_gym.leap.joints import JOINT_NAMES, NUM_JOINTS
from dexndm_gym.wrappers.dynamics_correction import CorrectionFilter
from dexndm_gym.wrappers.residual_filter import ResidualFilter

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
    """Joints that a network sees together; more than one only with a residual policy."""

    residual: bool = False
    """Corrected by a residual policy that learns from the model, instead of an inverse of it."""

    inverse: InverseConfig = field(default_factory=InverseConfig)
    """How it is inverted, where it is."""

    def fit(self, trajectories: Sequence[Trajectory], start: JointwiseModel | None, seed: int) -> JointwiseModel:
        """Fit such a model to a hand; ``start`` is the one of the simulation, None to make that one."""
        config, options = None, FitOptions(seed=seed)
        if not (self.residual or self.inverse.network):
            options = replace(options, epochs=0)  # nobody will ask the network
        if self.shared:
            trajectories = [one for trajectory in trajectories for one in _joint_by_joint(trajectory)]
            options = replace(options, batch=options.batch * NUM_JOINTS)
        if start is None:
            config = ModelConfig(
                joint_names=("any",) if self.shared else JOINT_NAMES,
                physics=self.physics,
                joints_per_network=self.joints_per_network,
            )
        return fit_trajectories(trajectories, start=start, config=config, options=options)[0]

    def correction(
        self, hand: JointwiseModel, sim: JointwiseModel, simulated: Sequence[Trajectory], seed: int
    ) -> TargetFilter:
        """The correction that follows from models of the hand and of the simulation.

        Args:
            hand: of the hand.
            sim: of the simulation.
            simulated: what the policy did in simulation, for those that learn how to correct.
            seed: of that learning.
        """
        if self.residual:
            return ResidualFilter(train_residual(hand, simulated, options=ResidualOptions(seed=seed)))
        if self.shared:
            hand, sim = _for_all_joints(hand), _for_all_joints(sim)
        return CorrectionFilter(JointwiseInverse(hand, sim, self.inverse))


RIVALS: Mapping[str, Rival] = {
    "physics": Rival(physics=True),
    "physics+network": Rival(physics=True, inverse=_CAUTIOUS),
    "network": Rival(inverse=_CAUTIOUS),
    "shared-network": Rival(shared=True, inverse=_CAUTIOUS),
    "residual": Rival(residual=True, loaded=True),
    "residual-finger": Rival(residual=True, loaded=True, joints_per_network=4),
    "residual-hand": Rival(residual=True, loaded=True, joints_per_network=16),
}
"""The default correction first; then the same with its network's say, inverses of the paper's joint-wise networks and
of one network for all joints, and the paper's residual policy on joint-wise, finger-wise and whole-hand networks."""


def _joint_by_joint(trajectory: Trajectory) -> list[Trajectory]:
    return [Trajectory(trajectory.position[:, [j]], trajectory.target[:, [j]]) for j in range(trajectory.num_joints)]


def _for_all_joints(model: JointwiseModel) -> JointwiseModel:
    """The same network sixteen times over."""
    copies = JointwiseModel(ModelConfig(physics=model.config.physics, hidden=model.config.hidden))
    copies.load_state_dict(
        {name: tensor.expand(NUM_JOINTS, *tensor.shape[1:]).clone() for name, tensor in model.state_dict().items()}
    )
    return copies.eval()
