import numpy as np

from dexndm_gym.tracking.latest_value import LatestSighting
from dexndm_gym.tracking.tag_tracker import Sighting, TrackerStatus


def sighting(time: float) -> Sighting:
    return Sighting(TrackerStatus.SEEN, time, np.arange(7.0) + time, 5, 6, 0.2, 0.004)


def test_nothing_has_been_seen_at_first() -> None:
    assert LatestSighting().read() is None


def test_another_process_reads_the_newest() -> None:
    writer = LatestSighting()
    reader = LatestSighting(writer.fd)
    for time in range(5):
        writer.write(sighting(float(time)))
        found = reader.read()
        assert found is not None
        assert found[0] == time + 1
        assert found[1].time == time
        assert found[1].pose.tolist() == (np.arange(7.0) + time).tolist()


def test_half_written_memory_gives_the_one_before() -> None:
    latest = LatestSighting()
    latest.write(sighting(1.0))
    latest.write(sighting(2.0))
    latest._memory[10:20] = b"\xff" * 10  # the slot of the second
    found = latest.read()
    assert found is not None
    assert found[1].time == 1.0


def test_closing_twice_is_harmless() -> None:
    latest = LatestSighting()
    latest.close()
    latest.close()
