"""Sixteen servos between their registers and the physics: the only place that knows which array is which register."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dexndm_gym.leap.joints import NUM_JOINTS
from dexndm_gym.virtual_hand.control_table import XL330_M288, ServoModel
from dexndm_gym.virtual_hand.device import EXTENDED_POSITION_MODE, POSITION_MODE, Device

IntArray = npt.NDArray[np.int64]

_COMMANDS = {
    "torque_enable": "torque_enable",
    "p_gain": "position_p_gain",
    "i_gain": "position_i_gain",
    "d_gain": "position_d_gain",
    "pwm_limit": "pwm_limit",
    "current_limit": "current_limit",
}
"""Command array of the physics -> register, same value."""

OVERLOAD_ERROR = 0x20
"""Bit of Hardware Error Status."""
_VOLTAGE_ERROR, _OVERHEATING_ERROR = 0x01, 0x04
_ERROR_BITS = np.array([_VOLTAGE_ERROR, _OVERHEATING_ERROR, OVERLOAD_ERROR])
_TOLERANCE = np.array([[0.25], [0.25], [1.0]])
"""Seconds that each is borne; the manual has no figures, but short sags and hard starts are everyday."""
_OVERLOAD_SHARE = 0.6
"""Share of the stall current that counts as overload when it lasts; the manual has no figure either."""
_BROWN_OUT = 28
"""Supply below which a servo's processor stops, 0.1 V; with the supply back it boots. An assumption as well."""
_TICK_WRAP = 32768


class ServoPhysics(Protocol):
    """What moves and measures behind the registers: arrays of shape (n, 16) in register units, n = 1 here.

    Commands are attributes that are written in place, measurements are methods.
    """

    torque_enable: IntArray
    operating_mode: IntArray
    """3 (position) or 5 (current-based position)."""
    p_gain: IntArray
    i_gain: IntArray
    d_gain: IntArray
    goal_pwm: IntArray
    pwm_limit: IntArray
    goal_current: IntArray
    current_limit: IntArray
    goal_position: IntArray
    """Ticks of the encoder, without homing offset."""
    jammed: npt.NDArray[np.bool_]
    """Joints that something holds fast."""
    supply_limit: npt.NDArray[np.float64]
    """Voltage that the supply does not exceed, (n, 1), V; infinite as a rule."""

    def advance(self, seconds: float) -> None:
        """Let time pass, a whole number of the physics' own steps."""
        ...

    def present_position(self) -> IntArray:
        """Encoder ticks, without homing offset."""
        ...

    def present_velocity(self) -> IntArray:
        """0.229 rpm."""
        ...

    def present_current(self) -> IntArray:
        """Milliamperes, signed."""
        ...

    def present_pwm(self) -> IntArray:
        """1/885 of full duty, signed."""
        ...

    def input_voltage(self) -> IntArray:
        """0.1 V."""
        ...

    def temperature(self) -> IntArray:
        """Degrees Celsius."""
        ...


class ServoChain:
    """The servos of one hand: their registers in one block of memory, kept in step with the physics."""

    def __init__(self, physics: ServoPhysics, model: ServoModel = XL330_M288) -> None:
        """Power up.

        Args:
            physics: one hand's worth of servos and whatever they move.
            model: control table of all sixteen.
        """
        self.time = 0.0
        """Time of the servos, s."""
        self._extra_heat = np.zeros(NUM_JOINTS, dtype=np.int64)
        self._plugged = np.ones(NUM_JOINTS, dtype=np.bool_)
        self._physics = physics
        self._measured_at = 0.0
        self._wrong_for = np.zeros((len(_ERROR_BITS), NUM_JOINTS))
        self._overload_current = _OVERLOAD_SHARE * model.stall_current
        memory = bytearray(NUM_JOINTS * model.size)
        self._registers = np.frombuffer(memory, dtype=model.dtype())
        rows = [memoryview(memory)[i * model.size : (i + 1) * model.size] for i in range(NUM_JOINTS)]
        self.devices = [Device(model, row, servo_id) for servo_id, row in enumerate(rows)]
        self._measure()
        for device in self.devices:
            device.boot()

    def advance(self, seconds: float) -> None:
        """Execute the registers for ``seconds``, then measure."""
        self._command()
        self._physics.advance(seconds)
        self.time += seconds
        self.refresh()

    def skip(self, seconds: float) -> None:
        """Let time pass without moving anything, for a physics that cannot keep up."""
        self.time += seconds
        self.refresh()

    def refresh(self) -> None:
        """Bring the present values up to date after something else moved the hand, and let the servos react to them."""
        self._measure()
        self._switch()
        for device in self.devices:
            device.check_watchdog(self.time)

    def power(self, servos: Sequence[int], on: bool) -> None:
        """Cut the supply of some servos (they go limp and silent), or give it back (they boot)."""
        self._plugged[servos] = on
        self._switch()

    def limit_supply(self, volts: float) -> None:
        """Let the supply give no more than that."""
        self._physics.supply_limit[...] = volts

    def heat(self, servos: Sequence[int], degrees: int) -> None:
        """Let some servos read hotter than the physics says, by so many degrees Celsius more than before."""
        self._extra_heat[servos] += degrees

    def jam(self, servos: Sequence[int], on: bool) -> None:
        """Hold the joints of some servos fast, or let them go."""
        self._physics.jammed[0, servos] = on

    def _switch(self) -> None:
        """Stop the servos that have lost their supply, start those that have got it back."""
        supplied = self._plugged & (self._registers["present_input_voltage"] >= _BROWN_OUT)
        for device, on in zip(self.devices, supplied.tolist(), strict=True):
            if on != device.powered:
                device.powered = on
                device["torque_enable"] = 0
                if on:
                    device.boot()

    def _command(self) -> None:
        registers = self._registers
        for array, register in _COMMANDS.items():
            getattr(self._physics, array)[0] = registers[register]
        # In the position modes these two only limit: their sign says nothing.
        self._physics.goal_pwm[0] = np.abs(registers["goal_pwm"])
        self._physics.goal_current[0] = np.abs(registers["goal_current"])
        mode = registers["operating_mode"]
        # To fingers, which never make a full turn, extended position control is position control.
        self._physics.operating_mode[0] = np.where(mode == EXTENDED_POSITION_MODE, POSITION_MODE, mode)
        self._physics.goal_position[0] = registers["goal_position"] - registers["homing_offset"]

    def _measure(self) -> None:
        physics, registers = self._physics, self._registers
        velocity = physics.present_velocity()[0]
        passed = round(self.time * 1000) - round(self._measured_at * 1000)
        registers["realtime_tick"] = (registers["realtime_tick"] + passed) % _TICK_WRAP
        registers["moving"] = np.abs(velocity) > registers["moving_threshold"]
        registers["present_pwm"] = physics.present_pwm()[0]
        registers["present_current"] = physics.present_current()[0]
        registers["present_velocity"] = velocity
        registers["present_position"] = physics.present_position()[0] + registers["homing_offset"]
        # Without a profile the trajectory is the goal itself.
        registers["position_trajectory"] = registers["goal_position"]
        registers["present_input_voltage"] = physics.input_voltage()[0]
        registers["present_temperature"] = np.clip(physics.temperature()[0] + self._extra_heat, 0, 255)
        self._protect()

    def _protect(self) -> None:
        """Latch a hardware error where voltage, temperature or load has been wrong for long enough."""
        registers = self._registers
        voltage, elapsed = registers["present_input_voltage"], self.time - self._measured_at
        self._measured_at = self.time
        wrong_voltage = (voltage > registers["max_voltage_limit"]) | (voltage < registers["min_voltage_limit"])
        too_hot = registers["present_temperature"] > registers["temperature_limit"]
        overloaded = np.abs(registers["present_current"]) > self._overload_current
        wrong = np.stack([wrong_voltage, too_hot, overloaded])
        self._wrong_for = np.where(wrong, self._wrong_for + elapsed, 0.0)
        late = self._wrong_for > _TOLERANCE
        for servo in np.flatnonzero(late.any(axis=0)):
            self.devices[servo].latch_error(int(_ERROR_BITS[late[:, servo]].sum()))
