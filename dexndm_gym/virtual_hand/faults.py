"""Faults by configuration: what goes wrong on the line, in the servos and around them, and when.

A fault is written as ``kind`` or ``kind:option=value,...``, for example ``corrupt:probability=0.01`` or
``stuck:servo=5,after=2,duration=1``. Any number of them act together.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated

import numpy as np

from dexndm_gym.checks import Bound, Checked, Count, NotNegative
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.virtual_hand.protection import OVERLOAD_ERROR
from dexndm_gym.virtual_hand.servo_chain import ServoChain

LINE_FAULTS = {
    "drop": "servos neither hear nor answer",
    "delay": "answers come late, by a value in s",
    "corrupt": "one bit of an answer is wrong",
    "truncate": "an answer ends early",
    "duplicate": "an answer comes twice",
}
"""Faults that are drawn anew for each exchange on the line."""

STATE_FAULTS = {
    "wrong_model": "servos give another model number: a value",
    "wrong_id": "servos answer to another id: a value",
    "power_loss": "servos lose their supply, and boot when it is back",
    "unplug": "the serial port vanishes, and returns",
    "reboot": "servos restart",
    "overload": "servos report overload, and switch off",
    "overheating": "servos are hotter by a value in degrees Celsius",
    "stuck": "joints do not move",
    "brown_out": "the supply's voltage falls to a value in V",
}
"""Faults that set in once and then last."""

FAULTS = LINE_FAULTS | STATE_FAULTS
"""Every kind of fault, with what it does."""

_DEFAULT_VALUES = {"delay": 0.1, "wrong_model": 1190, "wrong_id": 100, "overheating": 60.0, "brown_out": 2.0}
_WHOLE = ("servo", "count")
_ROUNDING = 1e-6
"""Seconds by which sums of many time steps may be off."""


@dataclass(frozen=True, kw_only=True)
class Fault(Checked):
    """One fault. Times are those of the hand's clock."""

    kind: str
    """A name of ``FAULTS``."""
    servo: Annotated[int, Bound(least=0, most=NUM_JOINTS - 1)] | None = None
    """Which servo it strikes; None for all of them."""
    after: NotNegative = 0.0
    """When it begins, s after it was configured."""
    duration: Annotated[float, Bound(above=0.0, infinite=True)] = math.inf
    """How long it lasts, s."""
    every: Annotated[float, Bound(above=0.0, infinite=True)] = math.inf
    """After how many seconds it begins again."""
    probability: Annotated[float, Bound(above=0.0, most=1.0)] = 1.0
    """Chance at each exchange on the line, while it lasts, that it strikes; a state then stays to the end."""
    count: Count | None = None
    """How often it strikes at most."""
    value: float | None = None
    """The size of what goes wrong, for the kinds that have one."""

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ConfigurationError: an option is out of range.
        """
        if self.kind not in FAULTS:
            raise ConfigurationError(f"expected one of the faults {', '.join(FAULTS)}, got {self.kind!r}")
        super().__post_init__()

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """The fault that a text describes.

        Raises:
            ConfigurationError: it describes none.
        """
        kind, _, options = text.partition(":")
        known = {field.name for field in fields(cls)} - {"kind"}
        given: dict[str, float | int] = {}
        for option in filter(None, options.split(",")):
            name, _, value = option.partition("=")
            if name not in known:
                raise ConfigurationError(f"expected options out of {', '.join(sorted(known))}, got {option!r}")
            try:
                given[name] = int(value) if name in _WHOLE else float(value)
            except ValueError as error:
                raise ConfigurationError(f"expected a number for {name}, got {value!r}") from error
        return cls(kind=kind, **given)  # type: ignore[arg-type]  # the names are those of the fields

    @property
    def servos(self) -> list[int]:
        """The servos that it strikes."""
        return list(range(NUM_JOINTS)) if self.servo is None else [self.servo]

    @property
    def size(self) -> float:
        """Its value, or that of its kind."""
        return _DEFAULT_VALUES.get(self.kind, 0.0) if self.value is None else self.value


class _Armed:
    """A fault that is waiting or acting."""

    def __init__(self, fault: Fault, now: float) -> None:
        self.fault, self.acts = fault, False
        self.undo: Callable[[], None] = lambda: None
        self._begin, self._left = now + fault.after, math.inf if fault.count is None else fault.count

    def due(self, now: float) -> bool:
        """Whether its time is now."""
        phase = now - self._begin + _ROUNDING
        return phase >= 0 and math.fmod(phase, self.fault.every) < self.fault.duration

    def strikes(self, now: float, rng: np.random.Generator) -> bool:
        """Whether it strikes in this exchange."""
        if not self.due(now) or self._left <= 0 or rng.random() >= self.fault.probability:
            return False
        self._left -= 1
        return True


class Faults:
    """All that is wrong with one virtual hand."""

    def __init__(self, chain: ServoChain, plug: Callable[[bool], None], seed: int = 0) -> None:
        """A hand without faults.

        Args:
            chain: its servos.
            plug: pulls the serial port's plug (False) and puts it back (True).
            seed: draws which exchanges are struck, and where.
        """
        self._chain, self._plug = chain, plug
        self._rng = np.random.default_rng(seed)
        self._armed: list[_Armed] = []

    def add(self, fault: Fault) -> None:
        """From now on this can go wrong as well."""
        self._armed.append(_Armed(fault, self._chain.time))
        self.update()

    def clear(self) -> None:
        """Nothing is wrong any more. What servos have latched stays until they reboot."""
        for armed in self._armed:
            if armed.acts:
                armed.undo()
        self._armed.clear()

    def update(self) -> None:
        """Let states set in and end; called at each exchange and whenever time has passed."""
        now = self._chain.time
        for armed in self._armed:
            if armed.fault.kind in LINE_FAULTS:
                continue
            if armed.acts and not armed.due(now):
                armed.undo()
                armed.acts = False
            elif not armed.acts and armed.strikes(now, self._rng):
                armed.undo = self._begin(armed.fault)
                armed.acts = True

    def cut_off(self) -> set[int]:
        """Servos that take no part in this exchange."""
        return {servo for fault in self._striking("drop") for servo in fault.servos}

    def disturb(self, answer: bytes) -> tuple[bytes, float]:
        """What becomes of an answer on its way, and by how many seconds it is late."""
        for _ in self._striking("corrupt"):
            bit = int(self._rng.integers(8 * len(answer)))
            wrong = bytearray(answer)
            wrong[bit // 8] ^= 1 << bit % 8
            answer = bytes(wrong)
        for _ in self._striking("duplicate"):
            answer += answer
        for _ in self._striking("truncate"):
            answer = answer[: int(self._rng.integers(len(answer)))]
        return answer, sum(fault.size for fault in self._striking("delay"))

    def _striking(self, kind: str) -> list[Fault]:
        now = self._chain.time
        return [a.fault for a in self._armed if a.fault.kind == kind and a.strikes(now, self._rng)]

    def _begin(self, fault: Fault) -> Callable[[], None]:
        """Let a state set in; what ends it."""
        chain, servos = self._chain, fault.servos
        match fault.kind:
            case "wrong_model":
                return self._overwrite("model_number", fault)
            case "wrong_id":
                return self._overwrite("id", fault)
            case "reboot":
                for servo in servos:
                    chain.devices[servo].boot()
            case "overload":
                for servo in servos:
                    chain.devices[servo].latch_error(OVERLOAD_ERROR)
            case "power_loss":
                chain.power(servos, False)
                return lambda: chain.power(servos, True)
            case "overheating":
                chain.heat(servos, round(fault.size))
                return lambda: chain.heat(servos, -round(fault.size))
            case "stuck":
                chain.jam(servos, True)
                return lambda: chain.jam(servos, False)
            case "brown_out":
                chain.limit_supply(fault.size)
                return lambda: chain.limit_supply(math.inf)
            case "unplug":
                self._plug(False)
                return lambda: self._plug(True)
        return lambda: None

    def _overwrite(self, register: str, fault: Fault) -> Callable[[], None]:
        devices = [self._chain.devices[servo] for servo in fault.servos]
        before = [device[register] for device in devices]

        def restore() -> None:
            for device, value in zip(devices, before, strict=True):
                device[register] = value

        for device in devices:
            device[register] = int(fault.size)
        return restore
