"""What one servo does with reads and writes of its control table.

What the manual does not say is assumed on the strict side: the bus watchdog counts from the last instruction that
addressed the servo (by id or broadcast), and its expiry holds the servo where it is; a rejected write changes nothing
at all; an alert stays until reboot; a backup is stored and restored only while torque is off, and survives everything;
when torque comes on the goals are the present position, and no velocity, current or PWM where these are the mode's.
"""

import math

from dexndm_gym.virtual_hand.control_table import BAUD_RATES, PRESENT_VALUES, Register, ServoModel
from dexndm_gym.virtual_hand.firmware import CURRENT_MODE, OPERATING_MODES, POSITION_MODE, PWM_MODE
from dexndm_gym.virtual_hand.packets import ALERT, StatusError
from dexndm_gym.virtual_hand.registers import RefusedError, RegisterFile

BAUD_CODE = 6
"""LEAP hands are set to 4 Mbps."""
WATCHDOG_UNIT = 0.020
"""Seconds per unit of the bus watchdog."""
WATCHDOG_EXPIRED = -1
_ROUNDING = 1e-6
"""Seconds by which sums of many time steps may be off."""

REVERSE, TIME_BASED_PROFILE, TORQUE_ON_BY_GOAL = 0x01, 0x04, 0x08
"""Bits of Drive Mode; the others are always 0."""
_DRIVE_MODES = REVERSE | TIME_BASED_PROFILE | TORQUE_ON_BY_GOAL

_UNMODELED = frozenset({"protocol_type", "pwm_slope", "feedforward_1st_gain", "feedforward_2nd_gain"})
"""Behavior that this servo lacks; it refuses anything but the default instead of pretending."""
_GOALS = frozenset({"goal_pwm", "goal_current", "goal_velocity", "goal_position"})
_GOAL_LIMITS = {"goal_pwm": "pwm_limit", "goal_current": "current_limit", "goal_velocity": "velocity_limit"}
_GAINS = (
    *("velocity_i_gain", "velocity_p_gain", "position_d_gain", "position_i_gain", "position_p_gain"),
    *("feedforward_2nd_gain", "feedforward_1st_gain"),
)
_KEPT_IN_BACKUP = (*_GAINS, "profile_acceleration", "profile_velocity")
"""What a backup holds of the RAM; all of the EEPROM and the indirect addresses are in it as well."""
_TORQUE_AT_STARTUP, _RAM_AT_STARTUP = 0x01, 0x02
"""Bits of Startup Configuration."""


class Device(RegisterFile):
    """One servo's registers and the rules for changing them."""

    def __init__(self, model: ServoModel, memory: memoryview, servo_id: int) -> None:
        """Boot a servo that has been set up for a LEAP hand.

        Args:
            model: its control table.
            memory: ``model.size`` writable bytes; the present values in it are written by the owner of the memory.
            servo_id: the id it has been given.
        """
        super().__init__(model, memory)
        self.powered = True
        self.last_packet = 0.0
        """Bus time of the last instruction that addressed this servo, s."""
        self._registered: tuple[int, bytes] | None = None
        self._backup: dict[str, int] = {}
        self._load_defaults(eeprom=True)
        self["id"] = servo_id
        self["baud_rate"] = BAUD_CODE
        self.boot()

    @property
    def alert(self) -> int:
        """The alert bit, to be set in the error byte of every status packet."""
        return ALERT if self["hardware_error_status"] else 0

    @property
    def baud(self) -> int:
        """Bits per second that the servo listens at."""
        return BAUD_RATES[self["baud_rate"]]

    def write(self, address: int, data: bytes) -> None:
        """Write whole registers, indirect data resolved: all of them, or none.

        Raises:
            RefusedError: with the number of the reason.
        """
        for register, value in self.check(address, data):
            self._apply(register, value)

    def check(self, address: int, data: bytes) -> list[tuple[Register, int]]:
        """The registers and values that a write would set, in order.

        Raises:
            RefusedError: the write is not possible now.
        """
        writes = list(self.split(address, data))
        for register, value in writes:
            error = self._objection(register, value)
            if error:
                raise RefusedError(error)
        return writes

    def covers(self, address: int, length: int, name: str) -> bool:
        """Whether a write to these addresses reaches the register ``name``, directly or indirectly."""
        target = self.model.by_name[name].address
        return address + length <= self.model.size and target in self.resolve(address, length)

    def register_write(self, address: int, data: bytes) -> None:
        """Keep a write for a later ``action``.

        Raises:
            RefusedError: the write is not possible now.
        """
        self.check(address, data)
        self._registered = (address, data)
        self["registered_instruction"] = 1

    def action(self) -> None:
        """Execute the registered write.

        Raises:
            RefusedError: nothing is registered, or the write is no longer possible.
        """
        if self._registered is None:
            raise RefusedError(StatusError.INSTRUCTION)
        registered, self._registered = self._registered, None
        self["registered_instruction"] = 0
        self.write(*registered)

    def boot(self) -> None:
        """Restart: RAM and torque as Startup Configuration says, hardware errors and registered writes forgotten."""
        self._registered = None
        self._load_defaults(eeprom=False)
        self._reset_goals()
        if self["startup_configuration"] & _RAM_AT_STARTUP:
            self._load_backup(eeprom=False)
        self["realtime_tick"] = 0
        self["goal_position"] = self["present_position"]
        self["torque_enable"] = self["startup_configuration"] & _TORQUE_AT_STARTUP

    def factory_reset(self, *, keep_id: bool, keep_baud: bool) -> None:
        """Factory defaults in EEPROM and RAM, then a restart."""
        servo_id, baud_code = self["id"], self["baud_rate"]
        self._load_defaults(eeprom=True)
        if keep_id:
            self["id"] = servo_id
        if keep_baud:
            self["baud_rate"] = baud_code
        self.boot()

    def store_backup(self) -> None:
        """Keep a copy of the settings.

        Raises:
            RefusedError: torque is on.
        """
        if self["torque_enable"]:
            raise RefusedError(StatusError.RESULT_FAIL)
        kept = [r.name for r in self.model.registers if r.eeprom or r.name.startswith("indirect_address")]
        self._backup = {name: self[name] for name in (*kept, *_KEPT_IN_BACKUP)}
        self["backup_ready"] = 1

    def restore_backup(self) -> None:
        """Bring the EEPROM back to the copy.

        Raises:
            RefusedError: torque is on, or there is no copy.
        """
        if self["torque_enable"] or not self._backup:
            raise RefusedError(StatusError.RESULT_FAIL)
        self._load_backup(eeprom=True)

    def latch_error(self, bits: int) -> None:
        """Report hardware errors; those that are in Shutdown switch torque off until reboot."""
        self["hardware_error_status"] |= bits
        if self._shut_down:
            self["torque_enable"] = 0

    @property
    def watchdog_deadline(self) -> float:
        """Bus time after which the servo stops unless the host speaks to it, s; infinite if it does not watch."""
        limit = self["bus_watchdog"]
        watches = limit > 0 and self["torque_enable"]
        return self.last_packet + limit * WATCHDOG_UNIT if watches else math.inf

    def check_watchdog(self, now: float) -> bool:
        """Stop where it is if the host has been silent for too long by bus time ``now``, s; whether that is so."""
        expired = now > self.watchdog_deadline + _ROUNDING
        if expired:
            self["bus_watchdog"] = WATCHDOG_EXPIRED
            self["profile_velocity"] = self["profile_acceleration"] = 0
            self._rest_goals()
        return expired

    @property
    def _shut_down(self) -> bool:
        return bool(self["hardware_error_status"] & self["shutdown"])

    def _load_defaults(self, *, eeprom: bool) -> None:
        """Defaults of the EEPROM, or of the RAM except for what the physics measures."""
        for register in self.model.registers:
            if register.eeprom == eeprom and register.address not in PRESENT_VALUES:
                self[register.name] = register.default

    def _load_backup(self, *, eeprom: bool) -> None:
        for name, value in self._backup.items():
            if self.model.by_name[name].eeprom == eeprom:
                self[name] = value

    def _reset_goals(self) -> None:
        """What start and mode changes do to limits and profiles."""
        self["goal_pwm"] = self["pwm_limit"]
        self["goal_current"] = self["current_limit"]
        self["profile_velocity"] = self["profile_acceleration"] = 0

    def _rest_goals(self) -> None:
        """Goals of a servo that is to stand still."""
        self["goal_position"], self["goal_velocity"] = self["present_position"], 0
        if self["operating_mode"] == CURRENT_MODE:
            self["goal_current"] = 0
        elif self["operating_mode"] == PWM_MODE:
            self["goal_pwm"] = 0

    def _objection(self, register: Register, value: int) -> StatusError:
        """Why ``value`` may not be written to ``register`` now; NONE if it may."""
        name = register.name
        if not register.writable or (register.eeprom and self["torque_enable"]):
            return StatusError.ACCESS
        if not register.minimum <= value <= register.maximum:
            return StatusError.DATA_RANGE
        if name in _GOALS:
            return self._goal_objection(name, value)
        if name == "torque_enable" and value and self._shut_down:
            return StatusError.RESULT_FAIL
        refused = (
            (name in _UNMODELED and value != register.default)
            or (name == "operating_mode" and value not in OPERATING_MODES)
            or (name == "drive_mode" and value & ~_DRIVE_MODES)
            or (name == "bus_watchdog" and (value < 0 or (value > 0 and self["bus_watchdog"] == WATCHDOG_EXPIRED)))
        )
        return StatusError.DATA_RANGE if refused else StatusError.NONE

    def _goal_objection(self, name: str, value: int) -> StatusError:
        if self["bus_watchdog"] == WATCHDOG_EXPIRED:
            return StatusError.DATA_RANGE
        if name in _GOAL_LIMITS:
            inside = abs(value) <= self[_GOAL_LIMITS[name]]
        else:
            single_turn = self["operating_mode"] == POSITION_MODE
            inside = not single_turn or self["min_position_limit"] <= value <= self["max_position_limit"]
        return StatusError.NONE if inside else StatusError.DATA_LIMIT

    def _apply(self, register: Register, value: int) -> None:
        name = register.name
        if name == "operating_mode" and value != self[name]:
            for gain in _GAINS:
                self[gain] = self.model.by_name[gain].default
            self._reset_goals()
        elif name == "torque_enable" and value and not self[name]:
            self._rest_goals()  # goals from before torque came on must not make the finger jump
        elif (
            name in _GOALS and self["drive_mode"] & TORQUE_ON_BY_GOAL and not (self["torque_enable"] or self._shut_down)
        ):
            self._rest_goals()
            self["torque_enable"] = 1
        self[name] = value
