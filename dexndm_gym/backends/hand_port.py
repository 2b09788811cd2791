"""One way to a hand with servos, real or virtual, for environments and bring-up alike."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from dexndm_gym.backends.address import HandAddress, find_hand
from dexndm_gym.backends.dynamixel_config import Closeable, DynamixelHandConfig, Operator, Tracker
from dexndm_gym.backends.dynamixel_hand import DynamixelHand
from dexndm_gym.backends.trackers import TrackerChoice, make_tracker, needs_real_time
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.errors import BusProtocolError, BusTimeoutError, ConfigurationError
from dexndm_gym.grasps.hand_starts import HandStarts
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.pacing import NoPacer, Pacer, Pacing
from dexndm_gym.hardware.port import SerialPort
from dexndm_gym.objects.object_choice import Choice, own_objects
from dexndm_gym.objects.scene import FREE
from dexndm_gym.task.config_json import config_of

if TYPE_CHECKING:
    from dexndm_gym.virtual_hand.client import VirtualHandProcess

Clock = Literal["lockstep", "realtime"]

_VIRTUAL_REPLY_TIMEOUT = 0.02
"""After how long without a reply a virtual hand is asked whether it has one, s."""


@dataclass(frozen=True, kw_only=True)
class HandPort:
    """A serial port with a hand behind it, and how its time passes."""

    path: str
    process: "VirtualHandProcess | None" = None
    """The virtual hand behind it, if that is one."""
    clock: Clock = "realtime"

    @property
    def confirm_silence(self) -> Callable[[], None] | None:
        """How to be certain that nothing will come any more; see ``SerialPort``."""
        return None if self.process is None else self.process.settle

    @property
    def sleep(self) -> Callable[[float], None]:
        """Lets seconds pass for the hand."""
        return self.process.pass_time if self.process is not None and self.clock == "lockstep" else time.sleep

    def reply_timeout(self, wanted: float | None) -> float | None:
        """How long to wait for replies, s: as wanted, or what fits this hand."""
        return _VIRTUAL_REPLY_TIMEOUT if wanted is None and self.process is not None else wanted

    def pacer(self) -> Pacing:
        """What ends its control periods."""
        return NoPacer() if self.clock == "lockstep" else Pacer(CONTROL_PERIOD)

    @contextmanager
    def open_bus(self, baudrate: int) -> Iterator[DynamixelBus]:
        """The servos, until the end of the context; their torque stays as it is.

        Raises:
            PortError: the port cannot be opened.
            HardwareError: what went wrong in the context; where servos have fallen silent, it says which.
        """
        bus = DynamixelBus(SerialPort(self.path, baudrate, self.reply_timeout(None), self.confirm_silence))
        bus.open()
        with closing(bus):
            try:
                yield bus
            except (BusTimeoutError, BusProtocolError) as error:
                raise bus.explain(error) from error


@contextmanager
def open_port(address: HandAddress, *, clock: Clock = "lockstep", faults: Sequence[str] = ()) -> Iterator[HandPort]:
    """The port of a hand, for bring-up; a virtual hand is started for it and ends with the context.

    Args:
        address: which hand.
        clock: the virtual hand's.
        faults: what is wrong with the virtual hand.
    """
    if not address.is_virtual:
        yield HandPort(path=address.port)
        return
    from dexndm_gym.virtual_hand.client import VirtualHandProcess

    with VirtualHandProcess(seed=address.hand_seed, clock=clock, faults=faults) as process:
        yield HandPort(path=process.port, process=process, clock=clock)


def connect(
    port: str | None = None,
    *,
    tracker: TrackerChoice = None,
    operator: Operator | None = None,
    hand_config: DynamixelHandConfig | Mapping[str, Any] | None = None,
    hand_seed: int = 0,
    clock: Clock | None = None,
    surroundings: str = FREE,
    objects: Sequence[Choice] = (),
    starts: HandStarts | None = None,
) -> DynamixelHand:
    """A hand on a serial port, or a virtual hand that is started for it and closed with it.

    Args:
        port: serial device such as ``/dev/ttyUSB0``, or ``"virtual"``; None takes the environment variable DEXNDM_PORT,
            and the virtual hand where that is not set.
        tracker: source of the object's pose: an object with ``object_pose``, ``"camera"`` or the configuration of one
            (extra ``tracking``), or ``"proprioception"``, see ``dexndm_gym.backends.trackers``; a virtual hand brings
            its own, and a virtual camera looks at it where one is asked for.
        operator: who places the object; the virtual hand brings its own.
        hand_config: how to drive the hand, or its fields by name.
        hand_seed: which virtual hand: its hidden parameters are drawn from this.
        clock: the virtual hand's: ``"lockstep"`` runs as fast as it computes, ``"realtime"`` as a real one; None for
            real time where a camera looks on, else lock-step.
        surroundings: what loads the virtual hand's fingers, a name of ``dexndm_gym.objects.scene.SURROUNDINGS``.
        objects: what a virtual hand may be given, by name or itself; needed for objects from mesh files.
        starts: how episodes begin; None for the open hand palm up, and for grasps in other wrists.

    Raises:
        ConfigurationError: the port has no name, there is no such clock, tracker or surroundings, or a camera is to
            look at a virtual hand in lock-step.
        CameraError: the camera cannot be used.
    """
    config = config_of(DynamixelHandConfig, hand_config)
    address = find_hand(port, hand_seed)
    if not address.is_virtual:
        chosen = make_tracker(tracker)
        return DynamixelHand(
            address.port,
            tracker=chosen,
            operator=operator,
            config=config,
            companion=_closing(tracker, chosen),
            starts=starts,
        )
    clock = clock or ("realtime" if needs_real_time(tracker) else "lockstep")
    if clock not in get_args(Clock):
        raise ConfigurationError(f"Unknown clock {clock!r}; expected one of {', '.join(get_args(Clock))}")
    if clock == "lockstep" and needs_real_time(tracker):
        raise ConfigurationError("A camera takes its pictures in real time; expected clock='realtime', got 'lockstep'")
    from dexndm_gym.virtual_hand.client import VirtualHandProcess

    meshes = [item for item in own_objects(objects) if item.has_hulls]
    process = VirtualHandProcess(seed=hand_seed, clock=clock, surroundings=surroundings, meshes=meshes)
    try:
        chosen = make_tracker(tracker, process.control)
    except BaseException:
        process.close()
        raise
    behind = HandPort(path=process.port, process=process, clock=clock)
    return DynamixelHand(
        process.port,
        tracker=chosen if chosen is not None else process,
        operator=operator if operator is not None else process,
        pacer=behind.pacer(),
        sleep=behind.sleep,
        config=replace(config, reply_timeout=behind.reply_timeout(config.reply_timeout)),
        companion=_closing(tracker, chosen, process),
        starts=starts,
        confirm_silence=behind.confirm_silence,
    )


def _closing(choice: TrackerChoice, made: Tracker | None, *others: Closeable) -> Closeable | None:
    """Closes what was made here: not a tracker that was handed over."""
    all_of_it = [*others, *([made] if made is not choice and isinstance(made, Closeable) else [])]
    if len(all_of_it) < 2:
        return next(iter(all_of_it), None)
    stack = ExitStack()
    for one in all_of_it:
        stack.callback(one.close)
    return stack
