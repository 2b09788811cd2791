"""``dexndm train``."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from dexndm_gym.cli.common import interruptible, parse
from dexndm_gym.distributed.workers_config import WorkersConfig
from dexndm_gym.training.specialists import train_specialists
from dexndm_gym.training.train import train
from dexndm_gym.training.train_config import TrainConfig

_DESCRIPTION = (
    "Learn a teacher with PPO on simulated hands. The teacher sees what only a simulator knows; dexndm distill turns "
    "it into a policy for a real hand. Checkpoint, teacher and TensorBoard logs go to OUT; --resume goes on from a "
    "checkpoint, --start-from starts something else from its networks. --backend warp learns on a GPU."
)


@dataclass(frozen=True, kw_only=True)
class TrainCommand(TrainConfig, WorkersConfig):
    """Options of the command."""

    extra_rewards: Annotated[dict[str, str], tyro.conf.arg(metavar="NAME MODULE:FUNCTION ...")] = field(
        default_factory=dict
    )
    """Terms of your own that are added to the reward: name and module:function of each (docs/extending.md)."""

    spec: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Train the specialists of this TOML file instead, each in a folder of its own in OUT, side by side on --processes
    (with the backend warp by default one for each GPU that the file names) or a --cluster; those that are done are left
    alone, and one that was interrupted goes on. Of the options of a training only --out counts."""


def run(arguments: list[str]) -> None:
    """Run the command."""
    command = parse(TrainCommand, "train", arguments, description=_DESCRIPTION, pairs=True)
    if command.spec is not None:
        with interruptible(lambda: "the same command goes on where it stopped"):
            teachers = train_specialists(command.spec, command.out, workers=command)
    else:
        teachers = [train(TrainConfig(**{name: getattr(command, name) for name in vars(TrainConfig())}))]
    names = " ".join(map(str, teachers))
    if command.spec is None and command.student is not None:
        print(f"Policy: {names}\nNext: dexndm evaluate --policy {names}")
    else:
        print(f"Teacher: {names}\nNext: dexndm distill --teacher {names}")
