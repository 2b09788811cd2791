"""Identify the simulator's joint servo: the simple MuJoCo servo that best imitates the nominal virtual servo.

    python benchmarks/identify_servo.py [--json FILE]

The virtual servo has firmware, motor, loaded gears, backlash and delay; the simulator's has stiffness, damping, dry
friction, armature and a torque limit. The limit is the torque of the virtual servo's motor at its current limit, since
motion hardly shows it. For the rest both follow the same 20 Hz targets under the same loads, and a simplex search
minimizes the mean distance between their positions at 20 Hz.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
from scipy.optimize import minimize

from dexndm_gym.arrays import FloatArray
from dexndm_gym.virtual_hand.firmware import PWM_FULL
from dexndm_gym.virtual_hand.parameters import ServoParameters
from dexndm_gym.virtual_hand.single_joint import SingleJoints

PERIOD, STEPS = 0.05, 80
SERVO_DT, SIM_DT = 0.005, 0.01
SUPPLY, GOAL_CURRENT = 5.0, 0.5
GAINS = {"main": (800, 200), "side": (600, 150)}
NAMES = ("kp_main", "kp_side", "damping", "frictionloss", "armature", "force_limit")


@dataclass(frozen=True)
class Motions:
    """What n joints are asked to do and what pulls at them."""

    target: FloatArray  # (n, STEPS), rad
    load: FloatArray  # (n, STEPS + 1), N m, linear in between
    inertia: FloatArray  # (n,), kg m^2
    gravity: FloatArray  # (n,), N m
    phase: FloatArray  # (n,), rad
    wall: FloatArray  # (n,), rad: beyond it something springy resists, as an object does
    wall_stiffness: FloatArray  # (n,), N m/rad

    def external(self, time: float, position: FloatArray, velocity: FloatArray) -> FloatArray:
        """Torque on the links from outside, N m."""
        k = min(int(time / PERIOD + 1e-9), STEPS - 1)
        between = time / PERIOD - k
        load = (1 - between) * self.load[:, k] + between * self.load[:, k + 1]
        depth = position - self.wall
        push = np.where(depth > 0, np.maximum(self.wall_stiffness * depth + 0.02 * velocity, 0), 0)
        return load - self.gravity * np.sin(position + self.phase) - push


def draw_motions(n: int, rng: np.random.Generator) -> Motions:
    """Targets as a policy sends them (a third each: random walks, sines, steps), with loads as in a hand."""
    kinds = (_walk, _sine, _jumps)
    load = np.zeros((n, STEPS + 1))
    decay, spread = np.exp(-PERIOD / 0.3), rng.uniform(0, 0.06, n)
    for k in range(1, STEPS + 1):
        load[:, k] = decay * load[:, k - 1] + np.sqrt(1 - decay**2) * spread * rng.normal(size=n)
    return Motions(
        target=np.stack([kinds[i % 3](rng) for i in range(n)]),
        load=np.clip(load, -0.12, 0.12),
        inertia=rng.uniform(1e-4, 4e-4, n),
        gravity=rng.uniform(0, 0.03, n),
        phase=rng.uniform(0, 2 * np.pi, n),
        wall=np.where(rng.random(n) < 0.6, rng.uniform(0, 0.2, n), 9.0),  # most fingers of a hand at work push
        wall_stiffness=rng.uniform(0.5, 2.0, n),
    )


def _walk(rng: np.random.Generator) -> FloatArray:
    action = rng.normal(0, rng.uniform(0.3, 1.0), STEPS)
    action += rng.normal(0, 0.3) * np.sin(2 * np.pi * rng.uniform(0.2, 1.5) * PERIOD * np.arange(STEPS))
    walk = np.zeros(STEPS)
    for k in range(1, STEPS):
        walk[k] = np.clip(walk[k - 1] + np.clip(action[k], -1, 1) / 24, -0.5, 0.5)
    return walk


def _sine(rng: np.random.Generator) -> FloatArray:
    amplitude = rng.uniform(0.05, 0.5)
    omega = min(2 * np.pi * rng.uniform(0.2, 1.5), 1.2 / amplitude)
    return amplitude * np.sin(omega * PERIOD * np.arange(STEPS))


def _jumps(rng: np.random.Generator) -> FloatArray:
    goal = np.repeat(rng.uniform(-1, 1, STEPS // 8), 8) * rng.uniform(0.05, 0.5)
    goal -= goal[0]
    if rng.random() < 0.5:
        return goal
    ramped = np.zeros(STEPS)
    for k in range(1, STEPS):
        ramped[k] = ramped[k - 1] + np.clip(goal[k] - ramped[k - 1], -1 / 24, 1 / 24)
    return ramped


def virtual_positions(motions: Motions, kind: str, parameters: ServoParameters) -> FloatArray:
    """Positions of the virtual servo at 20 Hz, (n, STEPS), rad."""
    joints = SingleJoints(parameters, motions.inertia, dt=SERVO_DT)
    p_gain, d_gain = GAINS[kind]
    joints.servos.configure(
        p_gain=p_gain, i_gain=0, d_gain=d_gain, pwm_limit=PWM_FULL, current_limit=GOAL_CURRENT, enable=True
    )
    goals = joints.servos.ticks(motions.target.T)
    positions, delay = np.empty(motions.target.shape), float(np.asarray(parameters.delay))
    for k in range(STEPS * round(PERIOD / SERVO_DT)):
        if k % round(PERIOD / SERVO_DT) == 0:
            positions[:, round(joints.time / PERIOD)] = joints.position
        acting = max(int((joints.time - delay) / PERIOD + 1e-9), 0)
        joints.step(goals[acting], SUPPLY, motions.external)
    return positions


def simple_positions(motions: Motions, servo: tuple[float, ...]) -> FloatArray:
    """The same from MuJoCo's servo: implicitfast, its soft dry friction included."""
    kp, damping, frictionloss, armature, limit = servo
    inertia = motions.inertia + armature
    position, velocity = np.zeros_like(inertia), np.zeros_like(inertia)
    positions = np.empty(motions.target.shape)
    softness, rate = (1 - 0.9) / 0.9, 2 / (0.95 * 0.02)  # MuJoCo's default solimp and solref
    for k in range(STEPS * round(PERIOD / SIM_DT)):
        step, substep = divmod(k, round(PERIOD / SIM_DT))
        if substep == 0:
            positions[:, step] = position
        torque = np.clip(kp * (motions.target[:, step] - position), -limit, limit)
        torque += motions.external(k * SIM_DT, position, velocity) - damping * velocity
        slowing = -(torque + rate * inertia * velocity) / (1 + softness)
        torque += np.clip(slowing, -frictionloss, frictionloss)
        velocity += SIM_DT * torque / (inertia + SIM_DT * damping)
        position += SIM_DT * velocity
    return positions


def mujoco_positions(motions: Motions, servo: tuple[float, ...], index: int) -> FloatArray:
    """One motion in MuJoCo itself, (STEPS,), rad: to check ``simple_positions``."""
    kp, damping, frictionloss, armature, limit = servo
    spec = mujoco.MjSpec()
    spec.option.timestep, spec.option.integrator = SIM_DT, mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.gravity = [0, 0, 0]
    body = spec.worldbody.add_body(name="link", mass=1e-3, inertia=[motions.inertia[index]] * 3, explicitinertial=True)
    body.add_joint(name="j", type=mujoco.mjtJoint.mjJNT_HINGE, damping=[damping, 0, 0], frictionloss=frictionloss)
    spec.joint("j").armature = armature
    actuator = spec.add_actuator(name="j", target="j", trntype=mujoco.mjtTrn.mjTRN_JOINT)
    actuator.set_to_position(kp=kp)
    actuator.forcelimited, actuator.forcerange = mujoco.mjtLimited.mjLIMITED_TRUE, [-limit, limit]
    model = spec.compile()
    data, positions = mujoco.MjData(model), np.empty(STEPS)
    everywhere = np.ones(len(motions.inertia))
    for k in range(STEPS * round(PERIOD / SIM_DT)):
        step, substep = divmod(k, round(PERIOD / SIM_DT))
        if substep == 0:
            positions[step] = data.qpos[0]
        data.ctrl[0] = motions.target[index, step]
        outside = motions.external(k * SIM_DT, data.qpos[0] * everywhere, data.qvel[0] * everywhere)
        data.qfrc_applied[0] = outside[index]
        mujoco.mj_step(model, data)
    return positions


def identify(motions: Motions, truth: dict[str, FloatArray], limit: float) -> FloatArray:
    """Figures of the best simple servo with that torque limit, in the order of ``NAMES``."""

    def figures(logarithms: FloatArray) -> FloatArray:
        return np.append(np.exp(logarithms), limit)

    def loss(logarithms: FloatArray) -> float:
        return float(np.mean(errors(figures(logarithms), motions, truth)))

    start = np.log([1.1, 0.8, 0.05, 0.02, 0.0018])
    options = {"maxfev": 600, "xatol": 1e-3, "fatol": 1e-7}
    return figures(minimize(loss, start, method="Nelder-Mead", options=options).x)


def torque_limit(servo: ServoParameters) -> float:
    """Torque of its motor at the current limit, N m."""
    torque_constant, saturation = float(np.asarray(servo.torque_constant)), float(np.asarray(servo.saturation))
    return torque_constant * GOAL_CURRENT / (1 + saturation * GOAL_CURRENT)


def errors(figures: FloatArray, motions: Motions, truth: dict[str, FloatArray]) -> FloatArray:
    """Distances between simple and virtual servo, (2, n, STEPS), rad; main joints first."""
    common = tuple(figures[2:])
    simple = [simple_positions(motions, (kp, *common)) for kp in figures[:2]]
    return np.abs(np.array(simple) - np.array([truth["main"], truth["side"]]))


def main() -> None:
    """Replay, identify, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    nominal = ServoParameters()
    motions, held_out = draw_motions(240, np.random.default_rng(0)), draw_motions(120, np.random.default_rng(1))
    followed = {kind: virtual_positions(motions, kind, nominal) for kind in GAINS}
    figures = identify(motions, followed, torque_limit(nominal))
    truth = {kind: virtual_positions(held_out, kind, nominal) for kind in GAINS}
    residual = 1000 * errors(figures, held_out, truth)
    report = {name: float(f"{value:.4g}") for name, value in zip(NAMES, figures, strict=True)}
    report |= {
        "mean_residual_main_mrad": float(residual[0].mean()),
        "mean_residual_side_mrad": float(residual[1].mean()),
        "median_rms_residual_mrad": float(np.median(np.sqrt(np.mean(residual**2, axis=2)))),
        "emulation_vs_mujoco_mrad": _emulation_error(figures, held_out),
    }
    for name, value in report.items():
        print(f"{name:28s} {value}")
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _emulation_error(figures: FloatArray, motions: Motions) -> float:
    servo = (figures[0], *figures[2:])
    ours = simple_positions(motions, servo)
    return 1000 * max(float(np.abs(ours[i] - mujoco_positions(motions, servo, i)).max()) for i in range(6))


if __name__ == "__main__":
    main()
