from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dexndm_gym.errors import (
    BusProtocolError,
    BusTimeoutError,
    ConfigurationError,
    HardwareError,
    MissingServoError,
    PortError,
    SafetyError,
    ServoAlertError,
)
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.port import SerialPort

PRESENT = ("present_current", "present_velocity", "present_position")


def fill_present_values(servos: Any) -> None:
    for servo in range(16):
        servos.set(servo, 126, 2, -servo)
        servos.set(servo, 128, 4, -3 * servo)
        servos.set(servo, 132, 4, 2048 + 10 * servo)


def test_sync_read_decodes_signs_and_order(servos: Any, bus: DynamixelBus) -> None:
    fill_present_values(servos)
    values = bus.sync_read(*PRESENT)
    servo = np.arange(16)
    np.testing.assert_array_equal(values["present_current"], -servo)
    np.testing.assert_array_equal(values["present_velocity"], -3 * servo)
    np.testing.assert_array_equal(values["present_position"], 2048 + 10 * servo)
    assert servos.requests == 1


def test_sync_read_survives_byte_stuffing(servos: Any, bus: DynamixelBus) -> None:
    # Current -1 followed by velocity -3 looks like a packet header on the wire.
    servos.set(7, 126, 2, -1)
    servos.set(7, 128, 4, -3)
    values = bus.sync_read(*PRESENT)
    assert [int(values[name][7]) for name in PRESENT] == [-1, -3, 2048]


@pytest.mark.parametrize("silent", [0, 7, 15])
def test_missing_data_is_an_error_and_never_zero(servos: Any, bus: DynamixelBus, silent: int) -> None:
    servos.silent = {silent}
    with pytest.raises(BusTimeoutError, match=rf"Servo {silent} "):
        bus.sync_read("present_position")


def test_a_lost_reply_is_asked_for_again(servos: Any, bus: DynamixelBus) -> None:
    fill_present_values(servos)
    size = 21
    lost = iter([True])
    servos.mangle = lambda replies: replies[:size] + replies[2 * size :] if next(lost, False) else replies
    values = bus.sync_read(*PRESENT)
    np.testing.assert_array_equal(values["present_position"], 2048 + 10 * np.arange(16))
    assert servos.requests == 2


def test_lost_reply_is_error_after_three_requests(servos: Any, bus: DynamixelBus) -> None:
    servos.mangle = lambda replies: replies[21:]
    with pytest.raises(BusProtocolError, match=r"reply of servo 0 \(if_rot\) is missing"):
        bus.sync_read(*PRESENT)
    assert servos.requests == 3


def test_one_repetition_only_where_time_is_up(servos: Any) -> None:
    servos.mangle = lambda replies: replies[21:]
    bus = DynamixelBus(SerialPort("/dev/fake", reply_timeout=0.004), retry_time=0.0)
    bus.open()
    with pytest.raises(HardwareError):
        bus.sync_read(*PRESENT)
    assert servos.requests == 2


def test_late_replies_are_not_taken_for_others(servos: Any, bus: DynamixelBus) -> None:
    def delay_first(replies: bytes) -> bytes:
        if servos.requests > 1:
            return replies
        servos.late = replies
        servos.set(3, 132, 4, 1111)
        return b""

    servos.mangle = delay_first
    assert bus.sync_read("present_position")["present_position"][3] == 1111
    servos.late = servos.pending = b""
    servos.set(3, 132, 4, 1500)
    assert bus.sync_read("present_position")["present_position"][3] == 1500


def test_late_reply_is_not_taken_for_the_next(servos: Any, bus: DynamixelBus) -> None:
    """The first reply gets lost on its way, the second is late by a whole request."""
    kept: list[bytes] = []

    def hold_back(replies: bytes) -> bytes:
        kept.append(replies)
        return b"" if len(kept) == 1 else replies

    servos.mangle = hold_back
    bus.sync_read("present_position")
    servos.late = kept[0]
    servos.set(3, 132, 4, 1500)
    assert bus.sync_read("present_position")["present_position"][3] == 1500


def test_alert_without_readable_reason_is_reported(servos: Any, bus: DynamixelBus) -> None:
    servos.errors[5] = 0x80
    servos.mangle = lambda replies: replies if servos.requests == 1 else b""
    with pytest.raises(ServoAlertError, match=r"5 \(mf_mcp\): unknown"):
        bus.sync_read("present_position")


def test_too_little_data_is_an_error(servos: Any, bus: DynamixelBus) -> None:
    servos.tables[4] = servos.tables[4][:134]
    with pytest.raises(BusProtocolError, match=r"Servo 4 \(mf_rot\) sent \d bytes of data instead of"):
        bus.sync_read("present_position")


def test_alerts_are_seen_in_group_reads(servos: Any, bus: DynamixelBus) -> None:
    servos.errors[5] = 0x80
    servos.set(5, 70, 1, 0x24)
    with pytest.raises(ServoAlertError, match=r"5 \(mf_mcp\): overheating, overload"):
        bus.sync_read("present_position")
    assert bus.sync_read("present_position", allow_alerts=True)["present_position"][5] == 2048
    assert bus.alerts() == {5: "overheating, overload"}


def test_a_refusal_says_why(servos: Any, bus: DynamixelBus) -> None:
    servos.errors[2] = 7
    with pytest.raises(BusProtocolError, match=r"Servo 2 \(if_pip\) refused: register cannot be accessed"):
        bus.write(2, "operating_mode", 5)
    with pytest.raises(BusProtocolError, match="refused"):
        bus.sync_read("present_position")


def test_single_reads_and_writes(servos: Any, bus: DynamixelBus) -> None:
    bus.write(9, "goal_position", -5)
    assert bus.read(9, "goal_position") == -5
    assert servos.writes == [(9, 116, 2**32 - 5)]
    servos.silent = {9}
    with pytest.raises(BusTimeoutError, match=r"9 \(rf_mcp\)"):
        bus.read(9, "goal_position")


def test_values_that_do_not_fit_are_refused(servos: Any, bus: DynamixelBus) -> None:
    with pytest.raises(ConfigurationError, match="bus_watchdog takes values from -128 to 127, got 200"):
        bus.sync_write("bus_watchdog", 200)
    assert servos.requests == 0


def test_ensure_writes_only_what_differs(servos: Any, bus: DynamixelBus) -> None:
    assert bus.ensure("position_p_gain", np.arange(16))
    assert [servos.get(servo, 84, 2) for servo in range(16)] == list(range(16))
    servos.writes.clear()
    assert not bus.ensure("position_p_gain", np.arange(16))
    assert servos.writes == []


def test_ensure_notices_what_is_not_kept(servos: Any, bus: DynamixelBus) -> None:
    servos.read_only = {102}
    with pytest.raises(BusProtocolError, match=r"Servo 0 \(if_rot\) kept goal_current at 0 instead of 500"):
        bus.ensure("goal_current", 500)


def test_scan_returns_models(servos: Any, bus: DynamixelBus) -> None:
    servos.set(3, 0, 2, 1240)
    assert bus.scan() == {servo: 1240 if servo == 3 else 1200 for servo in range(16)}


def test_scan_names_missing_servos(servos: Any, bus: DynamixelBus) -> None:
    servos.silent = {0, 13}
    with pytest.raises(MissingServoError, match=r"0 \(if_rot\), 13 \(th_axl\)"):
        bus.scan()


def test_scan_names_wrong_models(servos: Any, bus: DynamixelBus) -> None:
    servos.set(3, 0, 2, 1020)
    with pytest.raises(MissingServoError, match=r"3 \(if_dip\) is model 1020"):
        bus.scan()


def test_when_nobody_answers_the_baud_rate_is_suspected(servos: Any, bus: DynamixelBus) -> None:
    servos.silent = set(range(16))
    with pytest.raises(MissingServoError, match="at 4000000 baud"):
        bus.scan()
    assert servos.requests == 16


def test_one_missed_ping_is_not_a_missing_servo(servos: Any, bus: DynamixelBus) -> None:
    losses = iter([True])
    servos.mangle = lambda replies: b"" if next(losses, False) else replies
    assert bus.find_silent() == []


def test_explain_finds_who_fell_silent(servos: Any, bus: DynamixelBus) -> None:
    original = BusTimeoutError("somebody")
    assert bus.explain(original) is original
    servos.silent = {6}
    assert isinstance(bus.explain(original), MissingServoError)
    assert "6 (mf_pip)" in str(bus.explain(original))
    servos.silent = set(range(16))
    assert "power" in str(bus.explain(original))
    servos.failure = OSError(5, "Input/output error")
    assert isinstance(bus.explain(original), PortError)


def test_torque_is_cut_twice_as_packets_get_lost(servos: Any, bus: DynamixelBus) -> None:
    bus.cut_torque()
    assert servos.writes == 2 * [(servo, 64, 0) for servo in range(16)]


def test_torque_off_is_confirmed(servos: Any, bus: DynamixelBus) -> None:
    for servo in range(16):
        servos.set(servo, 64, 1, 1)
    bus.torque_off()
    assert [servos.get(servo, 64, 1) for servo in range(16)] == [0] * 16
    servos.set(8, 64, 1, 1)
    servos.read_only = {64}
    with pytest.raises(SafetyError, match=r"8 \(rf_rot\)"):
        bus.torque_off()


def test_torque_goes_off_with_a_servo_gone(servos: Any, bus: DynamixelBus) -> None:
    for servo in range(16):
        servos.set(servo, 64, 1, 1)
    servos.silent = {3}
    with pytest.raises(SafetyError, match=r"do not confirm .* 3 \(if_dip\)$"):
        bus.torque_off()
    assert all(servos.get(servo, 64, 1) == 0 for servo in range(16))


def test_an_interrupted_request_does_not_block_the_next(servos: Any, bus: DynamixelBus) -> None:
    servos.failure = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        bus.sync_read("present_position")
    servos.failure = None
    assert bus.sync_read("present_position")["present_position"][0] == 2048


corruption = st.tuples(
    st.sampled_from(["flip", "cut", "insert", "drop", "repeat"]), st.integers(0, 335), st.integers(1, 255)
)


def corrupt(replies: bytes, kind: str, place: int, value: int) -> bytes:
    head, tail = replies[:place], replies[place:]
    if kind == "flip":
        return head + bytes([tail[0] ^ value]) + tail[1:] if tail else head
    if kind == "cut":
        return head
    if kind == "insert":
        return head + bytes([value]) + tail
    if kind == "drop":
        return head + tail[value:]
    return head + tail[:value] + tail


@given(damage=st.lists(corruption, min_size=1, max_size=3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_mangled_replies_give_right_data_or_errors(
    servos: Any, bus: DynamixelBus, damage: list[tuple[str, int, int]]
) -> None:
    fill_present_values(servos)

    def mangle(replies: bytes) -> bytes:
        for kind, place, value in damage:
            replies = corrupt(replies, kind, place, value)
        return replies

    servos.mangle = mangle
    bus.port.reply_timeout = 0.001
    try:
        values = DynamixelBus(bus.port, retries=0).sync_read(*PRESENT)
    except HardwareError:
        return
    np.testing.assert_array_equal(values["present_current"], -np.arange(16))
    np.testing.assert_array_equal(values["present_velocity"], -3 * np.arange(16))
    np.testing.assert_array_equal(values["present_position"], 2048 + 10 * np.arange(16))
