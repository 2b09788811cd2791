import importlib.util
from pathlib import Path

import numpy as np
import pytest

from dexndm_gym.dynamics.servo_bench.logs import ServoTicks, read_servo_logs, resample
from dexndm_gym.virtual_hand.parameters import ServoParameters

REPOSITORY = Path(__file__).parents[2]
LOGS = REPOSITORY.parent / "shared" / "data" / "xl330"


def load(name):
    spec = importlib.util.spec_from_file_location(name, REPOSITORY / "benchmarks" / f"{name}.py")
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    return benchmark


@pytest.mark.skipif(not LOGS.is_dir(), reason="logs of real servos are not at ../shared/data")
def test_nominal_servo_follows_logs_of_a_real_one():
    benchmark = load("servo_replay")
    errors = benchmark.score(ServoParameters(), resample(read_servo_logs(LOGS), substeps=benchmark.STEPS))
    assert errors["all"] < 2.0
    assert errors["P 100"] < 1.5


def test_benchmark_finds_the_servo_of_the_logs():
    benchmark = load("servo_replay")
    time = np.arange(400).reshape(40, 10, 1) * benchmark.DT
    goal = np.concatenate([1.2 * np.sin(3 * time**2), 1.5 * np.sin(2 * time)], axis=-1)
    ticks = ServoTicks(goal, np.ones_like(goal), np.zeros((41, 2)), np.array([200.0, 800.0]))
    truth = ServoParameters(resistance=3.0, saturation=0.4, encoder_offset=0.02)
    ticks.position[1:] = benchmark.replay(truth, ticks)[:, 0]
    found, before = benchmark.score(benchmark.fit(ticks), ticks), benchmark.score(ServoParameters(), ticks)
    assert before["all"] > 1.0
    assert found["all"] < 0.4 * before["all"]  # what is known beforehand pulls a little, as the logs are few
    assert found["P 800"] < 0.4 * before["P 800"]
