"""``dexndm tracker``: print tags, calibrate and check a camera, learn the estimate without one."""

from collections.abc import Callable
from typing import Annotated, Any, Union

import tyro

from dexndm_gym.cli import tracker_actions as actions
from dexndm_gym.cli.common import parse
from dexndm_gym.cli.tracker_options import Board, Calibrate, Check
from dexndm_gym.training.rotation_estimator import LearnConfig

_ACTIONS: dict[str, tuple[type, Callable[[Any], None]]] = {
    "board": (Board, actions.board),
    "calibrate": (Calibrate, actions.calibrate),
    "check": (Check, actions.check),
    "learn": (LearnConfig, actions.learn),
}
"""Options of each subcommand, and what it does."""


def run(arguments: list[str]) -> None:
    """Run the command."""
    kinds = tuple(Annotated[kind, tyro.conf.subcommand(name)] for name, (kind, _) in _ACTIONS.items())
    command: Any = parse(
        Union[kinds],  # type: ignore[arg-type]  # noqa: UP007
        "tracker",
        arguments,
        description="See where the object is: with a camera and printed tags, or from the fingers alone.",
    )
    next(action for kind, action in _ACTIONS.values() if type(command) is kind)(command)
