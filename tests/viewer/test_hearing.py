"""What is heard while an episode begins."""

import threading

import pytest

from dexndm_gym.viewer.hearing import drop_before_stop, hearing


def test_nothing_before_the_last_stop_counts() -> None:
    asked = ["reset", "stop", "reset", "stop", "reset"]
    drop_before_stop(asked, lambda name: name == "stop")
    assert asked == ["stop", "reset"]
    asked = ["reset", "go"]
    drop_before_stop(asked, lambda name: name == "stop")
    assert asked == ["reset", "go"]


def test_it_looks_until_the_work_is_done() -> None:
    looked = threading.Event()
    with hearing(looked.set, lambda reason: None):
        assert looked.wait(30.0)
    assert not [thread for thread in threading.enumerate() if thread.name == "emergency stop"]


def test_a_hand_that_nobody_can_stop_any_more_is_stopped() -> None:
    reasons, stopped = list[str](), threading.Event()

    def look() -> None:
        raise ConnectionError("headset gone")

    def stop(reason: str) -> None:
        reasons.append(reason)
        stopped.set()

    with pytest.raises(ConnectionError, match="headset gone"), hearing(look, stop):
        assert stopped.wait(30.0), "while the work still goes on"
    assert "headset gone" in reasons[0]
