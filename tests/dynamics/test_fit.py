import copy
import json
import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dexndm_gym.data.recording import RecordingWriter
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.dynamics.fit import FitOptions, fit_recordings, fit_trajectories, split
from dexndm_gym.dynamics.model import JointwiseModel, ModelConfig
from dexndm_gym.dynamics.prediction_errors import measure, roll_out, stay
from dexndm_gym.dynamics.training import Progress, portions
from dexndm_gym.dynamics.windows import WindowSet
from dexndm_gym.errors import ConfigurationError, ModelMismatchError

QUICK = FitOptions(epochs=2, batch=128)


def test_fit_learns_a_plant_fine_tuning_another(weak_trajectories: list[Trajectory], sim_model: JointwiseModel) -> None:
    _, report = fit_trajectories(weak_trajectories, start=sim_model, options=FitOptions(epochs=15, batch=128))
    assert report.start is not None
    assert report.start.one_step_rms > 2 * report.fitted.one_step_rms
    assert report.fitted.one_step_rms < 0.2 * report.stay.one_step_rms
    assert report.fitted.open_loop < 0.2 * report.stay.open_loop
    assert (report.trajectories, report.held_out_trajectories) == (22, 2)
    assert report.data_minutes == pytest.approx(4.0)
    json.dumps(report.as_dict())


def test_few_recordings_gain_from_the_simulation(
    weak_trajectories: list[Trajectory], sim_model: JointwiseModel
) -> None:
    options = FitOptions(epochs=10, batch=64)
    few, unseen = weak_trajectories[:3], WindowSet(weak_trajectories[3:])
    tuned, _ = fit_trajectories(few, start=sim_model, options=options)
    fresh, _ = fit_trajectories(few, config=sim_model.config, options=options)
    assert measure(tuned, unseen).one_step_rms < measure(fresh, unseen).one_step_rms


def test_seed_decides_the_model_start_stays(weak_trajectories: list[Trajectory], sim_model: JointwiseModel) -> None:
    before = {name: tensor.clone() for name, tensor in sim_model.state_dict().items()}
    random_state = torch.get_rng_state()
    first, again = (fit_trajectories(weak_trajectories, start=sim_model, options=QUICK)[0] for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), again.state_dict().values(), strict=True))
    assert all(torch.equal(before[name], tensor) for name, tensor in sim_model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random_state)


def test_a_fit_never_ends_worse_than_it_began(sim_trajectories: list[Trajectory], sim_model: JointwiseModel) -> None:
    wild = FitOptions(epochs=1, batch=8, learning_rate=5.0)
    _, report = fit_trajectories(sim_trajectories, start=sim_model, options=wild)
    assert report.start is not None
    # Physics are identified anew, by half-second runs and not by single steps, so it is not exactly what it was.
    assert report.fitted.one_step_rms == pytest.approx(report.start.one_step_rms, rel=0.02)


def test_open_loop_uses_true_targets_and_predicted_positions() -> None:
    command = np.arange(6.0)[:, None]
    trajectory = Trajectory(np.zeros((7, 1)), command)
    windows = WindowSet([trajectory], window=3)
    predicted = roll_out(
        lambda position, command: command[..., -1] - position[..., -1], windows, torch.tensor([1, 2]), 3
    )
    assert predicted[0].tolist() == [[1, 2, 3], [2, 3, 4]]
    assert measure(stay, windows).one_step_rms == 0.0


def test_recordings_are_fitted_with_their_names_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with RecordingWriter(tmp_path / "hand.h5") as writer:
        for _ in range(3):
            writer.begin_trajectory()
            for position in rng.normal(size=(30, 16)):
                writer.append(position, position)
            writer.end_trajectory(np.zeros(16))
    seen: list[tuple[int, int]] = []
    model, report = fit_recordings(
        [tmp_path / "hand.h5"], options=QUICK, progress=lambda done, total, note: seen.append((done, total))
    )
    assert model.config.provenance["recordings"] == ["hand.h5"]
    assert seen == [(0, 2), (1, 2), (2, 2)]
    assert (report.trajectories, report.held_out_trajectories, report.epochs) == (2, 1, 2)


def test_physics_come_from_motion_without_an_object(
    sim_trajectories: list[Trajectory], weak_trajectories: list[Trajectory], sim_model: JointwiseModel
) -> None:
    held = [Trajectory(one.position, one.command, {"mode": "policy"}) for one in sim_trajectories]
    start = copy.deepcopy(sim_model)
    start.config = replace(sim_model.config, physics="alone")
    alone, mixed, only_held = (
        fit_trajectories(data, start=start, options=FitOptions(held_out=0.05))[0].physics[:, 0]
        for data in (weak_trajectories, weak_trajectories + held, held)
    )
    off = (only_held - alone).abs()
    assert (off > 0.1 * alone).all(), "with nothing else, they have to do"
    assert ((mixed - alone).abs() < 0.2 * off).all(), "others than those held out make a little difference"


def test_network_beside_physics_learns_as_if_alone(sim_trajectories: list[Trajectory]) -> None:
    alone, beside = (
        fit_trajectories(
            sim_trajectories[:6], config=ModelConfig(joint_names=("a", "b"), physics=physics), options=QUICK
        )[0].state_dict()
        for physics in ("none", "beside")
    )
    assert {name for name in alone if not torch.equal(alone[name], beside[name])} == {"physics"}


def test_a_fit_without_epochs_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="epochs must be"):
        FitOptions(epochs=0)


def test_killed_fit_resumes_to_the_same_end(
    weak_trajectories: list[Trajectory], sim_model: JointwiseModel, tmp_path: Path
) -> None:
    checkpoint, options = tmp_path / "fit.checkpoint", FitOptions(epochs=4, batch=128, buffer=900)

    def killed(done: int, total: int, note: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    def weights(progress: Progress | None, file: Path | None, options: FitOptions = options) -> list[torch.Tensor]:
        model, _ = fit_trajectories(
            weak_trajectories, start=sim_model, options=options, checkpoint=file, progress=progress
        )
        return list(model.state_dict().values())

    whole, told = weights(None, None), list[int]()
    with pytest.raises(KeyboardInterrupt):
        weights(killed, checkpoint)
    kept = checkpoint.read_bytes()
    resumed = weights(lambda done, total, note: told.append(done), checkpoint)
    assert told == [0, 3, 4]
    assert all(torch.equal(a, b) for a, b in zip(whole, resumed, strict=True))
    assert not checkpoint.exists()
    checkpoint.write_bytes(kept)
    told.clear()
    weights(lambda done, total, note: told.append(done), checkpoint, replace(options, epochs=2))
    assert told == [0, 1, 2], "a checkpoint of another fit is of no use"


def test_a_fit_to_other_recordings_begins_anew(weak_trajectories: list[Trajectory], tmp_path: Path) -> None:
    start, told = JointwiseModel(ModelConfig(joint_names=("a", "b"), physics="none")), list[int]()
    checkpoint, options = tmp_path / "fit.checkpoint", FitOptions(epochs=2, batch=128)
    other = [replace(one, position=one.position + 0.01) for one in weak_trajectories]

    def killed(done: int, total: int, note: str) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_trajectories(weak_trajectories, start=start, options=options, checkpoint=checkpoint, progress=killed)
    fit_trajectories(
        other, start=start, options=options, checkpoint=checkpoint, progress=lambda *at: told.append(at[0])
    )
    assert told == [1, 2]


class OnDisk(Sequence[Trajectory]):
    """Copies what is asked for, and knows how much of it is held by someone."""

    def __init__(self, trajectories: list[Trajectory]) -> None:
        self._trajectories, self.held, self.most = trajectories, 0, 0

    def __len__(self) -> int:
        return len(self._trajectories)

    def __getitem__(self, index: Any) -> Any:
        one = self._trajectories[index].cut(0, len(self._trajectories[index]))
        self.held += len(one)
        self.most = max(self.most, self.held)
        weakref.finalize(one, self._released, len(one))
        return one

    def _released(self, periods: int) -> None:
        self.held -= periods


def test_memory_holds_no_more_than_the_buffer(weak_trajectories: list[Trajectory], sim_model: JointwiseModel) -> None:
    data = OnDisk(weak_trajectories)
    assert sum(map(len, weak_trajectories)) == 4800
    options = FitOptions(epochs=3, batch=64, buffer=1000)
    streamed, report = fit_trajectories(data, start=sim_model, options=options)
    assert data.most <= 1000 + 200, "and one trajectory on its way"
    unseen = WindowSet(weak_trajectories)
    assert measure(streamed, unseen).one_step_rms < 0.7 * measure(sim_model, unseen).one_step_rms
    assert report.data_minutes == pytest.approx(4.0)


def test_portions_hold_every_trajectory_once() -> None:
    assert list(portions([3, 4, 5, 9], [2, 0, 3, 1], 8)) == [[2, 0], [3], [1]]


def test_a_single_trajectory_is_cut_in_time(sim_trajectories: list[Trajectory]) -> None:
    training, held_out = split(sim_trajectories[:1], 0.1, seed=0)
    assert ([len(part) for part in training], [len(part) for part in held_out]) == ([180], [20])


def test_unusable_data_is_refused(sim_trajectories: list[Trajectory], sim_model: JointwiseModel) -> None:
    with pytest.raises(ConfigurationError, match="two control periods"):
        fit_trajectories([])
    with pytest.raises(ModelMismatchError, match="16 joints"):
        fit_trajectories(sim_trajectories)
    with pytest.raises(ConfigurationError, match="not both"):
        fit_trajectories(sim_trajectories, start=sim_model, config=ModelConfig())


def test_recordings_of_one_wrist_may_be_fitted_alone(tmp_path: Path) -> None:
    rng, file = np.random.default_rng(0), tmp_path / "two_wrists.h5"
    with RecordingWriter(file) as writer:
        for index in range(6):
            writer.begin_trajectory({"wrist": "palm_up" if index % 3 else "base_up"})
            for position in rng.normal(size=(30, 16)):
                writer.append(position, position)
            writer.end_trajectory(np.zeros(16))
    _, report = fit_recordings([file], options=QUICK, wrist="palm_up")
    assert report.trajectories + report.held_out_trajectories == 4
    with pytest.raises(ConfigurationError, match="base_up, palm_up"):
        fit_recordings([file], options=QUICK, wrist="thumb_up")
