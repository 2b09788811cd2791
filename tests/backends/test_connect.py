"""The port of a hand, as bring-up opens it."""

import time

import pytest

from dexndm_gym.backends.address import find_hand
from dexndm_gym.backends.hand_port import HandPort, open_port
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.errors import MissingServoError
from dexndm_gym.hardware.pacing import Pacer


@pytest.mark.parametrize(("fault", "message"), [("power_loss", "has the hand lost power"), ("drop:servo=3", "3 ")])
def test_servos_that_fall_silent_are_named(fault: str, message: str) -> None:
    def lose() -> None:
        with open_port(find_hand("virtual")) as port, port.open_bus(4_000_000) as bus:
            bus.sync_read("present_position")
            assert port.process is not None
            port.process.inject(fault)
            bus.sync_read("present_position")

    with pytest.raises(MissingServoError, match=message):
        lose()


def test_a_real_port_runs_in_real_time() -> None:
    with open_port(find_hand("/dev/some")) as port:
        assert port == HandPort(path="/dev/some")
    pacer = port.pacer()
    assert isinstance(pacer, Pacer)
    assert pacer.period == CONTROL_PERIOD
    assert port.sleep is time.sleep
    assert port.confirm_silence is None
    assert port.reply_timeout(None) is None
