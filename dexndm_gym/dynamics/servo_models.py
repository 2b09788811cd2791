"""Rival predictors of a logged servo: it stays, a black-box joint-wise model, physics, and physics plus joint-wise."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from dexndm_gym.data.servo_logs import ServoTicks
from dexndm_gym.data.trajectory import CONTROL_HZ, Trajectory
from dexndm_gym.dynamics.fit import FitOptions, fit_trajectories
from dexndm_gym.dynamics.measures import roll_out
from dexndm_gym.dynamics.model import JointwiseModel, ModelConfig
from dexndm_gym.dynamics.servo_physics import Pendulum, ServoPhysics, ServoState, advance, observe
from dexndm_gym.dynamics.windows import WindowSet
from dexndm_gym.leap.joints import FloatArray

IntArray = npt.NDArray[np.int64]

_CONFIG = ModelConfig(joint_names=("servo",), physics=False)
_STATE = tuple(field.name for field in fields(ServoState))


class ServoPredictor(Protocol):
    """Predicts logged servos from some moments on, knowing the past and the commands to come."""

    def predict(self, ticks: ServoTicks, starts: IntArray, periods: int) -> FloatArray:
        """Run open loop.

        Args:
            ticks: the logs; positions after a start are not looked at.
            starts: (k,) control periods to start from.
            periods: how many periods to predict.

        Returns:
            Positions (k, periods, n), rad.
        """
        ...


class StayingServo:
    """The joint stays where it is."""

    def predict(self, ticks: ServoTicks, starts: IntArray, periods: int) -> FloatArray:
        """See ``ServoPredictor``."""
        return np.repeat(ticks.position[starts][:, None], periods, axis=1)


class BlackBoxServo:
    """A joint-wise model that knows nothing of physics, gains or torque switches."""

    def __init__(self, ticks: ServoTicks, *, epochs: int = 8, seed: int = 0) -> None:
        """Fit to logs."""
        options = FitOptions(epochs=epochs, seed=seed)
        self._model, _ = fit_trajectories(ticks.trajectories(), config=_CONFIG, options=options)

    def predict(self, ticks: ServoTicks, starts: IntArray, periods: int) -> FloatArray:
        """See ``ServoPredictor``."""
        windows = WindowSet(ticks.trajectories(), self._model.config.window)
        index = starts[:, None] + len(ticks.goal) * np.arange(len(ticks.gain))
        predicted = roll_out(self._model, windows, torch.from_numpy(index.ravel()), periods)
        return predicted[0].numpy().astype(np.float64).reshape(*index.shape, periods).swapaxes(1, 2)


class PhysicalServo:
    """Servo physics, and on top of it, once fitted, a joint-wise model of what the physics misses.

    That model sees, instead of targets, the positions that the physics predicted. Its output for a joint at rest is
    subtracted, so that it never moves a joint that physics holds still, and it is silent while the motor is off: it
    knows joints that follow targets. It counts only as far as it helped on motions of a kind that it had not seen.
    """

    def __init__(self, servo: ServoPhysics, pendulum: Pendulum) -> None:
        """Start from physics alone."""
        self._servo, self._pendulum = servo, pendulum
        self._model: JointwiseModel | None = None
        self._trust = 0.0

    @property
    def trust(self) -> float:
        """Factor on the joint-wise model, 0 to 1."""
        return self._trust

    def learn_the_rest(self, kinds: Sequence[ServoTicks], *, epochs: int = 10, seed: int = 0) -> None:
        """Fit the joint-wise model to what the physics misses on logs.

        Args:
            kinds: the logs of each kind of motion. Models fitted without one kind say, on that kind, how far to trust
                the model fitted to all; with one kind only, it is trusted fully.
            epochs: passes over the data.
            seed: of the network.
        """
        rests = [self._rest(ticks) for ticks in kinds]
        self._trust = 1.0
        if len(rests) > 1:
            agreement = power = 0.0
            for left_out, rest in enumerate(rests):
                found, truth = rest.predicted_by(_fit(rests[:left_out] + rests[left_out + 1 :], epochs, seed))
                agreement, power = agreement + float((found * truth).sum()), power + float(found.square().sum())
            self._trust = min(max(agreement / max(power, 1e-12), 0.0), 1.0)
        self._model = _fit(rests, epochs, seed)

    def _rest(self, ticks: ServoTicks) -> "_Rest":
        _, predicted = observe(self._servo, self._pendulum, ticks)
        columns = range(len(ticks.gain))
        return _Rest(
            [Trajectory(ticks.position[:, [i]], predicted[:, [i]]) for i in columns], ticks.torque_on.all(axis=1).T
        )

    def predict(self, ticks: ServoTicks, starts: IntArray, periods: int) -> FloatArray:
        """See ``ServoPredictor``."""
        states, predicted = observe(self._servo, self._pendulum, ticks)
        state = ServoState(*(np.array([getattr(states[start], name) for start in starts]) for name in _STATE))
        past = np.arange(1 - _CONFIG.window, 1)
        position = ticks.position[np.maximum(starts[:, None] + past, 0)]
        expected = predicted[np.maximum(starts[:, None] + past[:-1], 0)]
        positions = []
        for period in range(periods):
            goal, torque_on = (values[starts + period].swapaxes(0, 1) for values in (ticks.goal, ticks.torque_on))
            state = advance(self._servo, self._pendulum, state, goal, torque_on, ticks.gain)
            if self._model is not None:
                expected = np.concatenate((expected, state.position[:, None]), axis=1)
                missing = self._trust * _missing(self._model, position, expected) * torque_on.all(axis=0)
                state = ServoState(
                    state.position + missing, state.velocity + CONTROL_HZ * missing, state.load, state.push
                )
                position = np.concatenate((position[:, 1:], state.position[:, None]), axis=1)
                expected = expected[:, 1:]
            positions.append(state.position)
        return np.stack(positions, axis=1)


def _beyond_rest(model: JointwiseModel, position: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
    """What physics misses in windows (1, n, W), as (1, n) rad."""
    still = position[..., -1:].expand_as(position)
    return model(position, expected) - model(still, still)


@torch.no_grad()
def _missing(model: JointwiseModel, position: FloatArray, expected: FloatArray) -> FloatArray:
    """The same for windows (k, W, n), as (k, n) rad."""
    windows = [
        torch.tensor(values.swapaxes(1, 2).reshape(1, -1, values.shape[1]), dtype=torch.float32)
        for values in (position, expected)
    ]
    return _beyond_rest(model, *windows)[0].numpy().astype(np.float64).reshape(len(position), -1)


@dataclass(frozen=True)
class _Rest:
    """What physics misses on some logs: one trajectory per log, and when its motor was on, (logs, T)."""

    trajectories: list[Trajectory]
    driven: npt.NDArray[np.bool_]

    @torch.no_grad()
    def predicted_by(self, model: JointwiseModel) -> tuple[torch.Tensor, torch.Tensor]:
        """What a model says that physics misses while the motor is on, and what it does miss, (samples,) rad each."""
        position, expected, following = WindowSet(self.trajectories, _CONFIG.window).gather(self.index())
        return _beyond_rest(model, position, expected).ravel(), (following - expected[..., -1]).ravel()

    def index(self) -> torch.Tensor:
        """Windows during which the motor is on."""
        return torch.from_numpy(np.flatnonzero(self.driven))


def _fit(rests: Sequence[_Rest], epochs: int, seed: int) -> JointwiseModel:
    windows = WindowSet([one for rest in rests for one in rest.trajectories], _CONFIG.window)
    driven = np.concatenate([rest.driven.ravel() for rest in rests])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = JointwiseModel(_CONFIG)
        model.normalise_to(windows)
        torch.nn.init.zeros_(model.head.weight)
        torch.nn.init.zeros_(model.linear.weight)
        _train(model, windows, torch.from_numpy(np.flatnonzero(driven)), epochs)
    return model


def _train(model: JointwiseModel, windows: WindowSet, index: torch.Tensor, epochs: int) -> None:
    batch, rate = 256, 3e-3
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1.0)
    steps = epochs * -(-len(index) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    for _ in range(epochs):
        for chosen in index[torch.randperm(len(index))].split(batch):
            position, expected, following = windows.gather(chosen)
            error = _beyond_rest(model, position, expected) - (following - expected[..., -1])
            optimiser.zero_grad()
            (error / model.step).square().mean().backward()
            optimiser.step()
            schedule.step()
