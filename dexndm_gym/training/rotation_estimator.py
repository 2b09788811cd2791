"""Learns how objects turn from how fingers move: simulated roll-outs of the shipped policies, and a fit to them."""

import json
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import torch
from safetensors.torch import save
from tqdm import tqdm

from dexndm_gym.arrays import FloatArray
from dexndm_gym.backends.randomization import Randomization
from dexndm_gym.checks import Checked, Count, LearningRate, Seed
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.envs.make import make_sim_vector_env
from dexndm_gym.envs.rollout import roll_out
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.outputs import Output, write_bytes
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.orientations import down_in_hand
from dexndm_gym.task.quaternions import angular_velocity
from dexndm_gym.tracking.rotation_estimator import KIND, NUM_FEATURES, WINDOW, features
from dexndm_gym.training.networks import mlp
from dexndm_gym.training.policy import load_policy
from dexndm_gym.training.torch_threads import one_torch_thread

VARIED = Randomization(
    friction=(0.3, 2.0),
    stiffness=(0.5, 1.3),
    frictionloss=(0.5, 4.0),
    delay=(0.0, 0.06),
    link_mass=(0.9, 1.1),
    center_of_mass=0.005,
)
"""More than policies are trained on: a hand's servos may be far weaker than those of the nominal simulation."""

_TOO_FAST = 6.0  # rad/s; an object that falls

PLAYS = {
    "palm_up": {"object": ["basic", "normal_cylinders"]},
    "six_wrists": {
        "object": ["normal_cylinders", "ellipsoid"],
        "wrist": "six",
        "axis": ["hand-z", "hand+z"],
        "starts": "grasps",
    },
}
"""Policies that are played, and what with."""


@dataclass(frozen=True, kw_only=True)
class LearnConfig(Checked):
    """Learn to tell from the fingers alone how an object turns, from simulated roll-outs of the shipped policies."""

    out: Annotated[Path, Output(suffixes=(".safetensors",))] = Path("runs/rotation_estimator.safetensors")
    """File to write."""

    num_envs: Count = 64
    """Simulated hands per policy."""

    steps: Count = 800
    """Control steps of each."""

    epochs: Count = 12
    """How often to go through the data."""

    batch_size: Count = 1024
    """Samples per gradient step."""

    learning_rate: LearningRate = 1e-3
    """At the start; falls to nothing along a cosine."""

    seed: Seed = 0
    """Of roll-outs and network."""


class Samples(NamedTuple):
    """What was seen and how the objects turned."""

    seen: torch.Tensor
    """(k, NUM_FEATURES)."""
    spin: torch.Tensor
    """Mean angular velocities in the last step, hand frame, (k, 3), rad/s."""


def play(policy: str, config: LearnConfig) -> Samples:
    """Roll a shipped policy out on randomized simulated hands."""
    env = make_sim_vector_env(
        num_envs=config.num_envs, randomize=VARIED, config=TaskConfig(), autoreset_mode="SAME_STEP", **PLAYS[policy]
    )
    steps, n = roll_out(load_policy(policy), env, seed=config.seed, endless=True), config.num_envs
    pose = next(steps).info["object_pose"].copy()
    windows, age = np.zeros((n, 2, WINDOW, NUM_JOINTS)), np.zeros(n, dtype=np.int64)
    seen, spin = [], []
    with tqdm(total=config.steps * n, desc=f"play {policy}", unit="step", leave=False) as bar:
        for step in islice(steps, config.steps):
            before, pose = pose, step.info["object_pose"].copy()
            over = step.terminated | step.truncated
            age = np.where(over, 0, age + 1)
            newest = np.stack([step.info["position"], step.info["command"]], axis=1)
            windows = np.roll(windows, -1, axis=2)
            windows[:, :, -1] = newest
            windows[age <= 1] = newest[age <= 1][:, :, None]
            gravity = np.array([down_in_hand(quat) for quat in step.observation[:, -7:-3].astype(np.float64)])
            turning = _spin(before, pose)
            used = ~over & (np.linalg.norm(turning, axis=1) < _TOO_FAST)
            seen.append(features(windows[used, 0], windows[used, 1], gravity[used]))
            spin.append(turning[used])
            bar.update(n)
    env.close()
    return Samples(torch.from_numpy(np.concatenate(seen)), torch.tensor(np.concatenate(spin), dtype=torch.float32))


def _spin(before: FloatArray, after: FloatArray) -> FloatArray:
    """Mean angular velocities between poses (n, 7), (n, 3), rad/s."""
    pairs = zip(before[:, 3:].tolist(), after[:, 3:].tolist(), strict=True)
    return np.array([angular_velocity(tuple(one), tuple(other), CONTROL_PERIOD) for one, other in pairs])


@one_torch_thread()
def learn(config: LearnConfig) -> None:
    """Play, fit, and write the file.

    Raises:
        OutputError: it cannot be written.
    """
    torch.manual_seed(config.seed)
    parts = [play(policy, config) for policy in PLAYS]
    samples = Samples(*(torch.cat(of) for of in zip(*parts, strict=True)))
    sizes = (NUM_FEATURES, 256, 128, 3)
    network = mlp(sizes)
    count, batches = len(samples.seen), -(-len(samples.seen) // config.batch_size)
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.epochs * batches)
    with tqdm(total=config.epochs * batches, desc="learn", unit="batch", leave=False) as bar:
        for _ in range(config.epochs):
            for chosen in torch.randperm(count).split(config.batch_size):
                loss = (network(samples.seen[chosen]) - samples.spin[chosen]).square().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                bar.set_postfix_str(f"{loss.item():.3f} (rad/s)^2", refresh=False)
                bar.update()
    layers = [layer for layer in network if isinstance(layer, torch.nn.Linear)]
    tensors = {
        f"{i}.{name}": value.detach() for i, layer in enumerate(layers) for name, value in layer.named_parameters()
    }
    write_bytes(config.out, save(tensors, {"kind": KIND, "layers": json.dumps(len(layers))}))
