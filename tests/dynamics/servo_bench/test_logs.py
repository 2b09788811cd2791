from pathlib import Path

import numpy as np
import pytest

from dexndm_gym.dynamics.servo_bench.logs import read_servo_logs, resample
from dexndm_gym.errors import ConfigurationError, FileFormatError

HEADER = "t_s,goal_rad,present_rad,present_vel_rad_s,torque_enable\n"


def write(folder: Path, name: str, rows: list[tuple[float, ...]]) -> None:
    (folder / name).write_text(HEADER + "".join(",".join(map(str, row)) + "\n" for row in rows))


def test_goals_are_held_and_positions_interpolated(tmp_path: Path) -> None:
    # Irregular samples; the motor goes off at 0.12 s.
    times = [0.01, 0.03, 0.055, 0.07, 0.1, 0.12, 0.17]
    write(tmp_path, "sine_kp200_1.csv", [(t, 10 * t, 2 * t, 0, int(t < 0.12)) for t in times])
    (log,) = read_servo_logs(tmp_path)
    assert (log.kind, log.gain, log.name) == ("sine", 200.0, "sine_kp200_1.csv")
    ticks = resample([log], substeps=2)
    # Control times 0.01, 0.06, 0.11, 0.16; substeps 25 ms apart.
    np.testing.assert_allclose(ticks.position[:, 0], [0.02, 0.12, 0.22, 0.32])
    np.testing.assert_allclose(ticks.goal[..., 0], [[0.1, 0.3], [0.55, 0.7], [1.0, 1.2]])
    assert ticks.torque_on[..., 0].tolist() == [[1, 1], [1, 1], [1, 0]]
    (trajectory,) = ticks.trajectories()
    np.testing.assert_allclose(trajectory.command[:, 0], [0.2, 0.625, 1.1])
    late = resample([log], substeps=2, command_delay=0.006)
    np.testing.assert_allclose(late.goal[..., 0], [[0.1, 0.1], [0.3, 0.7], [1.0, 1.2]])
    np.testing.assert_allclose(late.position, ticks.position)


def test_a_warm_motor_is_weaker(tmp_path: Path) -> None:
    for name, warmth in (("cool", 30), ("warm", 40), ("wrong", 4000)):
        rows = "".join(f"{t},0,0,0,1,{warmth}\n" for t in (0.0, 0.05, 0.1, 0.15))
        (tmp_path / f"{name}_kp100.csv").write_text(HEADER.replace("enable", "enable,temp_C") + rows)
    with pytest.raises(FileFormatError, match="Celsius"):
        read_servo_logs(tmp_path)
    (tmp_path / "wrong_kp100.csv").unlink()
    ticks = resample(read_servo_logs(tmp_path), substeps=1)
    np.testing.assert_allclose(ticks.torque_on[0, 0], [1.0, 1 / 1.06])


def test_logs_become_columns_cut_to_the_shortest(tmp_path: Path) -> None:
    for gain, seconds in ((100, 1.0), (200, 0.5)):
        rows = [(t, gain, t, 0, 1) for t in np.arange(0, seconds + 1e-9, 0.01)]
        write(tmp_path, f"sine_kp{gain}.csv", rows)
    ticks = resample(read_servo_logs(tmp_path), substeps=1, phases=(0.0, 0.02))
    assert ticks.gain.tolist() == [100, 100, 200, 200]
    assert ticks.goal.shape == (9, 1, 4)
    np.testing.assert_allclose(ticks.position[3], [0.15, 0.17, 0.15, 0.17])


def test_unusable_logs_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("hello")
    with pytest.raises(FileFormatError, match="no servo logs"):
        read_servo_logs(tmp_path)
    with pytest.raises(FileFormatError, match="no servo logs"):
        read_servo_logs(tmp_path / "missing")
    path = tmp_path / "a_kp1.csv"
    for text, message in (
        ("t_s,goal_rad\n0,1\n1,2\n", "present_rad"),
        (HEADER + "0,1,1,1,1\n", "two samples"),
        (HEADER + "0,1,1,1,1\n0,1,1,1,1\n", "do not increase"),
        (HEADER + "0,1,1,1,1\n1,x,1,1,1\n", "not numbers"),
        (HEADER + "0,1,1,1,1\n1,1\n", "comma-separated"),
    ):
        path.write_text(text)
        with pytest.raises(FileFormatError, match=message):
            read_servo_logs(tmp_path)
    with pytest.raises(ConfigurationError, match="one control period"):
        resample([], substeps=1)
