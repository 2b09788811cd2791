"""Finds the command that was asked for and turns errors into one line.

Commands are imported only when they run, so that ``dexndm --help`` answers at once.
"""

import difflib
import importlib
import logging
import os
import sys
from collections.abc import Sequence

from dexndm_gym import __version__
from dexndm_gym.errors import DexndmError

COMMANDS = {
    "demo": "Run the main job: simulation, virtual hand, data, fit, corrected run; writes a report.",
    "train": "Learn a teacher in simulation with PPO.",
    "distill": "Turn a teacher into a policy that sees only what a real hand measures.",
    "collect": "Record trajectories on a hand, for a fit.",
    "coverage": "Show which ranges, speeds and loads recordings cover.",
    "export": "Convert recordings to the formats of Minari or LeRobot.",
    "fit": "Fit the joint-wise dynamics model to recordings or servo logs.",
    "evaluate": "Measure a policy in simulation or on a hand, with or without correction.",
    "report": "Write one HTML file on all that a folder holds: evaluations, suites, demos, recordings.",
    "view": "Show a hand in the browser: simulated, virtual, real or recorded.",
    "teleop": "Steer a hand with keys, a page or a gamepad while a policy moves the fingers.",
    "hand": "Bring up a hand: scan, check, calibrate, mirror, gains, watch, relax.",
    "objects": "List the built-in objects and sets of objects.",
    "grasps": "Look for states in which the hand holds objects, for episodes to start from.",
    "gallery": "Draw every object in the hand in every wrist orientation.",
    "tracker": "See the object: print tags, calibrate and check a camera, learn the estimate without one.",
    "virtual-hand": "Start a virtual hand and print its serial port.",
}
"""Every command and what it does."""

EXIT_ERROR, EXIT_INTERRUPTED = 2, 130

_EXTRAS = {
    "stable_baselines3": "train",
    "tensorboard": "train",
    "dynamixel_sdk": "real",
    "serial": "real",
    "viser": "viewer",
    "trimesh": "viewer",
    "cv2": "tracking",
    "pygame": "viewer",
    "cryptography": "viewer",
    "websockets": "viewer",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return 0 if arguments else EXIT_ERROR
    if arguments[0] == "--version":
        print(f"dexndm {__version__}")
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        return _complain(f"unknown command {name!r}; expected one of {', '.join(COMMANDS)}.{hint}")
    return _run(name, rest)


def usage() -> str:
    """The text of ``dexndm --help``."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {what}" for name, what in COMMANDS.items()]
    return "\n".join(
        [
            "usage: dexndm COMMAND [OPTIONS]",
            "",
            "Turn objects in a LEAP hand: train in simulation, run on the hand, correct the difference.",
            "",
            *lines,
            "",
            "dexndm COMMAND --help shows the options of a command. Start with: dexndm demo",
        ]
    )


def _run(name: str, arguments: list[str]) -> int:
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("dexndm_gym").setLevel(logging.INFO)
    try:
        importlib.import_module(f"dexndm_gym.cli.{name.replace('-', '_')}").run(arguments)
    except KeyboardInterrupt as interrupt:
        print(file=sys.stderr)
        _complain(f"interrupted; {interrupt}" if str(interrupt) else "interrupted")
        return EXIT_INTERRUPTED
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").split(".")[0])
        if extra is None:
            raise
        return _complain(f'{error.name} is not installed; run: pip install "dexndm_gym[{extra}]"')
    except BrokenPipeError:
        # Whoever read the output has seen enough (`| head`); Python must not flush the rest at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (DexndmError, OSError) as error:
        return _complain(str(error))
    except MemoryError as error:
        return _complain(f"out of memory; ask for less ({error})")
    return 0


def _complain(message: str) -> int:
    print(f"dexndm: {' '.join(message.split())}", file=sys.stderr)
    return EXIT_ERROR
