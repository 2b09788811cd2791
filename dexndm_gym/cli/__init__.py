"""The ``dexndm`` command."""

from dexndm_gym.cli.app import main

__all__ = ["main"]
