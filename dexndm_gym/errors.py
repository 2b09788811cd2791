"""Every error that this package raises on purpose.

Each leaf also inherits the builtin that a caller would expect, so that ``except ValueError`` works without knowing this
module. Messages say what was expected, what came and what to try.
"""


class DexndmError(Exception):
    """Base class of all errors of this package."""


class ConfigurationError(DexndmError, ValueError):
    """An option, argument or configuration has a value that cannot be used."""


class OutputError(DexndmError, OSError):
    """A file or folder cannot be written: the disk is full, it is not allowed, or the place has gone."""


class MissingExtraError(DexndmError, ImportError):
    """An optional dependency is not installed; the message names the extra to install."""


class FileFormatError(DexndmError, ValueError):
    """A file exists but does not hold what was expected of it (recording, policy, model)."""


class ModelMismatchError(DexndmError, ValueError):
    """A learned model or policy does not fit the hand, the observation or the other model."""


class WorkerError(DexndmError, RuntimeError):
    """A worker of a pool or a cluster died again and again, or raised what cannot be passed on."""


class SimulationDivergedError(DexndmError, ArithmeticError):
    """A simulation reached a state that is not finite."""


class SimulatorError(DexndmError, RuntimeError):
    """A simulator in a process of its own ended, hangs or refuses what it was asked."""


class HardwareError(DexndmError, RuntimeError):
    """The hand, its bus or its port failed; base of all hardware faults.

    Attributes:
        torque_off: after a fault in an episode: True if the servos confirmed that their torque is off, False if they
            could not be asked any more, so that their own watchdog has to stop them. None where nobody asked.
    """

    torque_off: bool | None = None


class PortError(HardwareError, OSError):
    """The serial port cannot be opened, or has gone."""


class BusTimeoutError(HardwareError, TimeoutError):
    """A servo did not answer in time."""


class BusProtocolError(HardwareError):
    """A reply was malformed, or a servo answered with a protocol error."""


class MissingServoError(HardwareError):
    """Servos that the hand needs do not answer, or are of another model."""


class ServoAlertError(HardwareError):
    """A servo reports a hardware error (overload, overheating, voltage) and has switched off."""


class SafetyError(HardwareError):
    """A command or reading lies outside the limits that protect the hand."""


class NothingHeldError(HardwareError):
    """The fingers closed, and there was nothing between them."""


class StopRequestedError(HardwareError):
    """Somebody has stopped the hand: a key was pressed, or ``stop`` was called."""


class CameraError(DexndmError, OSError):
    """A camera cannot be opened, or gives no more pictures."""
