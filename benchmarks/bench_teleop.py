"""How long a key press takes to change the command: on a virtual hand in real time, over its serial port.

Keys are pressed on a pseudo-terminal at random moments; each turns the axis around. A command has changed with the
first goal positions that are written to the servos and were decided on with the new axis; the policy takes its usual
time.

Run: ``python benchmarks/bench_teleop.py [--presses N] [--hand-seed N] [--json FILE]``.
"""

import argparse
import json
import os
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.teleop.commands import Command
from dexndm_gym.teleop.keyboard import KeyboardSource
from dexndm_gym.teleop.session import TeleopSession
from dexndm_gym.training.policy import load_policy


class WatchedPolicy:
    """The shipped policy for its time; moves an empty hand a little to and fro. Keeps the axis that it saw last.

    What the policy decides would close an empty hand until its fingers press against each other, and end the session.
    """

    def __init__(self) -> None:
        """Use the shipped policy."""
        self._policy, self._push, self.seen = load_policy(), 0.1, 0.0

    def predict(self, observation: Any, *, deterministic: bool = True) -> tuple[Any, None]:
        """Decide as the shipped policy does, and send a small push that the next one takes back."""
        action, state = self._policy.predict(observation, deterministic=deterministic)
        self._push, self.seen = -self._push, float(observation[-1])
        return np.full_like(action, self._push), state


class Presses:
    """Presses keys at random moments, each at least three control steps after the one before."""

    def __init__(self, terminal: int, count: int) -> None:
        """Press z and Z in turn, so often."""
        self._terminal, self._count = terminal, count
        self.at: list[tuple[float, float]] = []
        self.thread = threading.Thread(target=self._press, daemon=True)

    def _press(self) -> None:
        rng = np.random.default_rng(0)
        for number in range(self._count):
            time.sleep(3.0 * CONTROL_PERIOD + rng.uniform(0.0, 2.0 * CONTROL_PERIOD))
            sign = -1.0 if number % 2 == 0 else 1.0
            self.at.append((time.monotonic(), sign))
            os.write(self._terminal, b"Z" if sign < 0.0 else b"z")
        time.sleep(4.0 * CONTROL_PERIOD)


def measure(presses: int, hand_seed: int) -> dict[str, Any]:
    """Times from key press to changed command, and how many commands were sent meanwhile."""
    written: list[tuple[float, float]] = []
    inner = DynamixelBus.sync_write
    policy = WatchedPolicy()

    def sync_write(bus: DynamixelBus, name: str, *values: Any, **more: Any) -> Any:
        result = inner(bus, name, *values, **more)
        if name == "goal_position":
            written.append((time.monotonic(), policy.seen))
        return result

    DynamixelBus.sync_write = sync_write  # type: ignore[method-assign]
    ours, theirs = os.openpty()
    config = TaskConfig(episode_steps=10**6)
    hand = {"port": "virtual", "hand_seed": hand_seed, "clock": "realtime", "object": "none"}
    with closing(gymnasium.make("LeapRotate-Real-v0", config=config, **hand)) as env, KeyboardSource(theirs) as keys:
        session = TeleopSession(env, policy, [keys])
        session.advance()
        session.steering.take(Command("axis", "+z"))
        session.steering.take(Command("go"))
        pressing = Presses(ours, presses)
        pressing.thread.start()
        while pressing.thread.is_alive():
            session.advance()
        overruns = session.info["pacing_overruns"]
    DynamixelBus.sync_write = inner  # type: ignore[method-assign]
    times, signs = np.array([when for when, _ in written]), np.array([seen for _, seen in written])
    delays, steps = [], []
    for at, sign in pressing.at:
        changed = int(np.flatnonzero((times > at) & (np.sign(signs) == sign))[0])
        delays.append(1e3 * (times[changed] - at))
        steps.append(changed - int(np.searchsorted(times, at)))
    return {
        "presses": presses,
        "ms": {name: float(np.quantile(delays, q)) for name, q in (("median", 0.5), ("p99", 0.99), ("worst", 1.0))},
        "unchanged_commands_after_the_press": {
            "mean": float(np.mean(steps)), "p99": float(np.quantile(steps, 0.99)), "most": int(max(steps))
        },
        "overruns": overruns,
    }  # fmt: skip


def main() -> None:
    """Measure, and say whether it is within what is promised."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presses", type=int, default=200, help="how many keys to press")
    parser.add_argument("--hand-seed", type=int, default=0, help="which virtual hand")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    options = parser.parse_args()
    numbers = measure(options.presses, options.hand_seed)
    print(json.dumps(numbers, indent=2))
    if options.json is not None:
        options.json.write_text(json.dumps(numbers, indent=2) + "\n")
    if numbers["unchanged_commands_after_the_press"]["p99"] > 1.0:
        sys.exit("more than one command went out unchanged after a key press")


if __name__ == "__main__":
    main()
