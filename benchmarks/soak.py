"""Everything that can go wrong with a virtual hand, through the environment, in lock-step; and packets that are none.

Faults: every kind alone and random pairs. Each case runs an episode of random actions until a fault ends it. Counted
are steps that took longer than a second, exceptions instead of an ended episode, readings that the servos did not have,
joints beyond their limits, hands left with torque and without a watchdog, and hands that did not come back afterwards.

Packets: bit flips, cuts, joins and random bytes at the virtual hand and at the driver. Counted are crashes, packets
that were accepted though the vendor's checksum of them is wrong, and readings that no servo sent.

Run: ``python benchmarks/soak.py [--pairs N] [--steps N] [--packets N] [--json FILE]``; the full run is
``--pairs 200 --steps 500 --packets 1000000``.
"""

import argparse
import json
import logging
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from dynamixel_sdk import Protocol2PacketHandler

from dexndm_gym.envs.hands.connect import connect
from dexndm_gym.envs.hands.dynamixel_config import DynamixelHandConfig
from dexndm_gym.envs.hands.dynamixel_hand import DynamixelHand
from dexndm_gym.envs.rotate_env import LeapRotateEnv
from dexndm_gym.errors import HardwareError
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.port import SerialPort
from dexndm_gym.hardware.units import rad_from_ticks
from dexndm_gym.leap.joints import LOWER_LIMITS, UPPER_LIMITS
from dexndm_gym.virtual_hand.bus import Bus
from dexndm_gym.virtual_hand.client import VirtualHandProcess
from dexndm_gym.virtual_hand.faults import FAULTS, LINE_FAULTS
from dexndm_gym.virtual_hand.hand import VirtualHandPhysics
from dexndm_gym.virtual_hand.packets import Decoder, Instruction, Packet, encode
from dexndm_gym.virtual_hand.servos import ServoChain

LONGEST_STEP = 1.0
"""Wall time of a step that counts as a hang, s."""
BEYOND = 0.1
"""How far beyond a limit a joint may be pushed by its finger's own weight and the stop's give, rad."""
FAILURES = ("hang", "exception", "false reading", "beyond limits", "torque left on", "not recovered")


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
        self.hand: DynamixelHand = connect("virtual", hand_config=DynamixelHandConfig(ramp_speed=10.0))
        process = self.hand._companion
        assert isinstance(process, VirtualHandProcess)
        self.process, self.env = process, LeapRotateEnv(self.hand)
        self.failures: Counter[str] = Counter()
        self.endings: Counter[str] = Counter()
        self.steps, self.longest = 0, 0.0
        self.examples: list[str] = []

    def run(self, faults: list[str], steps: int) -> None:
        """One case: the hand begins well and ends well."""
        self.env.reset(seed=int(self.rng.integers(2**31)))
        for fault in faults:
            self.process.inject(fault)
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
            begin = time.monotonic()
            _, _, terminated, truncated, info = self.env.step(action)
            took = time.monotonic() - begin
            self.steps += 1
            self.longest = max(self.longest, took)
            if took > LONGEST_STEP:
                self._fail("hang", faults, f"{took:.2f} s")
            if "fault" in info:
                return str(info["fault"])
            truth = rad_from_ticks(self.process.command("status")["position"])
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
        self.process.command("pass_time", seconds=0.105)
        status = self.process.command("status")
        for watchdog, torque, powered in zip(
            status["bus_watchdog"], status["torque_enable"], status["powered"], strict=True
        ):
            if powered and torque and watchdog != -1:
                return self._fail("torque left on", faults, str(status))
        return None

    def _mend(self, faults: list[str]) -> None:
        """Take the faults away and switch the hand off and on; then it has to work."""
        self.process.clear_faults()
        self.process.command("pass_time", seconds=0.3)
        self.process.inject("power_loss")
        self.process.clear_faults()
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
    cases = [[kind] for kind in FAULTS]
    cases += [soak.rng.choice(list(FAULTS), 2).tolist() for _ in range(pairs)]
    for kinds in cases:
        soak.run([draw_fault(kind, soak.rng, steps * 0.05) for kind in kinds], steps)
    soak.close()
    return {
        "cases": len(cases),
        "steps": soak.steps,
        "seconds": time.monotonic() - begin,
        "longest_step_s": soak.longest,
        "failures": {name: soak.failures[name] for name in FAILURES},
        "endings": dict(soak.endings),
        "examples": soak.examples[:20],
    }


def mangle(packet: bytes, rng: np.random.Generator) -> bytes:
    """A packet after bad luck on the line."""
    match int(rng.integers(5)):
        case 0:
            wrong = bytearray(packet)
            for bit in rng.integers(8 * len(packet), size=rng.integers(1, 6)):
                wrong[bit // 8] ^= 1 << bit % 8
            return bytes(wrong)
        case 1:
            return packet[: rng.integers(len(packet))]
        case 2:
            return packet[rng.integers(len(packet)) :] + packet
        case 3:
            return packet + rng.bytes(int(rng.integers(1, 40)))
        case _:
            return rng.bytes(int(rng.integers(1, 60)))


def draw_instruction(rng: np.random.Generator) -> bytes:
    """Any instruction, with parameters of any kind."""
    servo = int(rng.choice([*range(16), 0xFE, 100]))
    return encode(servo, int(rng.choice(list(Instruction))), rng.bytes(int(rng.integers(0, 30))))


def fuzz_virtual_hand(packets: int, rng: np.random.Generator) -> dict[str, int]:
    """Mangled instructions at the virtual hand: whatever it takes for a packet has the vendor's checksum."""
    bus, decoder, handler = Bus(ServoChain(VirtualHandPhysics([0]))), Decoder(), Protocol2PacketHandler()
    result = {"packets": packets, "crashes": 0, "accepted": 0, "wrong_checksum": 0}
    for _ in range(packets):
        wire = mangle(draw_instruction(rng), rng)
        try:
            bus.receive(wire, 4_000_000)
            accepted = [item for item in decoder.feed(wire) if isinstance(item, Packet)]
        except Exception:
            result["crashes"] += 1
            continue
        for packet in accepted:
            sent = encode(packet.id, packet.instruction, packet.parameters)
            result["accepted"] += 1
            checksum = handler.updateCRC(0, list(sent), len(sent) - 2)
            result["wrong_checksum"] += checksum != int.from_bytes(sent[-2:], "little")
    return result


class MangledLine:
    """Takes the place of the serial device: sixteen servos, and bad luck."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng, self.pending = rng, b""
        self.data = [bytes(rng.integers(256, size=4, dtype=np.uint8)) for _ in range(16)]

    def write(self, packet: bytes) -> int:
        length = int.from_bytes(packet[10:12], "little")
        replies = [encode(i, 0x55, b"\0" + (self.data[i] * 4)[:length]) for i in range(16)]
        struck = int(self.rng.integers(16))
        replies[struck] = mangle(replies[struck], self.rng)
        self.pending = b"".join(replies)
        return len(packet)

    def read(self, length: int) -> bytes:
        data, self.pending = self.pending[:length], self.pending[length:]
        return data

    @property
    def in_waiting(self) -> int:
        return len(self.pending)

    def reset_input_buffer(self) -> None:
        self.pending = b""


def fuzz_driver(packets: int, rng: np.random.Generator) -> dict[str, int]:
    """Mangled replies at the driver: a reading is what the servos sent, or a typed error."""
    port = SerialPort("/dev/null", reply_timeout=0.0)
    bus, line = DynamixelBus(port, retries=0), MangledLine(rng)
    port.ser, port.is_open = line, True  # type: ignore[assignment]
    result = {"packets": packets, "crashes": 0, "errors": 0, "false_readings": 0}
    truth = [int.from_bytes(data, "little", signed=True) for data in line.data]
    bus._transport._repeat = lambda attempt: attempt()  # type: ignore[method-assign]  # nobody waits here
    for _ in range(packets):
        try:
            values = bus.sync_read("present_position", allow_alerts=True)["present_position"].tolist()
        except HardwareError:
            result["errors"] += 1
        except Exception:
            result["crashes"] += 1
        else:
            result["false_readings"] += values != truth
    return result


def main() -> None:
    """Run and report; fails when anything that must not happen has happened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20, help="random pairs of faults")
    parser.add_argument("--steps", type=int, default=60, help="control steps of each case")
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
