import pytest

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.hardware.pacing import NoPacer, Pacer

PERIOD = 0.05


class VirtualClock:
    """Time that passes only when somebody sleeps or works."""

    def __init__(self, overshoot: float = 0.0) -> None:
        self.now = 1000.0
        self.overshoot = overshoot

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0.0
        self.now += seconds + self.overshoot


def run(pacer: Pacer, clock: VirtualClock, work: list[float]) -> list[float]:
    """Wait once after each piece of work; when the waits returned."""
    ends = []
    for seconds in work:
        clock.now += seconds
        pacer.wait()
        ends.append(clock.now - 1000.0)
    return ends


def make(overshoot: float = 0.0) -> tuple[Pacer, VirtualClock]:
    clock = VirtualClock(overshoot)
    return Pacer(PERIOD, clock, clock.sleep), clock


def test_work_shorter_than_a_period_does_not_change_the_rate() -> None:
    pacer, clock = make()
    assert run(pacer, clock, [0.0, 0.01, 0.049, 0.02]) == pytest.approx([0.05, 0.10, 0.15, 0.20])
    report = pacer.report()
    assert (report.ticks, report.overruns, report.worst_lateness) == (4, 0, 0.0)
    assert report.rate == pytest.approx(20.0)


def test_late_wake_ups_do_not_add_up() -> None:
    pacer, clock = make(overshoot=0.003)
    ends = run(pacer, clock, [0.0] * 100)
    assert ends[-1] == pytest.approx(100 * PERIOD + 0.003)
    assert pacer.report().overruns == 0


def test_after_an_overrun_a_target_still_acts_for_a_whole_period() -> None:
    pacer, clock = make()
    ends = run(pacer, clock, [0.0, 0.12, 0.0])
    assert ends == pytest.approx([0.05, 0.22, 0.27])
    report = pacer.report()
    assert report.overruns == 1
    assert report.worst_lateness == pytest.approx(0.07)
    assert report.rate == pytest.approx(3 / 0.27)


def test_start_forgets_deadlines_and_counts() -> None:
    pacer, clock = make()
    run(pacer, clock, [0.0, 0.2])
    pacer.start()
    clock.now += 10.0
    pacer.wait()
    assert pacer.report().overruns == 0
    assert pacer.report().ticks == 1


def test_an_early_wake_up_is_slept_on() -> None:
    clock = VirtualClock()

    def restless(seconds: float) -> None:
        clock.now += seconds / 2 if seconds > 1e-6 else seconds

    pacer = Pacer(PERIOD, clock, restless)
    pacer.wait()
    assert clock.now - 1000.0 == pytest.approx(PERIOD)


def test_report_before_the_first_tick() -> None:
    assert make()[0].report().rate == 0.0


@pytest.mark.parametrize("period", [0.0, -1.0, float("nan")])
def test_a_period_must_be_positive(period: float) -> None:
    with pytest.raises(ConfigurationError, match="control period"):
        Pacer(period)


def test_lock_step_only_counts() -> None:
    clock = VirtualClock()
    pacer = NoPacer(clock)
    for _ in range(5):
        clock.now += 0.001
        pacer.wait()
    report = pacer.report()
    assert (report.ticks, report.overruns) == (5, 0)
    assert report.rate == pytest.approx(1000.0)
    assert clock.now == pytest.approx(1000.005)
