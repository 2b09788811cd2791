"""Progress: what is told, and that a bar shows it."""

import pytest

from dexndm_gym.progress import Tally, progress_bar


def test_tally_tells_what_is_done_in_all() -> None:
    told: list[tuple[int, int, str]] = []
    tally = Tally(lambda *state: told.append(state), 5)
    tally(2, "a")
    tally()
    assert told == [(2, 5, "a"), (3, 5, "")]


def test_tally_without_a_listener_is_silent() -> None:
    Tally(None, 5)(2)


def test_bar_shows_done_total_and_note(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("fitting", "epoch") as progress:
        progress(1, 4, "fine")
        progress(4, 4, "finer")
    shown = capsys.readouterr().err
    assert "4/4" in shown
    assert "finer" in shown


def test_hidden_bar_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("fitting", "epoch", shown=False) as progress:
        progress(4, 4, "fine")
    assert capsys.readouterr().err == ""
