"""Options of a distillation."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from dexndm_gym.checks import Count, LearningRate, NotEmpty, Seed
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.outputs import Output
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.training.policy import WIDTH
from dexndm_gym.training.training_env import TrainingEnvConfig


@dataclass(frozen=True, kw_only=True)
class DistillConfig(TrainingEnvConfig):
    """Options of a distillation."""

    teacher: Annotated[tuple[Path, ...], NotEmpty()]
    """Teachers (teacher.safetensors) that ``dexndm train`` wrote, or policies; each teaches on its share of the hands.
    Each teaches what its file says that it was trained on; the file of a policy that was distilled says nothing, and it
    teaches the basic objects, palm up, about +z, unless other ones are given."""

    method: Literal["dagger", "clone"] = "dagger"
    """How the student learns: "dagger" lets it act more and more of the time, and the teacher says what it would have
    done; with "clone" the teacher acts all the time, and only episodes that lasted to their end are learned from."""

    object: tuple[str, ...] = ()
    """Objects and named sets of objects to draw from; if none are given, those that each teacher was trained on."""

    wrist: tuple[str, ...] = ()
    """Wrist orientations, named sets of them or random; if none are given, those that each teacher was trained on."""

    axis: tuple[str, ...] = ()
    """Axes, named sets of them or random; if none are given, those that each teacher was trained on."""

    starts: Path | None = None
    """File of start states that ``dexndm grasps`` wrote, used before the shipped ones, or "grasps" to start from grasps
    palm up, too; if not given, what each teacher was trained from."""

    out: Annotated[Path, Output(suffixes=(".safetensors",))] = Path("runs/student.safetensors")
    """File to write the student to."""

    resume: Path | None = None
    """A student to go on from."""

    width: Annotated[tuple[Count, ...], NotEmpty()] = WIDTH
    """Hidden layers of the student; one that is resumed keeps its own."""

    hand_axes: bool = False
    """Whatever the axis, the student turns about the nearest of the hand's own six, hand-x to hand+z: where teachers
    know these alone. A student that is resumed and does so goes on to."""

    parts: Count = 1
    """Parts into which each teacher's hands are cut, for more workers than there are teachers."""

    rounds: Count = 60
    """Rounds of collecting and learning."""

    steps: Count = 50
    """Control steps of each hand per round."""

    updates: Count = 200
    """Gradient steps per round."""

    batch_size: Count = 2048
    """Samples per gradient step."""

    learning_rate: LearningRate = 1e-3
    """Learning rate of the first round; falls to a twentieth along a cosine."""

    memory: Count = 600_000
    """Newest samples to learn from."""

    seed: Seed = 0
    """Seed of network, environments and batches."""

    task: TaskConfig = field(default_factory=TaskConfig)
    """Parameters of the task."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigurationError: a value is out of range, memory is too small for what comes at once, or the rounds are
                too few for an episode.
        """
        super().__post_init__()
        if self.num_envs < len(self.teacher) * self.parts:
            raise ConfigurationError(
                f"expected at least one hand for each of the {len(self.teacher)} teachers in each of {self.parts} "
                f"parts, got num_envs {self.num_envs}"
            )
        if self.memory < self.num_envs:
            raise ConfigurationError(
                f"memory must hold a sample of each of the {self.num_envs} hands, got {self.memory}"
            )
        if self.method == "clone":
            self._check_whole_episodes()

    def _check_whole_episodes(self) -> None:
        whole = self.task.episode_steps
        if self.memory < whole:
            raise ConfigurationError(f"memory must hold an episode of {whole} steps to clone it, got {self.memory}")
        if self.learning_rounds < 1:
            raise ConfigurationError(
                f"clone learns from episodes of {whole} steps; expected rounds x steps of at least that, got "
                f"{self.rounds} x {self.steps}"
            )

    @property
    def learning_rounds(self) -> int:
        """Rounds in which there can be something to learn from; whole episodes take some rounds to come."""
        if self.method == "dagger":
            return self.rounds
        return self.rounds - (self.task.episode_steps - 1) // self.steps
