"""What is heard while an episode begins."""

import threading
from types import SimpleNamespace

import pytest

from dexndm_gym.viewer.hearing import drop_before_stop, hearing, switch_off


def test_nothing_before_the_last_stop_counts() -> None:
    asked = ["reset", "stop", "reset", "stop", "reset"]
    drop_before_stop(asked, lambda name: name == "stop")
    assert asked == ["stop", "reset"]
    asked = ["reset", "go"]
    drop_before_stop(asked, lambda name: name == "stop")
    assert asked == ["reset", "go"]


def test_it_looks_until_the_work_is_done() -> None:
    looked = threading.Event()
    with hearing(looked.set, SimpleNamespace(stop=lambda reason: None)):
        assert looked.wait(30.0)
    assert not [thread for thread in threading.enumerate() if thread.name == "emergency stop"]


def test_a_hand_that_nobody_can_stop_any_more_is_stopped() -> None:
    reasons, stopped = list[str](), threading.Event()

    def look() -> None:
        raise ConnectionError("headset gone")

    def stop(reason: str) -> None:
        reasons.append(reason)
        stopped.set()

    with pytest.raises(ConnectionError, match="headset gone"), hearing(look, SimpleNamespace(stop=stop)):
        assert stopped.wait(30.0), "while the work still goes on"
    assert "headset gone" in reasons[0]


def test_hands_that_begin_at_once_are_switched_off_as_they_can_be() -> None:
    relaxed = list[str]()
    with hearing(lambda: pytest.fail("nobody has to look"), SimpleNamespace()):
        pass
    switch_off(SimpleNamespace(), "a simulation has no torque")
    switch_off(SimpleNamespace(relax=lambda: relaxed.append("relax")), "why")
    switch_off(SimpleNamespace(stop=relaxed.append, relax=lambda: relaxed.append("no")), "why")
    assert relaxed == ["relax", "why"]
