"""What stands between a command and the fingers, and between a failure and a hand that keeps pushing."""

import os
import signal
import threading
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.errors import SafetyError
from dexndm_gym.hand.joints import JOINT_NAMES, LOWER_LIMITS, UPPER_LIMITS, clip_to_limits

MAX_COMMAND_STEP = 0.25
"""Largest change of a joint's command from one control step to the next, rad, unless another is asked for."""

LIMIT_TOLERANCE = 0.5
"""How far beyond its limits a joint may read and still be believed, rad: horns are mounted by hand."""

TERMINATION_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
"""Signals that end a program without running its clean-up."""


def check_plausible(position: FloatArray) -> None:
    """Refuse joint positions, (16,) rad, that a hand cannot have.

    Raises:
        SafetyError: a joint reads far beyond its limits; the message names it.
    """
    beyond = np.maximum(LOWER_LIMITS - position, position - UPPER_LIMITS)
    worst = int(np.argmax(beyond))
    if not beyond[worst] <= LIMIT_TOLERANCE:
        raise SafetyError(
            f"Joint {worst} ({JOINT_NAMES[worst]}) reads {position[worst]:.2f} rad; expected "
            f"{LOWER_LIMITS[worst]:.2f} to {UPPER_LIMITS[worst]:.2f}. Is its horn mounted as in the assembly manual "
            "(flat hand = 180 degrees)? If it has turned more than once, switch the hand off and on"
        )


def limit_command(command: FloatArray, previous: FloatArray, max_step: float) -> FloatArray:
    """The command that may be sent: within the joint limits, and not too far from the one before.

    Args:
        command: what is asked for, (16,), rad.
        previous: what was sent last, (16,), rad.
        max_step: largest change of a joint's command, rad.

    Raises:
        SafetyError: the command has another shape, or is not finite.
    """
    if command.shape != previous.shape or not np.isfinite(command).all():
        raise SafetyError(f"Expected a command of {len(previous)} finite angles in rad, got {command.tolist()}")
    return np.clip(clip_to_limits(command), previous - max_step, previous + max_step)


class TorqueGuard:
    """Sees to it that torque goes off once, whatever ends the hand first.

    That is ``release``, the owner's garbage collection (of one in a reference cycle only at the end, as a hand that
    connects freezes what the collector knows) or the interpreter's exit, which includes Ctrl-C. Signals that
    would skip the exit are turned into one, unless the program handles them itself. Against ``kill -9`` and power cuts
    only the servos' own watchdog helps.
    """

    _active = 0
    """Guards that hold the signal handlers."""

    def __init__(self, owner: object, switch_off: Callable[[], Any]) -> None:
        """Guard until ``owner`` is gone; ``switch_off`` must not refer to it."""
        process = os.getpid()

        def in_this_process_only() -> Any:
            # A forked child shares the port but does not own the hand.
            if os.getpid() == process:
                _restore_signals()
                return switch_off()
            return None

        _claim_signals()
        self._finalizer = weakref.finalize(owner, in_this_process_only)

    def release(self) -> Any:
        """Switch torque off now, and return what that returned; nothing is left to do later."""
        return self._finalizer()


def _exit_on_signal(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _claim_signals() -> None:
    TorqueGuard._active += 1
    # Python allows handlers to be set only from its main thread.
    if threading.current_thread() is threading.main_thread():
        for number in TERMINATION_SIGNALS:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _exit_on_signal)


def _restore_signals() -> None:
    TorqueGuard._active -= 1
    if TorqueGuard._active == 0 and threading.current_thread() is threading.main_thread():
        for number in TERMINATION_SIGNALS:
            if signal.getsignal(number) is _exit_on_signal:
                signal.signal(number, signal.SIG_DFL)
