import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from dexndm_gym.data.collection import CollectOptions, Plan, Tick, collect, draw_plan, recordings_in
from dexndm_gym.data.reading import read_recording
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.filters.target_noise import TargetNoise

ROWS = 50
REPLAYS = [
    Trajectory(np.full((ROWS + 1, 16), 0.1), np.full((ROWS, 16), 0.001 * number), {"number": number})
    for number in range(5)
]
HAND = {"hand": "a"}


class FakePlayer:
    """Plays every plan for as long as its replay is; fails after so many control periods."""

    def __init__(self, fail_after: int | None = None) -> None:
        self.left = fail_after
        self.played: list[Plan] = []

    def __call__(self, plan: Plan) -> Generator[Tick, None, None]:
        self.played.append(plan)
        assert plan.replay is not None
        for row in range(ROWS):
            if self.left is not None:
                self.left -= 1
                if self.left < 0:
                    raise TimeoutError("the hand went away")
            yield Tick(np.full(16, 0.01 * row), plan.replay.command[row], np.full(16, 0.001 * row))
        yield Tick(np.full(16, 0.01 * ROWS), None, np.full(16, 0.001 * ROWS))


def run(folder: Path, player: FakePlayer, ticks: int, **about: str) -> float:
    options = CollectOptions(minutes=ticks / 1200, seed=3)
    report = collect(player, folder, options, replays=REPLAYS, about=about or HAND, progress=False)
    return report.minutes * 1200


def recorded(folder: Path) -> list[Trajectory]:
    return [trajectory for path in recordings_in(folder) for trajectory in read_recording(path)]


def test_records_as_much_as_was_asked_for(tmp_path: Path) -> None:
    assert run(tmp_path, FakePlayer(), 120) == pytest.approx(120)
    trajectories = recorded(tmp_path)
    assert [len(trajectory) for trajectory in trajectories] == [50, 50, 20]
    assert trajectories[2].position[-1, 0] == pytest.approx(0.20), "the position that the last command led to"
    for trajectory in trajectories:
        assert trajectory.current is not None
        np.testing.assert_allclose(trajectory.current, trajectory.position / 10, atol=1e-7)
        replayed = trajectory.metadata["replayed"]["number"]
        np.testing.assert_allclose(trajectory.command, 0.001 * replayed, atol=1e-7)
        assert trajectory.metadata["about"] == HAND


def test_goes_on_where_it_stopped(tmp_path: Path) -> None:
    broken = FakePlayer(fail_after=75)
    with pytest.raises(TimeoutError):
        run(tmp_path / "a", broken, 200)
    # The command that nobody saw the effect of is dropped.
    assert [len(trajectory) for trajectory in recorded(tmp_path / "a")] == [50, 24]
    second, straight = FakePlayer(), FakePlayer()
    assert run(tmp_path / "a", second, 200) == pytest.approx(200)
    run(tmp_path / "b", straight, 200)
    assert [plan.index for plan in second.played] == [2, 3, 4]
    for plan, expected in zip(second.played[:2], straight.played[2:], strict=True):
        assert (plan.seed, plan.noise, plan.replay) == (expected.seed, expected.noise, expected.replay)
    assert run(tmp_path / "a", FakePlayer(fail_after=0), 200) == pytest.approx(200), "nothing left to do"


def test_does_not_mix_hands(tmp_path: Path) -> None:
    run(tmp_path, FakePlayer(), 20)
    with pytest.raises(ConfigurationError, match="another folder"):
        run(tmp_path, FakePlayer(), 40, hand="b")


def test_settings_get_equal_time_and_trajectories(tmp_path: Path) -> None:
    options, players = CollectOptions(minutes=100 / 1200, seed=3), {}
    for surroundings in ("free", "balls", "free"):
        players[surroundings] = FakePlayer()
        setting = {"surroundings": surroundings, "wrist": "palm_up"}
        report = collect(
            players[surroundings], tmp_path, options, replays=REPLAYS, about=HAND, setting=setting, progress=False
        )
        assert (report.minutes, report.trajectories) == (pytest.approx(100 / 1200), 2)
    assert players["free"].played == [], "nothing was left to do"
    free, balls = (
        [one for one in recorded(tmp_path) if one.metadata["surroundings"] == name] for name in ("free", "balls")
    )
    assert [one.free for one in (*free, *balls)] == [True, True, False, False]
    for one, other in zip(free, balls, strict=True):
        np.testing.assert_array_equal(one.command, other.command)


def test_kill_9_loses_a_second_at_most(tmp_path: Path) -> None:
    script = """if True:
        import sys, time
        import numpy as np
        from dexndm_gym.data.collection import CollectOptions, Tick, collect
        from dexndm_gym.data.trajectory import Trajectory
        def play(plan):
            for tick in range(300):
                with open(sys.argv[2], "a") as marks:
                    marks.write("x")
                yield Tick(np.full(16, tick), np.zeros(16))
                time.sleep(0.005)
            yield Tick(np.full(16, 300), None)
        still = Trajectory(np.zeros((301, 16)), np.zeros((300, 16)))
        collect(play, sys.argv[1], CollectOptions(minutes=9), replays=[still], about={"hand": "a"}, progress=False)
    """
    marks = tmp_path / "marks"
    with subprocess.Popen([sys.executable, "-c", script, tmp_path / "data", marks]) as process:
        while not marks.exists() or marks.stat().st_size < 350:
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    kept, last = sum(map(len, recorded(tmp_path / "data"))), recorded(tmp_path / "data")[-1]
    # Twenty ticks are a second of hand time; one more waits for the position that its command led to, in both files.
    assert marks.stat().st_size - 22 <= kept
    again = FakePlayer()
    assert run(tmp_path / "data", again, kept + 50) == pytest.approx(kept + 50)
    assert again.played[0].index == last.metadata["index"] + 1, "the one that was cut short counts"


def test_half_get_noise_and_all_replays_occur() -> None:
    plans = [draw_plan(index, CollectOptions(), REPLAYS) for index in range(400)]
    assert {plan.noise for plan in plans} == {0.0, 0.01}
    assert 0.4 < np.mean([plan.noise > 0.0 for plan in plans]) < 0.6
    assert {plan.replay.metadata["number"] for plan in plans if plan.replay} == set(range(5))
    mixed = [draw_plan(index, CollectOptions(closed_loop=0.25), REPLAYS) for index in range(400)]
    assert 0.15 < np.mean([plan.replay is None for plan in mixed]) < 0.35


@pytest.mark.parametrize(
    "wrong", [{"minutes": 0.0}, {"noise": -0.1}, {"noise_probability": 1.5}, {"closed_loop": -1.0}]
)
def test_refuses_what_makes_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        CollectOptions(**wrong)


def test_needs_something_to_replay(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="replay"):
        collect(FakePlayer(), tmp_path, CollectOptions(), progress=False)


def test_noise_has_its_size_on_its_hands() -> None:
    noise, command = TargetNoise(), np.zeros((3, 16))
    assert noise(None, command)[0] is command
    noise.set(np.array([0.0, 0.01, 0.02]), seed=1)
    drawn = np.array([noise(None, command)[0] for _ in range(500)])
    np.testing.assert_allclose(drawn.std(axis=(0, 2)), [0.0, 0.01, 0.02], rtol=0.05)
    assert (drawn[0] != drawn[1]).any(), "fresh in every control period"
    noise.set(0.01, seed=1)
    again = noise(None, command)[0]
    noise.set(0.01, seed=1)
    np.testing.assert_array_equal(noise(None, command)[0], again)


def test_parts_get_numbers_that_are_free(tmp_path: Path) -> None:
    for ticks in (50, 100, 150):
        run(tmp_path, FakePlayer(), ticks)
    (tmp_path / "part-0000.h5").unlink()
    run(tmp_path, FakePlayer(), 150)
    assert [path.name for path in recordings_in(tmp_path)] == ["part-0001.h5", "part-0002.h5", "part-0003.h5"]


def test_parts_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("part-10000.h5", "part-9999.h5", "part-0002.h5", "part-two.h5"):
        (tmp_path / name).touch()
    assert [path.name for path in recordings_in(tmp_path)] == ["part-0002.h5", "part-9999.h5", "part-10000.h5"]


def test_two_recorders_in_one_folder_do_not_collide(tmp_path: Path) -> None:
    class Both(FakePlayer):
        """Lets a second recorder come and go while the first one records."""

        def __call__(self, plan: Plan) -> Generator[Tick, None, None]:
            if not self.played:
                run(tmp_path, FakePlayer(), 50)
            yield from super().__call__(plan)

    run(tmp_path, Both(), 50)
    assert [path.name for path in recordings_in(tmp_path)] == ["part-0000.h5", "part-0001.h5"]
    assert [len(one) for one in recorded(tmp_path)] == [50, 50]


def test_many_recorders_at_once_get_a_file_each(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from dexndm_gym.data.collection import new_part\n"
        "sys.stdin.readline()\nfor _ in range(20):\n    new_part(Path(sys.argv[1])).close()"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    recorders = [subprocess.Popen(command, stdin=subprocess.PIPE, text=True) for _ in range(3)]
    for recorder in recorders:
        recorder.communicate("go\n", timeout=60)
    assert [recorder.returncode for recorder in recorders] == [0, 0, 0]
    assert [path.name for path in recordings_in(tmp_path)] == [f"part-{number:04d}.h5" for number in range(60)]
    assert len(list(tmp_path.iterdir())) == 60
