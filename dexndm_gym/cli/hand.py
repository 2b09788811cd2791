"""``dexndm hand``: bring up a hand with servos."""

from collections.abc import Callable
from typing import Annotated, Any, Union

import tyro

from dexndm_gym.cli import hand_actions as actions
from dexndm_gym.cli.common import parse
from dexndm_gym.cli.hand_options import Calibrate, Check, Gains, Mirror, Relax, Scan, Watch

_ACTIONS: dict[type, Callable[[Any, str, Any], None]] = {
    Scan: actions.scan,
    Check: actions.check,
    Calibrate: actions.calibrate,
    Mirror: actions.mirror,
    Gains: actions.gains,
    Watch: actions.watch,
    Relax: actions.relax,
}
"""What each subcommand does."""


def run(arguments: list[str]) -> None:
    """Run the command."""
    subcommands = Union[tuple(Annotated[c, tyro.conf.subcommand(c.__name__.lower())] for c in _ACTIONS)]  # noqa: UP007
    command: Any = parse(
        subcommands,  # type: ignore[arg-type]
        "hand",
        arguments,
        description="Bring up a hand with servos, or a virtual one.",
    )
    with actions.open_port(command) as (path, silence):
        _ACTIONS[type(command)](command, path, silence)
