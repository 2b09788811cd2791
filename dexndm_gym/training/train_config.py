"""Options of a training run."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from dexndm_gym.checks import Bound, Count, CountOrZero, LearningRate, NotEmpty, Positive, Seed
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.outputs import OutputFolder
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.extra_rewards import ExtraRewards, Rewards
from dexndm_gym.task.gravity_curriculum import GravityConfig
from dexndm_gym.task.plain import plain
from dexndm_gym.training.practice import PracticeConfig

_MAY_DIFFER = ("out", "steps", "checkpoint_every", "resume", "start_from")
"""Options that a resumed run need not share with the run that it goes on with."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig(PracticeConfig):
    """Options of a PPO run."""

    out: OutputFolder = Path("runs/teacher")
    """Folder for the checkpoint (teacher.zip), the teacher (teacher.safetensors) and TensorBoard logs."""

    steps: Count = 10_000_000
    """Environment steps to run in all."""

    horizon: Count = 16
    """Steps of each hand between two updates."""

    epochs: Count = 4
    """Passes over the collected steps per update."""

    minibatches: Count = 4
    """Parts that each pass is cut into."""

    learning_rate: LearningRate = 1e-3
    """Where the learning rate starts; it then follows the policy's change per update."""

    target_kl: Positive = 0.03
    """Change per update (KL divergence) at which the learning rate stays as it is."""

    slow_steps: CountOrZero = 3_000_000
    """Curriculum: environment steps for which the rotation reward is clipped at ``slow_clip``."""

    slow_clip: Positive = 0.5
    """Speed beyond which faster earns nothing in those steps, rad/s; then it is that of the task's reward."""

    discount: Annotated[float, Bound(above=0.0, most=1.0)] = 0.99
    """Discount factor per control step."""

    width: Annotated[tuple[Count, ...], NotEmpty()] = (256, 128)
    """Hidden layers of policy and value network."""

    initial_std: Positive = 0.6
    """Standard deviation of the exploring actions at the start."""

    seed: Seed = 0
    """Seed of networks, environments and exploration."""

    checkpoint_every: Count = 500_000
    """Environment steps between checkpoints."""

    resume: Path | None = None
    """A checkpoint (teacher.zip) to go on from, bit for bit: everything but ``steps`` and ``out`` must be as it was."""

    start_from: Path | None = None
    """A checkpoint (teacher.zip) or teacher (teacher.safetensors) whose networks to start from, with other objects,
    wrists, axes or physics."""

    gravity: GravityConfig = field(default_factory=GravityConfig)
    """Gravity that grows with success."""

    task: TaskConfig = field(default_factory=TaskConfig)
    """Parameters of the task."""

    extra_rewards: Rewards = field(default_factory=dict)
    """Terms of your own that are added to the reward: name and module:function of each. Functions have to be found
    again by that name, as checkpoints keep it."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigurationError: a value is out of range, there are fewer samples than parts to cut them into, or no such
                reward function.
        """
        super().__post_init__()
        samples = self.num_envs * self.horizon
        if samples < 2 * self.minibatches:
            raise ConfigurationError(
                f"num_envs x horizon must give at least 2 samples for each of the {self.minibatches} minibatches, got "
                f"{self.num_envs} x {self.horizon} = {samples}"
            )
        if self.resume is not None and self.start_from is not None:
            raise ConfigurationError("expected resume or start_from, got both")
        ExtraRewards(self.extra_rewards, self.num_envs)
        for name, function in self.extra_rewards.items():
            if not isinstance(plain(function), str):
                raise ConfigurationError(
                    f"expected the reward term {name!r} to be a function at the top of a module, which a checkpoint "
                    f"can name, got {function!r:.60}"
                )

    def what_must_match(self) -> dict[str, Any]:
        """The options that a resumed run must share."""
        options = asdict(self) | {"extra_rewards": plain(self.extra_rewards)}
        return {name: value for name, value in options.items() if name not in _MAY_DIFFER}
