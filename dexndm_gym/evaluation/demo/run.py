"""The whole line: policy in simulation, direct on a virtual hand, data, fit, corrected on the same hand."""

import json
import time
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import gymnasium

from dexndm_gym.arrays import FloatArray
from dexndm_gym.checks import Bound, Checked, Count, Seed
from dexndm_gym.data.collection import CollectOptions, collect, recordings_in
from dexndm_gym.data.reading import read_recording
from dexndm_gym.data.replay import EnvPlayer, simulate
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.dynamics.fit import FitOptions, fit_trajectories, split
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.dynamics.model_file import SHIPPED_SIM_MODEL, load_model, save_model
from dexndm_gym.dynamics.prediction_errors import one_step_errors
from dexndm_gym.dynamics.windows import WindowSet
from dexndm_gym.envs.rollout import Policy
from dexndm_gym.evaluation.demo.demo_result import DemoResult, FittedModels
from dexndm_gym.evaluation.demo.report import write_report
from dexndm_gym.evaluation.episodes import EpisodeRecord, record_episodes
from dexndm_gym.outputs import OutputFolder, check_outputs, write_bytes
from dexndm_gym.progress import Progress, progress_bar
from dexndm_gym.task.options import OBJECT_SETS
from dexndm_gym.virtual_hand import VIRTUAL_PORT
from dexndm_gym.wrappers.dynamics_correction import DynamicsCorrectionWrapper

_STAGES = 7

_REPLAYS = 64
"""Simulated episodes to replay from: more than fit into the hand time of a demo."""

Env = gymnasium.Env[Any, Any]


@dataclass(frozen=True, kw_only=True)
class DemoConfig(Checked):
    """What to demonstrate."""

    hand_seed: Seed = 5
    """Which virtual hand: its hidden parameters are drawn from this. Hand 5 stands near the middle of hands 0 to
    15: with the policy ``palm_up`` six of them turn less in direct transfer, nine more (docs/results.md)."""

    episodes: Count = 9
    """Episodes of 20 s in each of the three runs, with cylinder, cube and ellipsoid in turn."""

    data_minutes: Annotated[float, Bound(least=0.1)] = 15.0
    """Hand time to record for the fit, min."""

    seed: Seed = 0
    """Seed of the episodes and of the collection."""

    sim_model: Path = SHIPPED_SIM_MODEL
    """Dynamics model of the simulated hand; the fit starts from it."""

    out: OutputFolder = Path("runs/demo")
    """Folder for the report, the numbers, the recordings and the fitted model. An earlier demo in it is replaced."""

    no_videos: bool = False
    """Leave the videos of the three runs out of the report."""

    @property
    def report_file(self) -> Path:
        """The report."""
        return self.out / "report.html"

    @property
    def numbers_file(self) -> Path:
        """The numbers, as JSON."""
        return self.out / "demo.json"

    @property
    def recordings(self) -> Path:
        """The folder of the recordings."""
        return self.out / "recordings"

    @property
    def model_file(self) -> Path:
        """The fitted model of the hand."""
        return self.out / "hand_dynamics.safetensors"


def run_demo(config: DemoConfig, policy: Policy, *, progress: bool = True) -> DemoResult:
    """Run the demonstration, and write report, numbers (``demo.json``), recordings and model to ``config.out``.

    Args:
        config: what to demonstrate.
        policy: trained in simulation.
        progress: show what is going on, with the time left.

    Raises:
        ConfigurationError: ``config.out`` cannot be written.
        FileFormatError: there is no usable model of the simulated hand.
        HardwareError: the virtual hand failed.
    """
    check_outputs(config)
    began = time.monotonic()
    sim_model = load_model(config.sim_model)
    _make_room(config)
    stages = _Stages(progress)
    with closing(gymnasium.make("LeapRotate-Sim-v0")) as env:
        simulated = _play(config, policy, env, stages("simulation"))
    with closing(gymnasium.make("LeapRotate-Real-v0", port=VIRTUAL_PORT, hand_seed=config.hand_seed)) as env:
        direct = _play(config, policy, env, stages("direct"))
        replays = _simulate_replays(config, policy, stages("replays"))
        trajectories = _collect(config, EnvPlayer(env, policy), replays, stages.title("collection"), progress)
        models = _fit(sim_model, trajectories, stages("fit", "epoch"))
        save_model(models.hand, config.model_file)
        corrected = _play(config, policy, DynamicsCorrectionWrapper(env, (models.hand, sim_model)), stages("corrected"))
    result = DemoResult(
        hand_seed=config.hand_seed,
        runs={"sim": simulated, "direct": direct, "corrected": corrected},
        models=models,
        data_minutes=sum(trajectory.seconds for trajectory in trajectories) / 60.0,
        wall_s=time.monotonic() - began,
    )
    with stages("report", "picture") as drawn:
        write_report(result, config.report_file, videos=not config.no_videos, progress=drawn)
    result = replace(result, wall_s=time.monotonic() - began)
    write_bytes(config.numbers_file, (json.dumps(result.as_dict(), indent=2) + "\n").encode())
    return result


def _make_room(config: DemoConfig) -> None:
    config.recordings.mkdir(parents=True, exist_ok=True)
    for path in recordings_in(config.recordings):
        path.unlink()


class _Stages:
    """Numbered progress bars, one per stage."""

    def __init__(self, shown: bool) -> None:
        self._shown, self._number = shown, 0

    def title(self, what: str) -> str:
        self._number += 1
        return f"{self._number}/{_STAGES} {what:<10}"

    def __call__(self, what: str, unit: str = "step") -> AbstractContextManager[Progress]:
        return progress_bar(self.title(what), unit, shown=self._shown)


def _play(config: DemoConfig, policy: Policy, env: Env, stage: AbstractContextManager[Progress]) -> list[EpisodeRecord]:
    """Play the episodes of one run."""
    with stage as progress:
        return record_episodes(
            policy, env, config.episodes, seed=config.seed, items=OBJECT_SETS["basic"], progress=progress
        )


def _simulate_replays(config: DemoConfig, policy: Policy, stage: AbstractContextManager[Progress]) -> list[Trajectory]:
    """Simulate the episodes whose targets will be replayed on the hand."""
    with stage as progress:
        return simulate(policy, _REPLAYS, seed=config.seed, progress=progress)


def _collect(
    config: DemoConfig, player: EnvPlayer, replays: list[Trajectory], title: str, progress: bool
) -> list[Trajectory]:
    """Fill up the recordings with replays, and read all of them back."""
    options = CollectOptions(minutes=config.data_minutes, seed=config.seed)
    about = _about(config)
    collect(player, config.recordings, options, replays=replays, about=about, label=title, progress=progress)
    return [trajectory for path in recordings_in(config.recordings) for trajectory in read_recording(path)]


def _about(config: DemoConfig) -> dict[str, str]:
    return {"hand": f"virtual hand {config.hand_seed}"}


def _fit(
    sim_model: JointwiseModel, trajectories: list[Trajectory], stage: AbstractContextManager[Progress]
) -> FittedModels:
    options = FitOptions()
    with stage as progress:
        hand_model, report = fit_trajectories(trajectories, start=sim_model, options=options, progress=progress)
    _, unseen = split(trajectories, options.held_out, options.seed)
    windows = WindowSet(unseen)
    return FittedModels(
        sim=sim_model,
        hand=hand_model,
        report=report,
        joint_error_before=joint_errors(sim_model, windows),
        joint_error_after=joint_errors(hand_model, windows),
    )


def joint_errors(model: JointwiseModel, windows: WindowSet) -> FloatArray:
    """One-step error of each joint, rms, (16,), rad."""
    return one_step_errors(model, windows).square().mean(dim=1).sqrt().double().numpy()
