"""Options of a training run."""

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from dexndm_gym.checks import Bound, Count, CountOrZero, LearningRate, NotEmpty, Positive, Seed
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.outputs import OutputFolder
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.config_json import plain
from dexndm_gym.task.extra_rewards import ExtraRewards, Rewards
from dexndm_gym.task.gravity_curriculum import GravityConfig
from dexndm_gym.training.training_env import TrainingEnvConfig

REWARD_SCALE = 0.1
"""Keeps returns, and with them the value loss, of order one."""

GAE_LAMBDA, CLIP_RANGE, VALUE_WEIGHT, MAX_GRADIENT = 0.95, 0.2, 1.0, 1.0
"""Of PPO, whatever library learns: decay of the advantage estimate, change of the policy per update at which a sample
no longer counts, weight of the value loss beside that of the policy, and norm at which gradients are clipped."""

_MAY_DIFFER = ("out", "steps", "checkpoint_every", "resume", "start_from", "device", "backend")
"""Options that a resumed run need not share with the run that it goes on with; what reads checkpoints of one backend
refuses those of the other."""

_FEWEST_PARTS, _LARGEST_PART = 4, 8192
"""Minibatches, and samples in one, unless their number is given: with more hands there are more gradient steps."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig(TrainingEnvConfig):
    """Options of a PPO run."""

    backend: Literal["mujoco", "warp"] = "mujoco"
    """What simulates and learns: MuJoCo on the processor with stable-baselines3, or MuJoCo Warp on a GPU with rsl-rl
    (extra gpu), which wants thousands of hands, such as --num-envs 8192."""

    device: str = "cuda:0"
    """Where the warp backend runs; cpu is for trying things out, slowly."""

    out: OutputFolder = Path("runs/teacher")
    """Folder for the checkpoint (teacher.zip), the teacher (teacher.safetensors) and TensorBoard logs."""

    steps: Count = 10_000_000
    """Environment steps to run in all."""

    horizon: Count = 16
    """Steps of each hand between two updates."""

    epochs: Count = 4
    """Passes over the collected steps per update."""

    minibatches: Count | None = None
    """Parts that each pass is cut into; by default four, or more so that none has over 8,192 samples."""

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
    """Environment steps between checkpoints; the warp backend writes one every minute instead."""

    resume: Path | None = None
    """A checkpoint (teacher.zip) to go on from; everything but ``steps`` and ``out`` must be as it was. It goes on bit
    for bit; on the warp backend episodes begin anew."""

    start_from: Path | None = None
    """A checkpoint (teacher.zip) or teacher (teacher.safetensors) whose networks to start from, with other objects,
    wrists, axes or physics."""

    student: Path | None = None
    """A student (``dexndm distill``) to refine, in place of a teacher to train: it learns from the reward, seeing what
    it always sees, while the critic sees all (extra gpu, whatever simulates). It becomes OUT/student.safetensors."""

    critic_steps: CountOrZero = 2_000_000
    """Environment steps in which only the critic of a student learns, as it begins untrained."""

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
        if samples < 2 * self.parts:
            raise ConfigurationError(
                f"num_envs x horizon must give at least 2 samples for each of the {self.parts} minibatches, got "
                f"{self.num_envs} x {self.horizon} = {samples}"
            )
        if self.resume is not None and self.start_from is not None:
            raise ConfigurationError("expected resume or start_from, got both")
        if not re.fullmatch(r"cpu|cuda:\d+", self.device):
            raise ConfigurationError(f"device must be cpu or a GPU such as cuda:0, got {self.device!r}")
        if self.student is not None and self.start_from is not None:
            raise ConfigurationError("expected student or start_from, got both")
        if self.backend == "warp" and self.hand_seed is not None:
            raise ConfigurationError("hand_seed needs the backend mujoco: virtual hands are not simulated on a GPU")
        if self.backend == "warp" and self.extra_rewards:
            raise ConfigurationError("extra_rewards need the backend mujoco: they are functions of NumPy arrays")
        ExtraRewards(self.extra_rewards, self.num_envs)
        for name, function in self.extra_rewards.items():
            if not isinstance(plain(function), str):
                raise ConfigurationError(
                    f"expected the reward term {name!r} to be a function at the top of a module, which a checkpoint "
                    f"can name, got {function!r:.60}"
                )

    @property
    def parts(self) -> int:
        """Minibatches of each pass."""
        if self.minibatches is not None:
            return self.minibatches
        return max(_FEWEST_PARTS, self.num_envs * self.horizon // _LARGEST_PART)

    def what_must_match(self) -> dict[str, Any]:
        """The options that a resumed run must share."""
        options = {name: value for name, value in asdict(self).items() if name not in _MAY_DIFFER}
        return options | {"minibatches": self.parts, "extra_rewards": plain(self.extra_rewards)}
