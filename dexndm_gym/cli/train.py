"""``dexndm train``."""

from dexndm_gym.cli.common import parse
from dexndm_gym.training.ppo import TrainConfig, train_teacher

_DESCRIPTION = (
    "Learn a teacher with PPO on simulated hands. The teacher sees what only a simulator knows; dexndm distill turns "
    "it into a policy for a real hand. Checkpoints and TensorBoard logs go to OUT; --resume goes on from a checkpoint."
)


def run(arguments: list[str]) -> None:
    """Run the command."""
    teacher = train_teacher(parse(TrainConfig, "train", arguments, description=_DESCRIPTION, pairs=True))
    print(f"Teacher: {teacher}\nNext: dexndm distill --teacher {teacher}")
