"""``dexndm hand``: bring up a hand with servos."""

from collections.abc import Callable
from typing import Annotated, Any, Union

import tyro

from dexndm_gym.cli import hand_actions as actions
from dexndm_gym.cli.common import announce_hand, parse, require_answers
from dexndm_gym.cli.hand_options import Calibrate, Check, Gains, Mirror, Relax, Scan, Watch

_ACTIONS: dict[type, Callable[[Any, Any], None]] = {
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
    if isinstance(command, Calibrate | Mirror) and not command.yes:
        require_answers(actions.YES_MEANS[type(command)])
    address = announce_hand(command.port, command.hand_seed)
    from dexndm_gym.backends.hand_port import open_port  # the driver is an extra

    # Who watches wants to see time pass. Everything else is over sooner, and the same on any machine, in lock-step.
    clock = "realtime" if isinstance(command, Watch) else "lockstep"
    # Nobody can hold a virtual hand flat but a fault.
    held = ["stuck"] if isinstance(command, Calibrate) else []
    with open_port(address, clock=clock, faults=held) as port:
        _ACTIONS[type(command)](command, port)
