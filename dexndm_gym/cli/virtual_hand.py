"""``dexndm virtual-hand``."""

from dexndm_gym.virtual_hand.__main__ import main


def run(arguments: list[str]) -> None:
    """Run the command."""
    main(arguments, prog="dexndm virtual-hand")
