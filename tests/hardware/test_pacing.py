import pytest

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.hardware.pacing import NoPacer, Pacer

PERIOD = 0.05
MOMENT = 2e-6


class VirtualClock:
    """Time that passes only when somebody sleeps or works."""

    def __init__(self, overshoot: float = 0.0) -> None:
        self.now = 1000.0
        self.overshoot = overshoot

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0.0
        # Nobody sleeps for no time: the processor does something else for a moment.
        self.now += seconds + self.overshoot if seconds > 0.0 else MOMENT


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


def test_short_work_does_not_change_the_rate() -> None:
    pacer, clock = make()
    ends = run(pacer, clock, [0.0, 0.01, 0.049, 0.02])
    assert ends == pytest.approx([0.05, 0.10, 0.15, 0.20], abs=2 * MOMENT)
    report = pacer.report()
    assert (report.ticks, report.overruns, report.worst_overrun) == (4, {}, 0.0)
    assert report.rate == pytest.approx(20.0, rel=1e-3)
    assert report.jitter_worst <= MOMENT


def test_the_end_of_a_sleep_is_not_trusted() -> None:
    pacer, clock = make(overshoot=0.0009)
    run(pacer, clock, [0.0] * 100)
    assert pacer.report().jitter_worst <= MOMENT


def test_late_wake_ups_are_counted_not_summed() -> None:
    pacer, clock = make(overshoot=0.003)
    ends = run(pacer, clock, [0.0] * 98)
    clock.overshoot = 0.007
    ends += run(pacer, clock, [0.0] * 2)
    assert ends[-1] == pytest.approx(100 * PERIOD + 0.006)
    report = pacer.report()
    assert not report.overruns
    assert report.jitter_p50 == pytest.approx(0.002, abs=2e-5)
    assert report.jitter_p99 == pytest.approx(0.006, abs=2e-5)
    assert report.jitter_worst == pytest.approx(0.006, abs=2 * MOMENT)


def test_target_after_an_overrun_acts_whole_period() -> None:
    pacer, clock = make()
    ends = run(pacer, clock, [0.0, 0.12, 0.0])
    assert ends == pytest.approx([0.05, 0.22, 0.27], abs=2 * MOMENT)
    report = pacer.report()
    assert sum(report.overruns.values()) == 1
    assert report.worst_overrun == pytest.approx(0.07, abs=2 * MOMENT)
    assert report.rate == pytest.approx(3 / 0.27, rel=1e-3)


def test_an_overrun_is_laid_to_what_took_longest() -> None:
    pacer, clock = make()
    for bus, caller in ((0.01, 0.02), (0.03, 0.04), (0.002, 0.003), (0.06, 0.01)):
        clock.now += bus
        pacer.spent("bus")
        clock.now += caller
        pacer.spent("caller")
        pacer.wait()
        assert pacer.overrun == {0.03: "caller", 0.06: "bus"}.get(bus, "")
    report = pacer.report()
    assert report.overruns == {"caller": 1, "bus": 1}
    assert "overruns: 1 by caller, 1 by bus, the longest 20.0 ms" in str(report)


def test_overrun_after_late_wake_up_is_the_systems() -> None:
    pacer, clock = make(overshoot=0.045)
    pacer.wait()
    clock.now += 0.01
    pacer.spent("bus")
    pacer.wait()
    assert pacer.report().overruns == {"wake-up": 1}


def test_start_forgets_deadlines_but_no_counts() -> None:
    pacer, clock = make()
    run(pacer, clock, [0.0, 0.2])
    clock.now += 10.0
    pacer.start()
    clock.now += 10.0
    pacer.wait()
    report = pacer.report()
    assert (sum(report.overruns.values()), report.ticks) == (1, 3)
    assert report.rate == pytest.approx(3 / 0.35, rel=1e-3)


def test_an_early_wake_up_is_slept_on() -> None:
    clock = VirtualClock()

    def restless(seconds: float) -> None:
        clock.now += max(seconds / 2, MOMENT)

    pacer = Pacer(PERIOD, clock, restless)
    pacer.wait()
    assert clock.now - 1000.0 == pytest.approx(PERIOD, abs=2 * MOMENT)


def test_report_before_the_first_tick() -> None:
    report = make()[0].report()
    assert (report.ticks, report.rate, report.jitter_p99) == (0, 0.0, 0.0)


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
    assert (report.ticks, report.overruns) == (5, {})
    assert report.rate == pytest.approx(1000.0)
    assert clock.now == pytest.approx(1000.005)
