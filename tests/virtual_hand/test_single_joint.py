import importlib.util
from pathlib import Path

import pytest

from dexndm_gym.virtual_hand.parameters import ServoParameters

REPOSITORY = Path(__file__).parents[2]
LOGS = REPOSITORY.parent / "shared" / "data" / "xl330"


@pytest.mark.skipif(not LOGS.is_dir(), reason="logs of real servos are not at ../shared/data")
def test_nominal_servo_follows_logs_of_a_real_one():
    spec = importlib.util.spec_from_file_location("identify_servo", REPOSITORY / "benchmarks" / "identify_servo.py")
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    errors = benchmark.replay_logs(LOGS, ServoParameters())
    assert errors["all"] < 3.0
    assert errors["P 100"] < 2.0
