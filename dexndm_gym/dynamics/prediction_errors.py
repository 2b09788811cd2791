"""How well a model predicts motion it has not seen: one step ahead, and open loop."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from dexndm_gym.constants import CONTROL_HZ
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.dynamics.windows import WindowSet

Predictor = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Maps position and command windows (joints, n, W) to the next step (joints, n), rad; a ``JointwiseModel`` is one."""

_CHUNK = 4096
"""Windows predicted together, to bound memory."""
_FEW = 10
"""Control periods of the shorter open-loop error."""


@dataclass(frozen=True, kw_only=True)
class PredictionErrors:
    """Errors of one model on held-out data, over all joints."""

    one_step_rms: float
    """Root mean square error of the position one control period (50 ms) ahead, rad."""

    ten_steps: float
    """Mean absolute error of the position while the model runs on its own predictions for ten control periods, rad; nan
    if no held-out trajectory lasts a second."""

    open_loop: float
    """The same over 1 s, rad."""

    def as_dict(self) -> dict[str, float]:
        """The same in the units people read: mrad and degrees."""
        return {
            "one_step_rms_mrad": 1e3 * self.one_step_rms,
            "one_step_rms_deg": math.degrees(self.one_step_rms),
            "ten_steps_mean_abs_mrad": 1e3 * self.ten_steps,
            "ten_steps_mean_abs_deg": math.degrees(self.ten_steps),
            "open_loop_1s_mean_abs_mrad": 1e3 * self.open_loop,
            "open_loop_1s_mean_abs_deg": math.degrees(self.open_loop),
        }


def stay(position: torch.Tensor, command: torch.Tensor) -> torch.Tensor:
    """The predictor to beat: every joint stays where it is."""
    return torch.zeros_like(position[..., -1])


@torch.no_grad()
def one_step_errors(model: Predictor, windows: WindowSet) -> torch.Tensor:
    """Prediction minus truth one control period ahead, (joints, windows), rad."""
    errors = []
    for index in torch.arange(len(windows)).split(_CHUNK):
        position, command, following = windows.gather(index)
        errors.append(position[..., -1] + model(position, command) - following)
    return torch.cat(errors, dim=1)


@torch.no_grad()
def roll_out(model: Predictor, windows: WindowSet, index: torch.Tensor, periods: int) -> torch.Tensor:
    """Let the model run open loop: true commands, its own predicted positions.

    Args:
        model: the predictor.
        windows: held-out data.
        index: (n,) windows to start from, out of ``windows.with_future(periods)``.
        periods: how many control periods.

    Returns:
        Predicted positions (joints, n, periods), rad.
    """
    position, command, _ = windows.gather(index)
    future, _ = windows.future(index, periods)
    predicted = []
    for period in range(periods):
        if period:
            command = torch.cat((command[..., 1:], future[..., period : period + 1]), dim=-1)
        following = position[..., -1] + model(position, command)
        predicted.append(following)
        position = torch.cat((position[..., 1:], following[..., None]), dim=-1)
    return torch.stack(predicted, dim=-1)


def measure(model: Predictor, windows: WindowSet, every: int = 5) -> PredictionErrors:
    """Measure a model on held-out windows.

    Args:
        model: a ``JointwiseModel`` or any other predictor.
        windows: held-out data.
        every: start an open-loop run at one in so many windows.
    """
    if isinstance(model, JointwiseModel):
        model.eval()
    periods = round(CONTROL_HZ)
    index = windows.with_future(periods, every)
    ten_steps = open_loop = math.nan
    if len(index):
        _, truth = windows.future(index, periods)
        missed = (roll_out(model, windows, index, periods) - truth).abs()
        ten_steps, open_loop = float(missed[..., :_FEW].mean()), float(missed.mean())
    return PredictionErrors(
        one_step_rms=float(one_step_errors(model, windows).square().mean().sqrt()),
        ten_steps=ten_steps,
        open_loop=open_loop,
    )
