import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dexndm_gym.dynamics.servo_bench.fit import ServoFitOptions, fit_servo_logs
from dexndm_gym.dynamics.servo_bench.identification import free_speed, identify
from dexndm_gym.dynamics.servo_bench.logs import ServoTicks
from dexndm_gym.dynamics.servo_bench.models import PhysicalServo, StayingServo
from dexndm_gym.dynamics.servo_bench.physics import (
    SUBSTEPS,
    Pendulum,
    ServoPhysics,
    ServoState,
    advance,
    observe,
    simulate,
)
from dexndm_gym.errors import ConfigurationError

LOGS = Path(__file__).parents[3] / "shared" / "data" / "xl330"
BENCH = Pendulum()
SERVO = ServoPhysics(
    stall_torque=0.7, back_emf=0.041, saturation=0.7, armature=0.0016, coulomb=0.006, load_friction=0.3, viscous=0.006,
    arm_stiffness=5.0, arm_damping=0.03, offset=0.02,
)  # fmt: skip
GAINS = np.array([100.0, 400.0, 800.0])
DATA_SHEET = {"no_load_speed": float(free_speed(SERVO, 16.0)), "stall_torque": 0.6}
"""What a vendor may state of this servo: the torque is a third less."""


def commands(kind: str, periods: int = 40) -> ServoTicks:
    time = np.arange(periods * SUBSTEPS).reshape(periods, SUBSTEPS, 1) / (20 * SUBSTEPS)
    goal = {
        "sine": np.sin(3 * time**2),
        "step": 1.2 * (time > 0.3) - 0.5 * (time > 1),
        "lift": 1.3 * np.sin(2 * time) ** 2,
        "drop": -np.minimum(1.5 * time, 1.2),
        "mixed": 0.8 * np.sin(4 * time) + 0.5 * np.sin(11 * time) * np.sin(3 * time),
    }[kind] * np.ones(len(GAINS))
    torque_on = np.ones_like(goal) * ((time < 0.9) | (kind != "drop"))
    return ServoTicks(goal, torque_on, np.zeros((periods + 1, len(GAINS))), GAINS)


def logged(kind: str, servo: ServoPhysics = SERVO, periods: int = 40) -> ServoTicks:
    ticks = commands(kind, periods)
    ticks.position[1:] = simulate(servo, BENCH, ticks, ticks.position[0])
    return ticks


def together(*logs: ServoTicks) -> ServoTicks:
    names = ("goal", "torque_on", "position", "gain")
    return ServoTicks(*(np.concatenate([getattr(log, name) for log in logs], axis=-1) for name in names))


def seen_by_encoder(kind: str) -> ServoTicks:
    ticks = logged(kind)
    return replace(ticks, position=np.rint(ticks.position * 4096 / 2 / np.pi) * 2 * np.pi / 4096)


def found_in(*kinds: str, seed: int = 0) -> ServoPhysics:
    logs = together(*map(seen_by_encoder, kinds))
    return identify(logs, BENCH, **DATA_SHEET, iterations=15, starts=2, seed=seed)


def open_loop_error(servo: ServoPhysics, kind: str) -> float:
    ticks = logged(kind)
    return float(np.abs(simulate(servo, BENCH, ticks, ticks.position[0]) - ticks.position[1:]).mean())


def test_arm_rests_when_held_and_swings_when_released() -> None:
    goal, gain = np.full((SUBSTEPS, 1), 0.4), np.array([800.0])
    state = ServoState.at_rest(np.zeros(1))
    for _ in range(100):
        state = advance(SERVO, BENCH, state, goal, np.ones_like(goal), gain)
    assert state.velocity[0] == 0.0
    assert 0.2 < state.position[0] < 0.4
    bent, weight = state.position - state.mass_position, 0.49 * 9.81 * 0.1 * np.sin(state.mass_position + SERVO.offset)
    np.testing.assert_allclose(SERVO.arm_stiffness * bent, weight, rtol=1e-3)
    swing = []
    for _ in range(200):
        state = advance(SERVO, BENCH, state, goal, np.zeros_like(goal), gain)
        swing.append(state.position[0])
    assert min(swing) < -0.1
    assert abs(swing[-1] + SERVO.offset) < 0.05


def test_bent_arm_springs_back_without_torque() -> None:
    moved = []
    for stiffness in (500.0, 5.0):
        servo, goal = replace(SERVO, arm_stiffness=stiffness), np.full((SUBSTEPS, 1), 0.8)
        held = ServoState.at_rest(np.zeros(1))
        for _ in range(40):
            held = advance(servo, BENCH, held, goal, np.ones_like(goal), GAINS[2:])
        soon = goal[: SUBSTEPS // 5]
        moved.append(held.position - advance(servo, BENCH, held, soon, np.zeros_like(soon), GAINS[2:]).position)
    assert moved[1] > 2 * moved[0] > 0


@pytest.mark.parametrize(("stiffness", "damping"), [(500.0, 0.0), (1e-3, 10.0), (500.0, 10.0)])
def test_hardly_any_arm_is_too_stiff_to_simulate(stiffness: float, damping: float) -> None:
    positions = logged("sine", replace(SERVO, arm_stiffness=stiffness, arm_damping=damping)).position
    assert np.abs(positions).max() < 4.0


def test_parameters_that_matter_are_found_again() -> None:
    both = together(logged("sine"), logged("step"))
    found = identify(both, BENCH, **DATA_SHEET, iterations=12)
    error = simulate(found, BENCH, both, both.position[0]) - both.position[1:]
    assert np.abs(error).mean() < 4e-3  # what is known beforehand pulls a little, as the logs are few
    for name in ("stall_torque", "load_friction", "saturation"):
        assert getattr(found, name) == pytest.approx(getattr(SERVO, name), rel=0.2)


def test_parameters_do_not_depend_on_random_starts() -> None:
    found = [found_in("sine", "step", seed=seed) for seed in (1, 2, 3)]
    for name in ("stall_torque", "back_emf", "load_friction", "saturation", "armature"):
        values = [getattr(servo, name) for servo in found]
        assert max(values) < 1.05 * min(values)
        assert np.mean(values) == pytest.approx(getattr(SERVO, name), rel=0.2)


@pytest.mark.parametrize("kinds", [("lift",), ("step",), ("drop",), ("lift", "drop"), ("lift", "drop", "step")])
def test_left_out_motion_is_predicted_whatever_was_there(kinds: tuple[str, ...]) -> None:
    alone, more = (open_loop_error(found_in(*some), "sine") for some in (kinds, (*kinds, "mixed")))
    assert alone < np.radians(1.5)
    assert more < np.radians(1.0)


def test_unexplained_log_spoils_no_fit() -> None:
    stuck = logged("lift")
    stuck.position[15:] = stuck.position[15]
    logs = together(seen_by_encoder("step"), seen_by_encoder("drop"), stuck)
    found = identify(logs, BENCH, **DATA_SHEET, iterations=15, starts=2)
    assert open_loop_error(found, "sine") < np.radians(1.5)


def test_what_no_log_shows_stays_as_the_data_sheet_says() -> None:
    swings = commands("sine")
    swings.torque_on[:] = 0.0
    swings.position[0] = 0.8
    swings.position[1:] = simulate(SERVO, BENCH, swings, swings.position[0])
    found = identify(swings, BENCH, **DATA_SHEET, iterations=15, starts=2)
    assert found.stall_torque / (1 + found.saturation) == pytest.approx(DATA_SHEET["stall_torque"], rel=1e-3)
    assert free_speed(found, 16.0) == pytest.approx(DATA_SHEET["no_load_speed"], rel=0.02)
    assert found.armature == pytest.approx(SERVO.armature, rel=0.25)


def test_observer_finds_velocity_of_unknown_servo() -> None:
    ticks = logged("sine")
    wrong = ServoPhysics(stall_torque=0.5, load_friction=0.1)
    _, predicted = observe(wrong, BENCH, ticks)
    blind = simulate(wrong, BENCH, ticks, ticks.position[0])
    truth = ticks.position[1:]
    assert np.abs(predicted - truth).mean() < 0.2 * np.abs(blind - truth).mean()


def test_physics_predicts_itself_from_any_start() -> None:
    ticks = logged("sine")
    starts = np.array([0, 7, 20])
    predicted = PhysicalServo(SERVO, BENCH).predict(ticks, starts, 10)
    np.testing.assert_allclose(predicted, ticks.position[starts[:, None] + np.arange(1, 11)], atol=1e-9)
    stayed = StayingServo().predict(ticks, starts, 10)
    np.testing.assert_array_equal(stayed[:, 9], ticks.position[starts])


def test_network_learns_what_physics_misses() -> None:
    # A smooth miss: what physics miss of dry friction, the network does not learn.
    wrong = replace(SERVO, viscous=0.03)
    train, test = logged("sine", periods=60), logged("sine", periods=40)
    model, starts = PhysicalServo(wrong, BENCH), np.arange(0, 20, 5)
    truth = test.position[starts[:, None] + np.arange(1, 21)]
    before = np.abs(model.predict(test, starts, 20) - truth).mean()
    model.learn_the_rest(train, epochs=60)
    assert np.abs(model.predict(test, starts, 20) - truth).mean() < 0.5 * before
    down = -SERVO.offset * np.ones((21, SUBSTEPS, 1))
    still = ServoTicks(down[:20], np.ones_like(down[:20]), down[:, 0], np.array([100.0]))
    assert (model.predict(still, np.array([0]), 20) == -SERVO.offset).all()


def test_lessons_of_slow_motion_end_in_fast() -> None:
    wrong = replace(SERVO, stall_torque=0.5, back_emf=0.03, saturation=0.5, load_friction=0.1)
    fast, slow = logged("sine"), commands("sine")
    slow.goal[:] *= 0.1
    slow.position[1:] = simulate(SERVO, BENCH, slow, slow.position[0])
    learned, physics, starts = PhysicalServo(wrong, BENCH), PhysicalServo(wrong, BENCH), np.arange(40)
    learned.learn_the_rest(slow, epochs=20)
    steps = np.abs(np.diff(fast.position, axis=0))
    added = np.abs(learned.predict(fast, starts, 1) - physics.predict(fast, starts, 1))[:, 0]
    assert (added[steps > 0.1] == 0.0).all()
    assert (added[steps < 0.005] > 0.0).any()
    missed = np.abs(slow.position[1:] - observe(wrong, BENCH, slow)[1])
    assert added.max() <= np.sqrt(np.mean(missed**2)) + 1e-12


def test_observer_finds_unexplained_torque() -> None:
    heavier = Pendulum(mass=0.6)
    goal = np.full((40, SUBSTEPS, 1), 1.0)
    ticks = ServoTicks(goal, np.ones_like(goal), np.zeros((41, 1)), np.array([800.0]))
    ticks.position[1:] = simulate(SERVO, heavier, ticks, ticks.position[0])
    states, _ = observe(SERVO, BENCH, ticks)
    assert max(state.push[0] for state in states) < 0.05
    assert min(state.push[0] for state in states) < -0.02


def test_saturation_weakens_only_hard_work() -> None:
    speeds = [free_speed(ServoPhysics(saturation=saturation), 16.0) for saturation in (0.01, 0.8)]
    assert speeds[1] == pytest.approx(speeds[0], rel=0.02)
    goal, held = np.full((SUBSTEPS, 1), 3.0), []
    for saturation in (0.01, 0.8):
        state = ServoState.at_rest(np.full(1, 0.3))
        for _ in range(3):
            state = advance(ServoPhysics(saturation=saturation), BENCH, state, goal, np.ones_like(goal), GAINS[2:])
        held.append(state.position[0])
    assert held[1] < held[0] - 0.1


def write_log(folder: Path, kind: str) -> None:
    ticks = logged(kind)
    for column, gain in enumerate(GAINS):
        rows = [
            f"{tick / 20},{ticks.goal[tick, 0, column]},{ticks.position[tick, column]},1"
            for tick in range(len(ticks.goal))
        ]
        text = "\n".join(["t_s,goal_rad,present_rad,torque_enable", *rows])
        (folder / f"{kind}_kp{gain:.0f}_x.csv").write_text(text)


def test_report_compares_models_on_unseen_kinds(tmp_path: Path) -> None:
    write_log(tmp_path, "sine")
    with pytest.raises(ConfigurationError, match="two trajectories"):
        fit_servo_logs(tmp_path)
    write_log(tmp_path, "step")
    seen: list[tuple[int, int]] = []
    report = fit_servo_logs(
        tmp_path,
        options=ServoFitOptions(iterations=5),
        progress=lambda done, total, note: seen.append((done, total)),
    )
    assert seen == [(done, 7) for done in range(8)]
    assert set(report.errors) == {"stays_where_it_is", "jointwise", "physics", "physics_and_jointwise"}
    assert all(set(kinds) == {"sine", "step", "all"} for kinds in report.errors.values())
    still, physics = report.errors["stays_where_it_is"]["all"], report.errors["physics"]["all"]
    assert physics.open_loop_1s < 0.5 * still.open_loop_1s
    assert physics.one_step_rms < 0.5 * still.one_step_rms
    assert (report.logs, report.log_seconds) == (6, pytest.approx(1.95))
    # One kind to learn from, none to check a network with.
    assert report.errors["physics_and_jointwise"] == report.errors["physics"]
    json.dumps(report.as_dict())


@pytest.mark.slow
@pytest.mark.skipif(not LOGS.is_dir(), reason="logs of real servos are not at ../shared/data")
def test_real_servo_logs_are_predicted_as_documented() -> None:
    errors = fit_servo_logs(LOGS).errors["physics_and_jointwise"]["all"]
    assert errors.one_step_rms < 5e-3
    assert np.degrees(errors.open_loop_whole) < 1.5
