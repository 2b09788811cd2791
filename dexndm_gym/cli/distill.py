"""``dexndm distill``."""

from dataclasses import dataclass

from dexndm_gym.cli.common import parse
from dexndm_gym.distributed.workers_config import WorkersConfig
from dexndm_gym.training.distill import distill
from dexndm_gym.training.distill_config import DistillConfig

_DESCRIPTION = (
    "Teach a policy that sees only what a real hand measures to act as a teacher does (see dexndm train). Roll-outs of "
    "several teachers, or --parts of their hands, are shared out over --processes or a --cluster; with torchrun it "
    "learns on several GPUs."
)


@dataclass(frozen=True, kw_only=True)
class DistillCommand(DistillConfig, WorkersConfig):
    """Options of the command."""


def run(arguments: list[str]) -> None:
    """Run the command."""
    command = parse(DistillCommand, "distill", arguments, description=_DESCRIPTION, pairs=True)
    student = distill(command, workers=command)
    print(f"Policy: {student}\nNext: dexndm evaluate --policy {student}")
