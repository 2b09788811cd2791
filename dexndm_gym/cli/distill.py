"""``dexndm distill``."""

from dexndm_gym.cli.common import parse
from dexndm_gym.training.distill import DistillConfig, distill

_DESCRIPTION = "Teach a policy that sees only what a real hand measures to act as a teacher does (see dexndm train)."


def run(arguments: list[str]) -> None:
    """Run the command."""
    student = distill(parse(DistillConfig, "distill", arguments, description=_DESCRIPTION, pairs=True))
    print(f"Policy: {student}\nNext: dexndm evaluate --policy {student}")
