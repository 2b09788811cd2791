"""Registers and physics in step."""

import numpy as np
import pytest

from dexndm_gym.virtual_hand.control_table import XC330_M288
from dexndm_gym.virtual_hand.servos import ServoChain


def test_commands_reach_the_physics(physics, chain: ServoChain) -> None:
    device = chain.devices[3]
    for name, value in [("operating_mode", 5), ("torque_enable", 1), ("position_p_gain", 600), ("goal_current", -350)]:
        device[name] = value
    device["goal_position"], device["homing_offset"] = -100, 50
    chain.advance(0.05)
    read = {
        name: getattr(physics, name)[0, 3] for name in ("operating_mode", "torque_enable", "p_gain", "goal_current")
    }
    assert read == {"operating_mode": 5, "torque_enable": 1, "p_gain": 600, "goal_current": 350}
    assert physics.goal_position[0, 3] == -150
    assert physics.current_limit[0, 3] == 1750
    assert physics.advanced == [0.05]
    assert physics.torque_enable[0].sum() == 1


def test_extended_position_control_is_position_control(physics, chain: ServoChain) -> None:
    chain.devices[0]["operating_mode"] = 4
    chain.advance(0.05)
    assert physics.operating_mode[0, 0] == 3


def test_measurements_reach_the_registers(physics, chain: ServoChain) -> None:
    physics.velocity[0, 2], physics.current[0, 2], physics.pwm[0, 2] = -30, -12, -100
    chain.devices[2]["homing_offset"] = 7
    chain.advance(0.05)
    device = chain.devices[2]
    names = ("present_velocity", "present_current", "present_pwm", "present_input_voltage", "present_temperature")
    assert [device[name] for name in names] == [-30, -12, -100, 50, 30]
    assert device["present_position"] == round(physics.position[0, 2]) + 7
    assert (device["moving"], chain.devices[1]["moving"]) == (1, 0)
    assert device["realtime_tick"] == 50


def test_realtime_tick_wraps(chain: ServoChain) -> None:
    chain.skip(32.770)
    assert chain.devices[0]["realtime_tick"] == 2


@pytest.mark.parametrize(("quantity", "value", "bit"), [("voltage", 34, 1), ("voltage", 71, 1), ("heat", 71, 4)])
def test_voltage_and_heat_are_latched(physics, chain: ServoChain, quantity: str, value: int, bit: int) -> None:
    device = chain.devices[5]
    device["torque_enable"] = 1
    for _ in range(3):
        getattr(physics, quantity)[0, 5] = value
        for _ in range(4):
            chain.advance(0.05)
        getattr(physics, quantity)[0, 5] = 50
        chain.advance(0.05)
    assert (device["hardware_error_status"], device["torque_enable"]) == (0, 1), "short sags are borne"
    getattr(physics, quantity)[0, 5] = value
    for _ in range(6):
        chain.advance(0.05)
    getattr(physics, quantity)[0, 5] = 50
    chain.advance(0.05)
    assert (device["hardware_error_status"], device["torque_enable"]) == (bit, 0)
    assert chain.devices[4]["hardware_error_status"] == 0
    assert physics.torque_enable[0, 5] == 0


def test_a_lasting_overload_is_latched(physics, chain: ServoChain) -> None:
    device = chain.devices[5]
    device["torque_enable"] = 1
    physics.current[0, 5] = -900
    for _ in range(19):
        chain.advance(0.05)
    assert (device["hardware_error_status"], device["torque_enable"]) == (0, 1)
    for _ in range(2):
        chain.advance(0.05)
    assert (device["hardware_error_status"], device["torque_enable"]) == (0x20, 0)
    assert chain.devices[4]["hardware_error_status"] == 0


def test_a_reboot_starts_the_servos_clock_anew(chain: ServoChain) -> None:
    chain.advance(0.05)
    chain.devices[3].boot()
    chain.advance(0.05)
    assert [chain.devices[servo]["realtime_tick"] for servo in (2, 3)] == [100, 50]


def test_full_hand_servos_keep_moving_at_low_voltage(physics) -> None:
    chain = ServoChain(physics, XC330_M288)
    chain.devices[0]["torque_enable"] = 1
    physics.voltage[...] = 30
    for _ in range(6):
        chain.advance(0.05)
    assert (chain.devices[0]["hardware_error_status"], chain.devices[0]["torque_enable"]) == (1, 1)


def test_a_dropped_servo_goes_limp_and_boots_when_it_returns(physics, chain: ServoChain) -> None:
    device = chain.devices[9]
    device["torque_enable"], device["position_p_gain"] = 1, 900
    chain.power([9], False)
    chain.advance(0.05)
    assert physics.torque_enable[0, 9] == 0
    chain.power([9], True)
    assert (device["torque_enable"], device["position_p_gain"]) == (0, 400)


def test_watchdog_runs_in_servo_time(physics, chain: ServoChain) -> None:
    for device in chain.devices:
        device["torque_enable"], device["bus_watchdog"], device["goal_position"] = 1, 5, 3000
    chain.advance(0.05)
    chain.advance(0.05)
    assert chain.devices[0]["bus_watchdog"] == 5
    chain.advance(0.05)
    assert [device["bus_watchdog"] for device in chain.devices] == [-1] * 16
    held = physics.present_position().copy()
    for _ in range(5):
        chain.advance(0.05)
    assert np.abs(physics.present_position() - held).max() == 0
