"""What a scan finds and says."""

import re

import pytest

from dexndm_gym.hardware.scan import FoundServo, advise, scan_port
from dexndm_gym.virtual_hand.client import VirtualHandProcess

HAND = [FoundServo(4_000_000, servo, 1200, 52) for servo in range(16)]


def test_a_complete_hand_needs_no_advice() -> None:
    assert advise(HAND) == []


@pytest.mark.parametrize(
    ("found", "text"),
    [
        ([], "No servo answers at any baud rate"),
        (HAND[:5] + HAND[6:], r"No answer from 5 \(mf_mcp\)\."),
        ([*HAND, FoundServo(4_000_000, 42, 1200, 52)], r"Ids that a hand does not have: \[42\]"),
        ([FoundServo(57600, 1, 1200, 52)], "Only id 1"),
        ([*HAND[1:], FoundServo(57600, 0, 1200, 52)], r"Servos \[0\] talk at 57600 baud"),
        ([*HAND[1:], FoundServo(4_000_000, 0, 1190, 52)], "Servo 0 is model 1190"),
    ],
)
def test_what_is_wrong_is_said(found: list[FoundServo], text: str) -> None:
    assert any(re.search(text, line) for line in advise(found))


def test_servos_are_found_at_their_baud_rates() -> None:
    with VirtualHandProcess(faults=["power_loss:servo=7"]) as process:
        rounds = list(scan_port(process.port, (4_000_000, 1_000_000)))
        process.clear_faults()
        assert [len(found) for found in scan_port(process.port, (4_000_000, 1_000_000))] == [16], "it stops there"
    assert [len(found) for found in rounds] == [15, 0]
    assert rounds[0][0] == HAND[0]
    assert 7 not in {servo.id for servo in rounds[0]}
