"""Registers and physics in step."""

import numpy as np
import pytest

from dexndm_gym.virtual_hand.control_table import XC330_M288, XL330_M288
from dexndm_gym.virtual_hand.servo_chain import ServoChain


def test_commands_reach_the_physics(physics, chain: ServoChain) -> None:
    device = chain.devices[3]
    for name, value in [("operating_mode", 5), ("torque_enable", 1), ("position_p_gain", 600), ("goal_current", -350)]:
        device[name] = value
    device["goal_position"], device["homing_offset"] = -100, 50
    chain.advance(0.05)
    read = {
        name: getattr(physics, name)[0, 3] for name in ("operating_mode", "torque_enable", "p_gain", "goal_current")
    }
    assert read == {"operating_mode": 5, "torque_enable": 1, "p_gain": 600, "goal_current": -350}
    assert physics.goal_position[0, 3] == -150
    assert physics.current_limit[0, 3] == 1750
    assert physics.advanced == [0.05]
    assert physics.torque_enable[0].sum() == 1


def test_goals_of_all_modes_reach_the_physics(physics, chain: ServoChain) -> None:
    device = chain.devices[4]
    registers = {"operating_mode": 1, "goal_velocity": -200, "goal_pwm": -300, "velocity_p_gain": 90}
    registers |= {"velocity_i_gain": 800, "profile_velocity": 40, "profile_acceleration": 7, "drive_mode": 4}
    for name, value in registers.items():
        device[name] = value
    chain.advance(0.05)
    physics_names = [name for name in registers if name != "drive_mode"]
    assert [getattr(physics, name)[0, 4] for name in physics_names] == [registers[name] for name in physics_names]
    assert physics.time_based[0].tolist() == [int(servo == 4) for servo in range(16)]


def test_reverse_mode_turns_all_signs_round(physics, chain: ServoChain) -> None:
    device = chain.devices[6]
    device["drive_mode"], device["operating_mode"], device["homing_offset"] = 1, 5, 30
    device["torque_enable"], device["goal_position"], device["goal_pwm"] = 1, 4096 - 2148 + 30, 200
    physics.velocity[0, 6], physics.current[0, 6], physics.pwm[0, 6] = 40, -50, 60
    for _ in range(12):
        chain.advance(0.05)
    assert physics.present_position()[0, 6] == 2148
    assert device["present_position"] == device["goal_position"] == device["position_trajectory"]
    assert [device[f"present_{name}"] for name in ("velocity", "current", "pwm")] == [-40, 50, -60]
    assert physics.goal_pwm[0, 6] == -200


def test_position_control_within_a_turn_ignores_large_offsets(physics, chain: ServoChain) -> None:
    device = chain.devices[0]
    device["homing_offset"] = 1025
    chain.refresh()
    assert device["present_position"] == 2048
    device["operating_mode"] = 4
    chain.refresh()
    assert device["present_position"] == 2048 + 1025


def test_moving_status(physics, chain: ServoChain) -> None:
    device = chain.devices[3]
    device["torque_enable"], device["goal_position"] = 1, 2500
    physics.profile[0, 3] = 0x32
    chain.advance(0.05)
    assert device["moving_status"] == 0x32 | 0x08, "on its way, and far behind a trajectory that is there already"
    assert device["moving"] == 1, "a profile counts as motion"
    physics.profile[0, 3] = 0x30
    for _ in range(10):
        chain.advance(0.05)
    assert (device["moving_status"], device["moving"]) == (0x31, 0)


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


def seconds_to_overload(physics, chain: ServoChain, milliamperes: int) -> float:
    """Time until servo 5 gives up, from rest; infinite after a minute."""
    chain.devices[5]["torque_enable"], physics.current[0, 5] = 1, -milliamperes
    begin = chain.time
    while chain.devices[5]["torque_enable"]:
        chain.advance(0.05)
        if chain.time - begin > 60:
            return np.inf
    assert chain.devices[5]["hardware_error_status"] == 0x20
    assert chain.devices[4]["hardware_error_status"] == 0
    return chain.time - begin


@pytest.mark.parametrize(
    ("share", "least", "most"), [(1.0, 0.5, 1.0), (0.41, 4.5, 5.5), (0.34, 8, 12), (0.29, np.inf, np.inf)]
)
def test_harder_pushing_overloads_sooner(physics, share: float, least: float, most: float) -> None:
    for model in (XL330_M288, XC330_M288):
        seconds = seconds_to_overload(physics, ServoChain(physics, model), round(share * model.stall_current))
        assert least <= seconds <= most


def test_short_pushes_are_borne(physics, chain: ServoChain) -> None:
    chain.devices[5]["torque_enable"] = 1
    for cycle in range(400):
        physics.current[0, 5] = 1000 if cycle % 20 < 2 else 100
        chain.advance(0.05)
    assert chain.devices[5]["hardware_error_status"] == 0


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


def test_dropped_servo_goes_limp_and_boots_again(physics, chain: ServoChain) -> None:
    device = chain.devices[9]
    device["torque_enable"], device["position_p_gain"] = 1, 900
    chain.power([9], False)
    chain.advance(0.05)
    assert physics.torque_enable[0, 9] == 0
    chain.power([9], True)
    assert (device["torque_enable"], device["position_p_gain"]) == (0, 400)


@pytest.mark.parametrize("span", [0.005, 0.05, 0.3])
def test_watchdog_stops_within_a_step_of_time(physics, chain: ServoChain, span: float) -> None:
    for device in chain.devices:
        device["torque_enable"], device["bus_watchdog"], device["goal_position"] = 1, 4, 3000
    for _ in range(round(0.3 / span)):
        chain.advance(span)
    assert [device["bus_watchdog"] for device in chain.devices] == [-1] * 16
    assert sum(physics.advanced) == pytest.approx(0.3)
    # the follower goes half of the way in 50 ms
    assert np.abs(physics.present_position() - (3000 - 952 * 0.5 ** (0.085 / 0.05))).max() <= 1


def test_watchdogs_that_expire_one_after_the_other(physics, chain: ServoChain) -> None:
    for servo, units in ((2, 1), (3, 3)):
        device = chain.devices[servo]
        device["torque_enable"], device["bus_watchdog"], device["goal_position"] = 1, units, 3000
    chain.advance(0.1)
    stopped = physics.present_position()[0, [2, 3]]
    np.testing.assert_allclose(stopped, 3000 - 952 * 0.5 ** (np.array([0.025, 0.065]) / 0.05), atol=1)
