"""What do recordings of each setting teach about one virtual hand? Physics and a network fitted to ten minutes of each.

Judged on recordings of the same hand while its policy turns objects, which no fit has seen:
``python benchmarks/collection_settings.py --hand-seed 20``; five to ten minutes.
"""

import argparse
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from dexndm_gym.assets import SHIPPED_POLICY
from dexndm_gym.backends.virtual_hand import VirtualHand
from dexndm_gym.cli.common import load_policy_file, table
from dexndm_gym.data.collection import CollectOptions
from dexndm_gym.data.replay import play_at_once, replay_at_once, simulate
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.data.waves import wave_trajectories
from dexndm_gym.dynamics.fit import fit_trajectories
from dexndm_gym.dynamics.model import JointwiseModel, ModelConfig
from dexndm_gym.dynamics.model_file import SHIPPED_SIM_MODEL, load_model
from dexndm_gym.dynamics.prediction_errors import measure
from dexndm_gym.dynamics.windows import WindowSet
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.objects.scene import BALLS, FREE, TIED_BALL
from dexndm_gym.task.config import TaskConfig

SETTINGS = {
    "free, palm up": (FREE, None, "rollouts"),
    "free, six wrists": (FREE, "six", "rollouts"),
    "free, waves": (FREE, None, "waves"),
    "tied ball, palm up": (TIED_BALL, None, "rollouts"),
    "balls, six wrists": (BALLS, "six", "rollouts"),
}
EPISODE_STATE = TaskConfig().episode_steps
TEST_EPISODES = 9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hand-seed", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    count = round(options.minutes * 60 / 20)
    policy, sim = load_policy_file(SHIPPED_POLICY), load_model(SHIPPED_SIM_MODEL)
    rollouts = [one for one in simulate(policy, count + 8, seed=1) if len(one) == EPISODE_STATE][:count]
    scale = TaskConfig().action_scale
    waves = wave_trajectories(count, start=START_POSE, largest_step=scale, steps=EPISODE_STATE, seed=1)
    with closing(VirtualHand([options.hand_seed] * TEST_EPISODES)) as hand:
        unseen = WindowSet(play_at_once(hand, policy, CollectOptions(seed=2, noise_probability=0.0)))
    recorded = {}
    for name, (surroundings, wrist, motion) in SETTINGS.items():
        replays = rollouts if motion == "rollouts" else waves
        with closing(VirtualHand([options.hand_seed] * len(replays), surroundings=surroundings)) as hand:
            recorded[name] = replay_at_once(hand, replays, CollectOptions(seed=3), wrist=wrist)
    rows: dict[str, Any] = {"nothing (the simulation's model)": {"with network": measure(sim, unseen).as_dict()}}
    reference = None
    for name, trajectories in recorded.items():
        physics, fitted = fits(trajectories, sim)
        reference = reference or physics
        rows[name] = numbers(physics, fitted, unseen) | distance(physics, reference)
    show(rows)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


def fits(trajectories: Sequence[Trajectory], sim: JointwiseModel) -> tuple[JointwiseModel, JointwiseModel]:
    """Physics alone, and physics beside the simulation's network, fine-tuned."""
    physics, _ = fit_trajectories(trajectories, config=ModelConfig(physics="alone"))
    fitted, _ = fit_trajectories(trajectories, start=sim)
    return physics, fitted


def numbers(physics: JointwiseModel, fitted: JointwiseModel, unseen: WindowSet) -> dict[str, Any]:
    return {"physics": measure(physics, unseen).as_dict(), "with network": measure(fitted, unseen).as_dict()}


def distance(physics: JointwiseModel, reference: JointwiseModel) -> dict[str, float]:
    """Mean over the joints of how far stiffness and dry friction are from the reference, as a factor."""
    now, then = (model.physics.double().numpy() for model in (physics, reference))
    return {
        name: float(np.exp(np.abs(np.log(now[:, column] / then[:, column])).mean()))
        for name, column in (("stiffness_factor", 0), ("friction_factor", 2))
    }


def show(rows: dict[str, dict[str, Any]]) -> None:
    head = ("fitted to", "physics: 1 step, mrad", "1 s, mrad", "with network: 1 step", "1 s", "stiffness", "friction")
    lines = []
    for name, row in rows.items():
        errors = [
            f"{row[model][key]:.2f}" if model in row else ""
            for model in ("physics", "with network")
            for key in ("one_step_rms_mrad", "open_loop_1s_mean_abs_mrad")
        ]
        factors = [f"x {row[key]:.2f}" if key in row else "" for key in ("stiffness_factor", "friction_factor")]
        lines.append((name, *errors, *factors))
    print(table(head, lines))


if __name__ == "__main__":
    main()
