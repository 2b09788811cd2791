"""The examples that talk to a hand over its port run, on a virtual hand in a process of its own."""

import ast
import runpy
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dexndm_gym.virtual_hand.client import VirtualHandProcess

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualHandProcess]:
    """A hand whose second passes when the example sleeps for one, however busy the machine is."""
    # The library gives up after 34 ms, which a busy machine may need for anything.
    monkeypatch.setattr("dynamixel_sdk.port_handler.LATENCY_TIMER", 100)
    with VirtualHandProcess() as hand, monkeypatch.context() as patch:

        def sleep(seconds: float) -> None:
            hand.settle()
            hand.command("pass_time", seconds=seconds)

        patch.setattr(time, "sleep", sleep)
        yield hand


def test_the_vendors_library_alone_makes_a_fist(hand: VirtualHandProcess, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "bare_sdk.py"))["main"](hand.port)
    fist, flat = (ast.literal_eval(line) for line in capsys.readouterr().out.splitlines())
    assert min(fist[servo] - flat[servo] for servo in (2, 3, 6, 7, 10, 11)) > 300
    # With the gains of power-up the servos at the base do not quite lift their fingers.
    assert min(fist[servo] - flat[servo] for servo in (1, 5, 9)) > 30
    assert not any(hand.command("status")["torque_enable"])


def test_lerobots_bus_bends_a_finger(hand: VirtualHandProcess, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("lerobot.motors.dynamixel", reason="needs lerobot[dynamixel]", exc_type=ImportError)
    runpy.run_path(str(EXAMPLES / "lerobot_bus.py"))["main"](hand.port)
    bent, flat = (ast.literal_eval(line) for line in capsys.readouterr().out.splitlines())
    assert all(bent[f"index_{joint}"] - flat[f"index_{joint}"] > 200 for joint in ("base", "middle", "tip"))
    assert not any(hand.command("status")["torque_enable"])


def test_lerobots_bus_keeps_its_calibration_in_the_servos(hand: VirtualHandProcess) -> None:
    motors = pytest.importorskip("lerobot.motors", reason="needs lerobot[dynamixel]", exc_type=ImportError)
    make_bus = runpy.run_path(str(EXAMPLES / "lerobot_bus.py"))["make_bus"]
    bus = make_bus(hand.port)
    bus.connect(handshake=False)
    bus.set_baudrate(4_000_000)
    before = bus.sync_read("Present_Position", normalize=False)
    calibration = {
        name: motors.MotorCalibration(motor.id, 0, 10 * motor.id, 100 + motor.id, 4000 - motor.id)
        for name, motor in bus.motors.items()
    }
    bus.write_calibration(calibration)
    assert bus.read_calibration() == calibration
    assert bus.is_calibrated
    hand.command("pass_time", seconds=0.005)
    after = bus.sync_read("Present_Position", normalize=False)
    moved = {name: after[name] - before[name] - 10 * motor.id for name, motor in bus.motors.items()}
    assert all(abs(ticks) <= 3 for ticks in moved.values()), "fingers without torque sag a little meanwhile"
    bus.disconnect()


def test_simulated_hours_go_on_where_they_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    simulate = runpy.run_path(str(EXAMPLES / "simulate_dataset.py"))
    teacher = EXAMPLES.parent / "dexndm_gym" / "assets" / "teacher_plus_z.safetensors"
    arguments = [str(tmp_path), "--teachers", str(teacher), "--hours", "0.005", "--hands", "2", "--processes", "1"]
    simulate["main"](arguments)
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {"part-000000.npz"}
    arrays = np.load(tmp_path / "part-000000.npz")
    assert arrays["position"].shape[1:] == (401, 16)
    assert arrays["command"].shape[1:] == (400, 16)
    assert len(arrays["position"]) == len(arrays["command"])
    simulate["main"](arguments)
    assert "in 0 files" in capsys.readouterr().out
