"""Run the driver through faults, and driver and virtual hand through mangled packets, and count what must not happen.

Every kind of fault alone, and random pairs, each in an episode of the environment on a virtual hand in lock-step.
Counted are steps longer than a second, errors without a type of ours, readings that the servo did not have at that
step, joints beyond their limits, and hands that are neither alive nor without torque (or stopped by their own watchdog)
100 ms later. Most faults end their episode early: pairs are drawn until there were ``pairs * steps`` control steps.

The virtual hand runs in this process, behind its own pseudo-terminal: nobody waits for another process to be scheduled.

Run: ``python benchmarks/soak.py [--pairs N] [--steps N] [--packets N] [--json FILE]``; the full run is
``--pairs 200 --steps 500 --packets 1000000``.
"""

import argparse
import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import serial
from fuzz import fuzz_driver, fuzz_virtual_hand

from dexndm_gym.arrays import FloatArray
from dexndm_gym.backends.dynamixel_config import DynamixelHandConfig
from dexndm_gym.backends.dynamixel_hand import DynamixelHand
from dexndm_gym.envs.rotate_env import LeapRotateEnv
from dexndm_gym.errors import HardwareError
from dexndm_gym.hand.joints import LOWER_LIMITS, UPPER_LIMITS
from dexndm_gym.hardware.pacing import NoPacer
from dexndm_gym.hardware.units import rad_from_ticks
from dexndm_gym.objects.scene import Scene
from dexndm_gym.virtual_hand.faults import FAULTS, LINE_FAULTS
from dexndm_gym.virtual_hand.hand_physics import VirtualHandPhysics
from dexndm_gym.virtual_hand.server import VirtualHandServer

LONGEST_STEP = 1.0
"""Time of a step that counts as a hang, s."""
BEYOND = 0.1
"""How far beyond a limit a joint may be pushed by its finger's own weight and the stop's give, rad."""
TIME_TO_STOP = 0.1
"""Bus time after which servos without a host stand still, s."""
FAILURES = ("hang", "exception", "false reading", "beyond limits", "torque left on", "not recovered")


def clock() -> float:
    """Seconds on the wall, without those for which a busy machine had no processor for us."""
    schedule = Path("/proc/self/schedstat")
    waited = int(schedule.read_text().split()[1]) * 1e-9 if schedule.exists() else 0.0
    return time.monotonic() - waited


class LocalHand:
    """A virtual hand in this process: its side channel as functions, and its port served whenever the host uses it."""

    def __init__(self) -> None:
        self.server = VirtualHandServer(VirtualHandPhysics([0]), link=f"/tmp/dexndm-soak-{id(self)}")
        self.commands = self.server.commands()

        class ServedSerial(serial.Serial):
            def write(port, data: bytes) -> int | None:  # noqa: N805
                written = super().write(data)
                self.server.serve()
                return written

        serial.Serial = ServedSerial  # type: ignore[misc]

    def settle(self) -> None:
        self.server.serve()

    def place_object(self, scene: Scene, seed: int) -> None:
        self.commands["place_object"](scene=asdict(scene), seed=seed)

    def hold_object(self, scene: Scene, seed: int) -> None:
        self.commands["hold_object"](scene=asdict(scene), seed=seed)

    def let_go(self) -> None:
        self.commands["let_go"]()

    def object_pose(self) -> FloatArray:
        return np.array(self.commands["object_pose"]())

    def close(self) -> None:
        self.server.close()


def draw_fault(kind: str, rng: np.random.Generator, seconds: float) -> str:
    """One fault of that kind, somewhere in an episode of so many seconds."""
    options = {"after": rng.uniform(0, seconds / 2)}
    if kind in LINE_FAULTS:
        options["probability"] = float(rng.choice([1.0, 0.1, 0.01]))
    if rng.random() < 0.5:
        options["duration"] = rng.uniform(0.05, 1.0)
    text = ",".join(f"{name}={value:.3f}" for name, value in options.items())
    return f"{kind}:{text}" + (f",servo={rng.integers(16)}" if rng.random() < 0.7 else "")


class Soak:
    """One virtual hand that is put through all cases."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.process = LocalHand()
        self.hand = DynamixelHand(
            self.process.server.port,
            tracker=self.process,
            operator=self.process,
            pacer=NoPacer(),
            config=DynamixelHandConfig(ramp_speed=10.0, reply_timeout=0.02),
            companion=self.process,
            confirm_silence=self.process.settle,
        )
        self.env = LeapRotateEnv(self.hand)
        self.failures: Counter[str] = Counter()
        self.endings: Counter[str] = Counter()
        self.steps, self.longest = 0, 0.0
        self.examples: list[str] = []

    def run(self, faults: list[str], steps: int) -> None:
        """One case: the hand begins well and ends well."""
        self.env.reset(seed=int(self.rng.integers(2**31)))
        for fault in faults:
            self.process.commands["inject"](fault)
        try:
            ending = self._episode(steps, faults)
        except Exception as error:
            self._fail("exception", faults, repr(error))
            ending = "exception"
        self.endings[ending] += 1
        if ending != "none":
            self._check_torque(faults)
        self._mend(faults)

    def _episode(self, steps: int, faults: list[str]) -> str:
        action = np.zeros(16, dtype=np.float32)
        for _ in range(steps):
            action = np.clip(action + self.rng.normal(0, 0.3, 16), -1, 1).astype(np.float32)
            begin = clock()
            _, _, terminated, truncated, info = self.env.step(action)
            took = clock() - begin
            self.steps += 1
            self.longest = max(self.longest, took)
            if took > LONGEST_STEP:
                self._fail("hang", faults, f"{took:.2f} s")
            if "fault" in info:
                return str(info["fault"])
            truth = rad_from_ticks(self.process.commands["status"]()["position"])
            if np.abs(truth - info["position"]).max() > 1e-6:
                self._fail("false reading", faults, f"off by {np.abs(truth - info['position']).max():.3f} rad")
            if ((truth < LOWER_LIMITS - BEYOND) | (truth > UPPER_LIMITS + BEYOND)).any():
                self._fail("beyond limits", faults, "")
            if terminated or truncated:
                try:
                    self.env.reset()
                except HardwareError as error:  # what reset promises where there is no episode to end
                    return type(error).__name__
        return "none"

    def _check_torque(self, faults: list[str]) -> None:
        """Torque is off, or the servos' own watchdogs stop them within 100 ms."""
        self.process.commands["pass_time"](seconds=TIME_TO_STOP)
        status = self.process.commands["status"]()
        for watchdog, torque, powered in zip(
            status["bus_watchdog"], status["torque_enable"], status["powered"], strict=True
        ):
            if powered and torque and watchdog != -1:
                return self._fail("torque left on", faults, str(status))
        return None

    def _mend(self, faults: list[str]) -> None:
        """Take the faults away and switch the hand off and on; then it has to work."""
        self.process.commands["clear_faults"]()
        self.process.commands["pass_time"](seconds=0.3)
        self.process.commands["inject"]("power_loss")
        self.process.commands["clear_faults"]()
        try:
            self.hand._connection.close()
            self.env.reset()
        except HardwareError as error:
            self._fail("not recovered", faults, repr(error))

    def _fail(self, what: str, faults: list[str], detail: str) -> None:
        self.failures[what] += 1
        self.examples.append(f"{what} with {' + '.join(faults)}: {detail[:200]}")

    def close(self) -> None:
        self.env.close()


def soak_faults(pairs: int, steps: int, seed: int) -> dict[str, Any]:
    """Every fault alone, and random pairs."""
    soak, begin = Soak(seed), time.monotonic()

    def run(kinds: Sequence[str]) -> None:
        soak.run([draw_fault(kind, soak.rng, steps * 0.05) for kind in kinds], steps)

    for kind in FAULTS:
        run([kind])
    cases = len(FAULTS)
    while cases < len(FAULTS) + pairs or soak.steps < pairs * steps:
        run(soak.rng.choice(list(FAULTS), 2).tolist())
        cases += 1
    soak.close()
    return {
        "cases": cases,
        "steps": soak.steps,
        "seconds": time.monotonic() - begin,
        "longest_step_s": soak.longest,
        "failures": {name: soak.failures[name] for name in FAILURES},
        "endings": dict(soak.endings),
        "examples": soak.examples[:20],
    }


def main() -> None:
    """Run and report; fails when anything that must not happen has happened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20, help="random pairs of faults, at least")
    parser.add_argument("--steps", type=int, default=60, help="control steps of each case, at most")
    parser.add_argument("--packets", type=int, default=5000, help="mangled packets, at each of the two sides")
    parser.add_argument("--seed", type=int, default=0, help="draws cases and packets")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    rng = np.random.default_rng(options.seed)
    faults = soak_faults(options.pairs, options.steps, options.seed)
    hand, host = fuzz_virtual_hand(options.packets, rng), fuzz_driver(options.packets, rng)
    write = sys.stdout.write
    write(f"{faults['cases']} cases, {faults['steps']} steps, longest {faults['longest_step_s']:.2f} s\n")
    write("".join(f"  {name:15} {count}\n" for name, count in faults["failures"].items()))
    write("episodes ended by: " + ", ".join(f"{name} {n}" for name, n in sorted(faults["endings"].items())) + "\n")
    write("".join(f"  {example}\n" for example in faults["examples"]))
    write(f"at the virtual hand: {hand}\nat the driver:       {host}\n")
    if options.json:
        options.json.write_text(json.dumps({"faults": faults, "virtual_hand": hand, "driver": host}, indent=2) + "\n")
    bad = sum(faults["failures"].values()) + hand["crashes"] + hand["wrong_checksum"]
    sys.exit(1 if bad + host["crashes"] + host["false_readings"] else 0)


if __name__ == "__main__":
    main()
