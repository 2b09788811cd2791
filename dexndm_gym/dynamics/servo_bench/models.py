"""Predictors of a logged servo: it stays, a black-box joint-wise model, physics, and physics plus that model."""

from dataclasses import fields
from typing import Protocol

import numpy as np
import torch

from dexndm_gym.arrays import FloatArray, IntArray
from dexndm_gym.constants import CONTROL_HZ
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.dynamics.fit import FitOptions, fit_trajectories
from dexndm_gym.dynamics.model import JointwiseModel, ModelConfig
from dexndm_gym.dynamics.prediction_errors import roll_out
from dexndm_gym.dynamics.servo_bench.logs import ServoTicks
from dexndm_gym.dynamics.servo_bench.physics import Pendulum, ServoPhysics, ServoState, advance, observe
from dexndm_gym.dynamics.windows import WindowSet

_CONFIG = ModelConfig(joint_names=("servo",), physics="none", hidden=(64, 64))
_KNOWN_STEPS = 0.98
"""Share of the steps learned from that bounds those on which the network has a say."""

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

    That model sees, instead of commands, the positions that the physics predicted. Its output for a joint at rest is
    subtracted, so that it never moves a joint that physics holds still, and it is silent while the motor is off: it
    knows joints that follow commands. A network has no say beyond what it has seen: it is silent where physics expects
    a larger step than nearly all that it learned from, and never adds more than physics missed there on average.
    Without these two bounds it makes fast motions worse after learning from slow ones, when a kind of the training logs
    is left out as well as when a kind is held out for the test.

    Attributes:
        servo: the parameters of the physics.
    """

    def __init__(self, servo: ServoPhysics, pendulum: Pendulum) -> None:
        """Start from physics alone."""
        self.servo, self._pendulum = servo, pendulum
        self._model: JointwiseModel | None = None
        self._largest_step = self._largest_addition = 0.0

    def learn_the_rest(self, ticks: ServoTicks, *, epochs: int = 10, seed: int = 0) -> None:
        """Fit the joint-wise model to what the physics misses on logs."""
        _, predicted = observe(self.servo, self._pendulum, ticks)
        driven = ticks.torque_on.all(axis=1)
        self._largest_step = float(np.quantile(np.abs(predicted - ticks.position[:-1])[driven], _KNOWN_STEPS))
        self._largest_addition = float(np.sqrt(np.mean((ticks.position[1:] - predicted)[driven] ** 2)))
        windows = WindowSet(
            [Trajectory(ticks.position[:, [i]], predicted[:, [i]]) for i in range(len(ticks.gain))], _CONFIG.window
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = JointwiseModel(_CONFIG)
            model.normalize_to(windows)
            model.forget_network()
            _train(model, windows, torch.from_numpy(np.flatnonzero(driven.T)), epochs)
        self._model = model

    def predict(self, ticks: ServoTicks, starts: IntArray, periods: int) -> FloatArray:
        """See ``ServoPredictor``."""
        states, predicted = observe(self.servo, self._pendulum, ticks)
        state = ServoState(*(np.array([getattr(states[start], name) for start in starts]) for name in _STATE))
        past = np.arange(1 - _CONFIG.window, 1)
        position = ticks.position[np.maximum(starts[:, None] + past, 0)]
        expected = predicted[np.maximum(starts[:, None] + past[:-1], 0)]
        positions = []
        for period in range(periods):
            goal, torque_on = (values[starts + period].swapaxes(0, 1) for values in (ticks.goal, ticks.torque_on))
            state = advance(self.servo, self._pendulum, state, goal, torque_on, ticks.gain)
            if self._model is not None:
                expected = np.concatenate((expected, state.position[:, None]), axis=1)
                missing = _missing(self._model, position, expected) * torque_on.all(axis=0)
                missing *= np.abs(expected[:, -1] - position[:, -1]) < self._largest_step
                missing = np.clip(missing, -self._largest_addition, self._largest_addition)
                faster = CONTROL_HZ * missing
                state = ServoState(
                    position=state.position + missing,
                    velocity=state.velocity + faster,
                    mass_position=state.mass_position + missing,
                    mass_velocity=state.mass_velocity + faster,
                    push=state.push,
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


def _train(model: JointwiseModel, windows: WindowSet, index: torch.Tensor, epochs: int) -> None:
    batch, rate = 256, 3e-3
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1.0)
    steps = epochs * -(-len(index) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    for _ in range(epochs):
        for chosen in index[torch.randperm(len(index))].split(batch):
            position, expected, following = windows.gather(chosen)
            error = _beyond_rest(model, position, expected) - (following - expected[..., -1])
            optimizer.zero_grad()
            (error / model.step).square().mean().backward()
            optimizer.step()
            schedule.step()
