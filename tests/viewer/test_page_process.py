"""The page as a process of its own."""

import re
from pathlib import Path

import numpy as np
import pytest

from dexndm_gym.cli import main
from dexndm_gym.data.recording import RecordingWriter
from dexndm_gym.viewer.controls import ControlEvent
from dexndm_gym.viewer.session import view
from dexndm_gym.viewer.snapshot import Snapshot

pytest.importorskip("viser", reason="the extra viewer is not installed")


def test_a_recording_is_served_for_as_long_as_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with RecordingWriter(tmp_path / "a.h5") as writer:
        writer.begin_trajectory()
        for _ in range(5):
            writer.append(np.zeros(16), np.zeros(16))
        writer.end_trajectory(np.zeros(16))
    assert main(["view", "recording", str(tmp_path / "a.h5"), "--seconds", "0.3", "--page-port", "8395"]) == 0
    assert re.search(r"^Page: http://localhost:\d+ ", capsys.readouterr().out)


class LostPage:
    """A page that is gone after the first moment."""

    def __init__(self) -> None:
        self.shown, self.alive = 0, True

    def events(self) -> list[ControlEvent]:
        return [ControlEvent(name="pause")] if self.shown == 0 else []

    def show(self, snapshot: Snapshot) -> None:
        self.shown, self.alive = self.shown + 1, False


class Hand:
    """Moves, and minds what it is told."""

    def __init__(self) -> None:
        self.told: list[ControlEvent] = []
        self.moments = 0

    def handle(self, *events: ControlEvent) -> None:
        self.told.extend(events)

    def advance(self) -> Snapshot:
        self.moments += 1
        if self.moments == 50:
            raise KeyboardInterrupt
        return Snapshot(time=0.0, position=np.zeros(16))


def test_a_hand_goes_on_without_its_page() -> None:
    hand, page, lost = Hand(), LostPage(), []
    with pytest.raises(KeyboardInterrupt):
        view(hand, page, seconds=60.0, page_lost=lambda: lost.append(hand.moments))  # type: ignore[arg-type]
    assert hand.told == [ControlEvent(name="pause")]
    assert lost == [1], "said once"
    assert page.shown == 49
