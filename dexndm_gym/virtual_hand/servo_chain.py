"""Sixteen servos between their registers and the physics: the only place that knows which array is which register."""

import math
from collections.abc import Sequence

import numpy as np

from dexndm_gym.arrays import IntArray
from dexndm_gym.constants import TICKS_PER_TURN, VIRTUAL_TIMESTEP
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.virtual_hand.control_table import XL330_M288, ServoModel
from dexndm_gym.virtual_hand.firmware import POSITION_MODE
from dexndm_gym.virtual_hand.motion_profile import PROFILE_ONGOING
from dexndm_gym.virtual_hand.physics_interface import HandPhysics
from dexndm_gym.virtual_hand.protection import Protection
from dexndm_gym.virtual_hand.servo_device import REVERSE, TIME_BASED_PROFILE, Device

_COMMANDS = {
    "torque_enable": "torque_enable",
    "operating_mode": "operating_mode",
    "p_gain": "position_p_gain",
    "i_gain": "position_i_gain",
    "d_gain": "position_d_gain",
    "velocity_p_gain": "velocity_p_gain",
    "velocity_i_gain": "velocity_i_gain",
    "pwm_limit": "pwm_limit",
    "current_limit": "current_limit",
    "profile_velocity": "profile_velocity",
    "profile_acceleration": "profile_acceleration",
}
"""Command array of the physics -> register, same value."""
_SIGNED_COMMANDS = ("goal_velocity", "goal_current", "goal_pwm")
_SIGNED_MEASUREMENTS = ("present_pwm", "present_current", "present_velocity", "velocity_trajectory")
"""Arrays and registers of the same name, whose sign Reverse Mode turns round."""

_BROWN_OUT = 28
"""Supply below which a servo's processor stops, 0.1 V; with the supply back it boots. An assumption."""
_TICK_WRAP = 32768
_SINGLE_TURN_OFFSET = 1024
"""Largest Homing Offset, ticks, that position control within one turn takes notice of."""
_IN_POSITION, _FOLLOWING_ERROR = 0x01, 0x08
"""Bits of Moving Status."""
_ARRIVED, _LOST = 20, 200
"""Distances of goal and trajectory in ticks from which on a servo is in position, or fails to follow: assumptions."""
_ROUNDING = 1e-9


class ServoChain:
    """The servos of one hand: their registers in one block of memory, kept in step with the physics."""

    def __init__(self, physics: HandPhysics, model: ServoModel = XL330_M288) -> None:
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
        self._protection = Protection(model.stall_current)
        memory = bytearray(NUM_JOINTS * model.size)
        self._registers = np.frombuffer(memory, dtype=model.dtype())
        rows = [memoryview(memory)[i * model.size : (i + 1) * model.size] for i in range(NUM_JOINTS)]
        self.devices = [Device(model, row, servo_id) for servo_id, row in enumerate(rows)]
        self._measure()
        for device in self.devices:
            device.boot()

    def advance(self, seconds: float) -> None:
        """Execute the registers for ``seconds``, a multiple of ``VIRTUAL_TIMESTEP``, then measure."""
        end = self.time + seconds
        while (left := end - self.time) > _ROUNDING:
            span = min(left, self._until_watchdog())
            self._command()
            self._physics.advance(span)
            self.time += span
            self.refresh()

    def skip(self, seconds: float) -> None:
        """Let time pass without moving anything, for a physics that cannot keep up."""
        self.time += seconds
        self.refresh()

    def refresh(self) -> None:
        """Bring the present values up to date after something else moved the hand, and let the servos react to them."""
        self._measure()
        self._switch()
        for servo, device in enumerate(self.devices):
            if device.check_watchdog(self.time):
                self._physics.at_once[0, servo] = True

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

    def _until_watchdog(self) -> float:
        """Time until the next watchdog may expire, in whole steps; infinite if none is armed."""
        first = min(device.watchdog_deadline for device in self.devices)
        if math.isinf(first):
            return math.inf
        steps = math.floor((first - self.time) / VIRTUAL_TIMESTEP + _ROUNDING) + 1
        return VIRTUAL_TIMESTEP * max(1, steps)

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
        physics, registers, sign = self._physics, self._registers, self._sign()
        for array, register in _COMMANDS.items():
            getattr(physics, array)[0] = registers[register]
        for name in _SIGNED_COMMANDS:
            getattr(physics, name)[0] = sign * registers[name]
        physics.time_based[0] = registers["drive_mode"] & TIME_BASED_PROFILE != 0
        physics.goal_position[0] = sign * (registers["goal_position"] - self._zero(sign))

    def _measure(self) -> None:
        physics, registers, sign = self._physics, self._registers, self._sign()
        zero = self._zero(sign)
        passed = round(self.time * 1000) - round(self._measured_at * 1000)
        registers["realtime_tick"] = (registers["realtime_tick"] + passed) % _TICK_WRAP
        for name in _SIGNED_MEASUREMENTS:
            registers[name] = sign * getattr(physics, name)()[0]
        registers["present_position"] = zero + sign * physics.present_position()[0]
        registers["position_trajectory"] = zero + sign * physics.position_trajectory()[0]
        self._report_motion(physics.profile_status()[0])
        registers["present_input_voltage"] = physics.input_voltage()[0]
        registers["present_temperature"] = np.clip(physics.temperature()[0] + self._extra_heat, 0, 255)
        errors = self._protection.errors(registers, self.time - self._measured_at)
        self._measured_at = self.time
        for servo in np.flatnonzero(errors):
            self.devices[servo].latch_error(int(errors[servo]))

    def _report_motion(self, profile: IntArray) -> None:
        registers = self._registers
        present = registers["present_position"]
        arrived = np.abs(present - registers["goal_position"]) <= _ARRIVED
        lost = np.abs(present - registers["position_trajectory"]) > _LOST
        registers["moving_status"] = profile | _IN_POSITION * arrived | _FOLLOWING_ERROR * lost
        moves = np.abs(registers["present_velocity"]) > registers["moving_threshold"]
        registers["moving"] = moves | (registers["moving_status"] & PROFILE_ONGOING != 0)

    def _sign(self) -> IntArray:
        return np.where(self._registers["drive_mode"] & REVERSE, -1, 1)

    def _zero(self, sign: IntArray) -> IntArray:
        """What a servo reads where its encoder reads 0; reversed ones count down from a full turn."""
        offset, single_turn = self._registers["homing_offset"], self._registers["operating_mode"] == POSITION_MODE
        ignored = single_turn & (np.abs(offset) > _SINGLE_TURN_OFFSET)
        return np.where(ignored, 0, offset) + np.where(sign < 0, TICKS_PER_TURN, 0)
