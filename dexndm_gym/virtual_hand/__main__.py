"""``python -m dexndm_gym.virtual_hand``: run a virtual hand until it is told to stop.

Once ready it writes one JSON line to the standard output: ``{"port": serial port, "control": socket}``, both paths.
"""

import argparse
import contextlib
import gc
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.objects.object_model import RotatableObject
from dexndm_gym.objects.scene import FREE, SURROUNDINGS
from dexndm_gym.virtual_hand.control_table import XC330_M288, XL330_M288
from dexndm_gym.virtual_hand.faults import FAULTS, Fault
from dexndm_gym.virtual_hand.hand_physics import VirtualHandPhysics
from dexndm_gym.virtual_hand.server import CLOCKS, VirtualHandServer

MODELS = {"xl330": XL330_M288, "xc330": XC330_M288}
"""Control tables by the name that the command line knows."""


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        raise ConfigurationError(f"{message}. See {self.prog} --help")


def _seed(text: str) -> int:
    seed = int(text)
    if seed < 0:
        raise argparse.ArgumentTypeError(f"expected a seed of at least 0, got {seed}")
    return seed


def main(arguments: list[str] | None = None, prog: str = "python -m dexndm_gym.virtual_hand") -> None:
    """Parse the command line and serve.

    Raises:
        ConfigurationError: an option is unknown, or a value cannot be used.
    """
    parser = _Parser(prog=prog, description=__doc__)
    parser.add_argument("--seed", type=_seed, default=0, help="which hand: draws its hidden parameters")
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="realtime", help="who decides when time passes")
    parser.add_argument("--model", choices=MODELS, default="xl330", help="whose control table the servos have")
    parser.add_argument("--surroundings", choices=SURROUNDINGS, default=FREE, help="what loads the fingers")
    parser.add_argument("--control", help="path of the side channel's socket (default: in a new temporary directory)")
    parser.add_argument("--owned", action="store_true", help="stop with the parent process or its connection")
    parser.add_argument("--mesh", action="append", default=[], help="mesh file that may be placed as an object")
    parser.add_argument("--objects", type=Path, help="file of objects that may be placed; it is deleted once read")
    parser.add_argument("--link", help="path of a symbolic link to the port, for when that vanishes and returns")
    parser.add_argument(
        "--fault",
        "-f",
        action="append",
        default=[],
        help="something that goes wrong, such as corrupt:probability=0.01 or stuck:servo=5,after=2,duration=1; may be "
        "given several times; kinds: " + "; ".join(f"{kind} ({what})" for kind, what in FAULTS.items()),
    )
    options = parser.parse_args(arguments)
    faults = [Fault.parse(fault) for fault in options.fault]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    objects = [*options.mesh, *_read_objects(options.objects)]
    physics = VirtualHandPhysics([options.seed], surroundings=options.surroundings, objects=objects)
    with _control_socket(options.control) as listener:
        server = VirtualHandServer(
            physics,
            clock=options.clock,
            listener=listener,
            owned=options.owned,
            model=MODELS[options.model],
            link=options.link,
            faults=faults,
        )
        with contextlib.closing(server), contextlib.suppress(KeyboardInterrupt):
            sys.stdout.write(json.dumps({"port": server.port, "control": listener.getsockname()}) + "\n")
            sys.stdout.flush()
            gc.freeze()  # looking through everything that stays would hold answers up
            server.run()
    if options.owned and options.control:
        # Whoever started us made the folder for us alone, and may be gone.
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(options.control))


def _read_objects(path: Path | None) -> list[RotatableObject]:
    """Objects that whoever started us has, which no name of a file may stand for any more."""
    if path is None:
        return []
    found = [RotatableObject.from_dict(fields) for fields in json.loads(path.read_text(encoding="utf-8"))]
    path.unlink()
    return found


@contextlib.contextmanager
def _control_socket(path: str | None) -> Iterator[socket.socket]:
    with contextlib.ExitStack() as stack:
        if path is None:
            path = os.path.join(stack.enter_context(tempfile.TemporaryDirectory(prefix="dexndm-")), "control")
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(path)
        stack.callback(_remove, path)
        listener.listen()
        yield listener


def _remove(path: str) -> None:
    # Whoever started us may already have removed the directory.
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


if __name__ == "__main__":
    try:
        main()
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
