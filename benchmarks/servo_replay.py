"""How well the virtual hand's own servo replays logs of a real one: fit on two kinds of motion, replay the third.

    python benchmarks/servo_replay.py [LOGS] [--json FILE]

LOGS are those of an XL330-M288 on a pendulum bench (see ``dexndm_gym.dynamics.servo_bench.logs``; the README says where
to get them). Each replay runs for 6 s, open loop, from the logged goals and torque switch alone: the supply is the
bench's nominal 7.4 V. What two kinds of motion leave open is held by what is known beforehand: the maker's figures and
how far servos of this class differ, nothing that was fitted to these logs. Backlash is not visible in them and stays
nominal.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.dynamics.least_squares import least_squares
from dexndm_gym.dynamics.servo_bench.logs import ServoLog, ServoTicks, read_servo_logs, resample
from dexndm_gym.virtual_hand.firmware import PWM_FULL
from dexndm_gym.virtual_hand.motor_bank import TICKS_PER_RAD, ZERO_TICK
from dexndm_gym.virtual_hand.parameters import ServoParameters
from dexndm_gym.virtual_hand.single_joint import SingleJoints

MASS, LENGTH, SUPPLY, GRAVITY = 0.49, 0.10, 7.4, 9.81
DT, STEPS = 0.005, 10
ERROR_SCALE, STARTS, ITERATIONS = 0.1, 4, 20

KNOWN = {
    "torque_constant": (0.40, 0.3),  # 103 rev/min at 5 V without a load, less what friction takes
    "resistance": (3.4, 0.3),  # 5 V / 1.47 A when stalled
    "saturation": (0.2, 1.0),
    "armature": (0.002, 0.3),
    "coulomb": (0.01, 0.5),
    "viscous": (0.005, 0.5),
    "load_friction": (0.2, 0.5),
    "encoder_offset": (0.0, 0.02),
}
"""Expected value and standard deviation of what is fitted, the latter of the logarithm but for the offset."""

NO_LOAD_SPEED, SPEED_SPREAD = 103 / 60 * 2 * np.pi * SUPPLY / 5, 0.1
"""Of the maker, brought to the voltage of the bench, rad/s; and how exactly that is meant."""


def replay(parameters: ServoParameters, ticks: ServoTicks, servos: int = 1) -> FloatArray:
    """Encoder positions (T, servos, n) at 20 Hz, rad, of servos that are told what the logs were told.

    Args:
        parameters: numbers, or arrays (servos, 1).
        ticks: n logs, with ``STEPS`` commands per period.
        servos: how many servos replay all logs at once.
    """
    shape = (servos, len(ticks.gain))
    offset = np.asarray(parameters.encoder_offset)
    start = np.broadcast_to(ticks.position[0], shape) - offset
    joints = SingleJoints(parameters, np.full(shape, MASS * LENGTH**2), position=start, dt=DT)
    goals, positions = np.rint(ticks.goal * TICKS_PER_RAD) + ZERO_TICK, []
    for goal, torque_on in zip(goals, ticks.torque_on > 0, strict=True):
        for step in range(STEPS):
            joints.servos.configure(
                p_gain=ticks.gain, i_gain=0, d_gain=0, pwm_limit=PWM_FULL, current_limit=np.inf, enable=torque_on[step]
            )
            joints.step(goal[step], SUPPLY, _weight)
        positions.append(joints.position + offset)
    return np.array(positions)


def _weight(time: float, position: FloatArray, velocity: FloatArray) -> FloatArray:
    return -MASS * LENGTH * GRAVITY * np.sin(position)


def fit(ticks: ServoTicks) -> ServoParameters:
    """The servo that replays logs best, by robust least squares from several starts."""
    center = np.array([_encoded(name, value) for name, (value, _) in KNOWN.items()])
    spread = np.array([spread for _, spread in KNOWN.values()])

    def residuals(points: FloatArray) -> FloatArray:
        servos = _servos(points.reshape(-1, len(KNOWN)))
        error = replay(servos, ticks, points.shape[0] * points.shape[1]) - ticks.position[1:, None]
        speed = np.log(_no_load_speed(servos) / NO_LOAD_SPEED).reshape(*points.shape[:2], 1) / SPEED_SPREAD
        known = np.concatenate(((points - center) / spread, speed), axis=-1)
        return np.concatenate((error.swapaxes(0, 1).reshape(*points.shape[:2], -1), ERROR_SCALE * known), axis=-1)

    scatter = np.random.default_rng(0).normal(size=(STARTS, len(KNOWN)))
    scatter[0] = 0.0
    start = center + 0.5 * spread * scatter
    found = least_squares(residuals, start, error_scale=ERROR_SCALE, iterations=ITERATIONS)
    best = np.log1p((residuals(found[None])[0] / ERROR_SCALE) ** 2).sum(axis=-1).argmin()
    servo = _servos(found[[best]])
    return ServoParameters(**{name: float(np.squeeze(getattr(servo, name))) for name in KNOWN})


def _encoded(name: str, value: float) -> float:
    return value if name == "encoder_offset" else float(np.log(value))


def _servos(points: FloatArray) -> ServoParameters:
    """Points of the search, (servos, parameters), as servos."""
    columns = {name: points[:, [column]] for column, name in enumerate(KNOWN)}
    return ServoParameters(**{n: value if n == "encoder_offset" else np.exp(value) for n, value in columns.items()})


def _no_load_speed(servos: ServoParameters) -> FloatArray:
    names = ("torque_constant", "resistance", "saturation", "coulomb", "viscous")
    kt, resistance, saturation, coulomb, viscous = (np.asarray(getattr(servos, name), np.float64) for name in names)
    friction = coulomb + viscous * NO_LOAD_SPEED
    lost = resistance * friction / (kt - saturation * friction)
    return (SUPPLY - np.clip(lost, 0, 0.9 * SUPPLY)) / kt


def score(parameters: ServoParameters, ticks: ServoTicks) -> dict[str, float]:
    """Mean absolute error in degrees for each P gain, and over all."""
    error = np.degrees(np.abs(replay(parameters, ticks)[:, 0] - ticks.position[1:])).mean(axis=0)
    table = {f"P {gain:.0f}": float(error[ticks.gain == gain].mean()) for gain in np.unique(ticks.gain)}
    return table | {"all": float(error.mean())}


def report(logs: list[ServoLog]) -> dict[str, Any]:
    """Errors of the fitted servo on each kind left out, those of the nominal one, and the figures fitted."""
    kinds = sorted({log.kind for log in logs})
    held_out, nominal, fitted = {}, {}, {}
    for kind in kinds:
        train = resample([log for log in logs if log.kind != kind], substeps=STEPS)
        test = resample([log for log in logs if log.kind == kind], substeps=STEPS)
        servo = fit(train)
        held_out[kind], nominal[kind] = score(servo, test), score(ServoParameters(), test)
        fitted[f"without {kind}"] = _figures(servo)
    for table in (held_out, nominal):
        table["all"] = {gain: float(np.mean([table[kind][gain] for kind in kinds])) for gain in table[kinds[0]]}
    everything = resample(logs, substeps=STEPS)
    servo = fit(everything)
    fitted["on all logs"] = _figures(servo)
    return {
        "held_out_deg": held_out,
        "nominal_deg": nominal,
        "fitted_to_all_deg": score(servo, everything)["all"],
        "fitted": fitted,
        "nominal": _figures(ServoParameters()),
    }


def _figures(servo: ServoParameters) -> dict[str, float]:
    return {name: float(f"{value:.4g}") for name, value in asdict(servo).items() if name in KNOWN}


def main() -> None:
    """Fit, replay, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logs", type=Path, nargs="?", default=Path("../shared/data/xl330"), help="folder of logs")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    result = report(read_servo_logs(options.logs))
    print("mean absolute error over 6 s open loop, degrees")
    for title in ("held_out_deg", "nominal_deg"):
        for kind, errors in result[title].items():
            row = "  ".join(f"{name} {value:5.2f}" for name, value in errors.items())
            print(f"{title.removesuffix('_deg'):9s} {kind:16s} {row}")
    print(f"fitted to all logs and replayed on them: {result['fitted_to_all_deg']:.2f}")
    for title, figures in (result["fitted"] | {"nominal": result["nominal"]}).items():
        print(f"{title:24s}", "  ".join(f"{name} {value:.4g}" for name, value in figures.items()))
    if options.json is not None:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
