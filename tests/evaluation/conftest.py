"""Policies that need no training, and a comparison made up by hand."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

import dexndm_gym  # noqa: F401  # registers the environments
from dexndm_gym.dynamics.fit import FitReport
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.dynamics.prediction_errors import PredictionErrors
from dexndm_gym.evaluation.demo.demo_result import DemoResult, FittedModels
from dexndm_gym.evaluation.episodes import EpisodeRecord
from dexndm_gym.grasps.palm_rest import PALM_REST_CENTER, START_POSE


def made_up(item: str, speed: float, steps: int = 40, dropped: bool = False) -> EpisodeRecord:
    """An episode in which the object turns at a constant speed."""
    time = 0.05 * np.arange(steps + 1)
    wave = START_POSE + 0.1 * np.sin(3 * time)[:, None]
    half = 0.5 * speed * time
    pose = np.column_stack([np.tile(PALM_REST_CENTER, (steps + 1, 1)), np.cos(half), 0 * half, 0 * half, np.sin(half)])
    return EpisodeRecord(
        object=item,
        position=wave,
        target=wave[1:],
        command=wave[1:] + 0.01,
        object_pose=pose,
        rotation=speed * time,
        metrics={"RotR": speed * steps, "RotP": 0.1, "TTF": steps / 400},
        dropped=dropped,
    )


@pytest.fixture
def compare() -> Callable[..., DemoResult]:
    def make(sim: float = 1.0, direct: float = 0.5, corrected: float = 0.9) -> DemoResult:
        torch.manual_seed(0)
        errors = PredictionErrors(one_step_rms=0.002, ten_steps=float("nan"), open_loop=float("nan"))
        report = FitReport(
            stay=errors,
            start=errors,
            fitted=errors,
            joint_one_step_rms=(0.002,) * 16,
            trajectories=9,
            held_out_trajectories=1,
            data_minutes=3.0,
            epochs=2,
            wall_s=1.0,
        )
        models = FittedModels(
            sim=JointwiseModel(),
            hand=JointwiseModel(),
            report=report,
            joint_error_before=np.full(16, 0.003),
            joint_error_after=np.full(16, 0.002),
        )
        speeds = {"sim": sim, "direct": direct, "corrected": corrected}
        items = ("cylinder", "cube")
        return DemoResult(
            hand_seed=7,
            runs={run: [made_up(item, speed) for item in items] for run, speed in speeds.items()},
            models=models,
            data_minutes=3.0,
            wall_s=12.0,
        )

    return make
