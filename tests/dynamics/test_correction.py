import copy
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dexndm_gym.constants import HISTORY
from dexndm_gym.dynamics.correction import InverseConfig, JointwiseInverse
from dexndm_gym.dynamics.inverse_kernel import BLOCK_SIZE, tanh
from dexndm_gym.dynamics.model import JointwiseModel, ModelConfig, PhysicsRole
from dexndm_gym.errors import ConfigurationError, ModelMismatchError

MakeModel = Callable[..., JointwiseModel]

ROLES = get_args(PhysicsRole)


def drive(servos: Any, targets: np.ndarray, inverse: JointwiseInverse | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Play targets (ticks, n, joints) through the inverse; returns positions and corrections."""
    position = np.repeat(servos.read()[:, None], HISTORY, axis=1)
    past_target = past_command = position[:, 1:]
    positions, corrections = [], []
    for target in targets:
        to_send = target if inverse is None else inverse(position, past_target, past_command, target).command
        now = servos.step(to_send)
        positions.append(now)
        corrections.append(to_send - target)
        position = np.concatenate((position[:, 1:], now[:, None]), axis=1)
        past_target = np.concatenate((past_target[:, 1:], target[:, None]), axis=1)
        past_command = np.concatenate((past_command[:, 1:], to_send[:, None]), axis=1)
    return np.array(positions), np.array(corrections)


def as_kind(model: JointwiseModel, physics: PhysicsRole) -> JointwiseModel:
    """The same physics and weights, put together in another way."""
    other = copy.deepcopy(model)
    other.config = replace(model.config, physics=physics)
    return other


def random_window(count: int, joints: int = 16, scale: float = 0.2) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(5)
    return tuple(
        rng.normal(scale=scale, size=(count, steps, joints)) for steps in (HISTORY, HISTORY - 1, HISTORY - 1, 1)
    )


def test_tanh_of_compiled_code_is_tanh() -> None:
    values = np.linspace(-10.0, 10.0, 4001, dtype=np.float32)
    np.testing.assert_allclose([tanh(value) for value in values], np.tanh(values), atol=1e-5)
    assert np.isnan(tanh(np.float32(np.nan)))


@pytest.mark.parametrize("count", [1, 3, 700])
@pytest.mark.parametrize("physics", ROLES)
def test_equal_models_give_exactly_no_correction(make_model: MakeModel, count: int, physics: PhysicsRole) -> None:
    model = make_model(ModelConfig(physics=physics))
    position, past_target, _, target = random_window(count)
    correction = JointwiseInverse(model, copy.deepcopy(model))(position, past_target, past_target, target[:, 0])
    assert (correction.command == target[:, 0]).all()
    assert not correction.fallback.any()


def test_correction_does_not_depend_on_batch(weak_model: JointwiseModel, sim_model: JointwiseModel) -> None:
    inverse, inputs = JointwiseInverse(weak_model, sim_model), random_window(2 * BLOCK_SIZE - 100, joints=2, scale=0.05)
    together = inverse(*inputs[:3], inputs[3][:, 0]).command
    for hand in (0, BLOCK_SIZE - 1, BLOCK_SIZE, len(together) - 1):
        alone = inverse(*(values[hand : hand + 1] for values in inputs[:3]), inputs[3][hand : hand + 1, 0]).command
        np.testing.assert_allclose(alone[0], together[hand], atol=1e-5)


def test_equal_models_give_no_correction_over_episode(
    sim_model: JointwiseModel, toy_servos: Any, targets: np.ndarray
) -> None:
    _, corrections = drive(toy_servos(4), targets, JointwiseInverse(sim_model, sim_model))
    assert (corrections == 0.0).all()


@pytest.mark.parametrize("physics", ["alone", "beside", "none"])
def test_corrected_weak_servos_follow_simulation(
    sim_model: JointwiseModel,
    weak_model: JointwiseModel,
    toy_servos: Any,
    targets: np.ndarray,
    physics: PhysicsRole,
) -> None:
    models = [as_kind(model, physics) for model in (weak_model, sim_model)]
    simulated, _ = drive(toy_servos(4, seed=9), targets)
    weak = {"stiffness": 1.5, "friction": 0.05, "seed": 9}
    direct, _ = drive(toy_servos(4, **weak), targets)
    corrected, _ = drive(toy_servos(4, **weak), targets, JointwiseInverse(*models))
    assert np.abs(corrected - simulated).mean() < 0.5 * np.abs(direct - simulated).mean()


def test_blocked_joint_of_half_strength_gets_double_error(make_model: MakeModel) -> None:
    strong, weak = make_model(ModelConfig(physics="alone")), make_model(ModelConfig(physics="alone"))
    strong.physics[:] = torch.tensor([1.0, 0.05, 0.0, 0.0, 0.0, 0.0])
    weak.physics[:] = torch.tensor([0.5, 0.05, 0.0, 0.0, 0.0, 0.0])
    inverse = JointwiseInverse(weak, strong, InverseConfig(correction_weight=0.0, change_weight=0.0))
    blocked, asked = np.zeros((1, HISTORY, 16)), np.full((1, 16), 0.1)
    past = np.repeat(asked[:, None], HISTORY - 1, axis=1)
    # A little less, since the models see it let go, and the weaker one is also less stiff on its way.
    np.testing.assert_allclose(inverse(blocked, past, past, asked).command, 0.2, rtol=0.06)


@given(
    bound=st.floats(0.01, 0.5),
    rate_limit=st.floats(0.01, 0.5),
    correction_weight=st.floats(0, 1),
    change_weight=st.floats(0, 1),
    candidates=st.integers(2, 12),
)
def test_bound_and_rate_limit_hold_for_any_model(
    bound: float, rate_limit: float, correction_weight: float, change_weight: float, candidates: int
) -> None:
    config = InverseConfig(
        bound=bound,
        rate_limit=rate_limit,
        correction_weight=correction_weight,
        change_weight=change_weight,
        candidates=candidates,
    )
    torch.manual_seed(0)
    models = [JointwiseModel(ModelConfig(joint_names=("a", "b", "c"), hidden=(4,))) for _ in range(2)]
    position, past_target, noise, target = random_window(20, joints=3)
    past_command = past_target + np.clip(noise, -bound, bound)
    correction = (
        JointwiseInverse(*models, config)(position, past_target, past_command, target[:, 0]).command - target[:, 0]
    )
    assert np.abs(correction).max() <= bound * 1.0001
    assert np.abs(correction - (past_command - past_target)[:, -1]).max() <= rate_limit + 1e-6


def assert_best_is_found(real: JointwiseModel, sim: JointwiseModel) -> None:
    """Against a fine grid of corrections, each weighed by what the models themselves predict."""
    config = InverseConfig(bound=0.15, rate_limit=1.0, correction_weight=0.1, change_weight=0.1, candidates=49)
    position, past_target, _, target = random_window(50, joints=2, scale=0.05)
    windows = [torch.tensor(values.transpose(2, 0, 1), dtype=torch.float32) for values in (position, past_target)]

    def cost(model_target: np.ndarray, correction: np.ndarray) -> np.ndarray:
        """The objective, computed the slow way."""
        steps = []
        for model, last in ((real, model_target + correction), (sim, model_target)):
            newest = torch.tensor(last.T[..., None], dtype=torch.float32)
            steps.append(model(windows[0], torch.cat((windows[1], newest), dim=-1)).detach().numpy().T)
        return (steps[0] - steps[1]) ** 2 + (config.correction_weight**2 + config.change_weight**2) * correction**2

    now = target[:, 0]
    found = JointwiseInverse(real, sim, config)(position, past_target, past_target, now).command - now
    grid = [cost(now, np.full_like(now, value)) for value in np.linspace(-0.15, 0.15, 301)]
    best = np.min(grid, axis=0)
    # An error of 2 mrad weighs 4e-6.
    assert np.quantile(cost(now, found) - best, 0.9) < 4e-6
    assert cost(now, found).mean() < 1.02 * best.mean()


@pytest.mark.parametrize("physics", ["alone", "beside"])
def test_best_correction_within_bound_is_found(
    sim_model: JointwiseModel, weak_model: JointwiseModel, physics: PhysicsRole
) -> None:
    assert_best_is_found(as_kind(weak_model, physics), as_kind(sim_model, physics))


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_best_correction_is_found_in_deeper_networks(make_model: MakeModel, layers: int) -> None:
    config = ModelConfig(joint_names=("a", "b"), hidden=(6,) * layers, physics="none")
    models = [make_model(config, seed=seed) for seed in (1, 2)]
    with torch.no_grad():
        for model in models:
            for layer in (*model.layers, model.head):  # so that the network has the say, and not the linear path
                layer.weight *= 3.0
            model.linear.weight *= 0.1
    assert_best_is_found(*models)


@pytest.mark.parametrize("broken", range(4))
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("physics", ROLES)
def test_broken_inputs_fall_back_to_the_base_target(
    make_model: MakeModel, broken: int, value: float, physics: PhysicsRole
) -> None:
    real, sim = (make_model(ModelConfig(physics=physics), seed=seed) for seed in (0, 1))
    inputs = random_window(3)
    for array in inputs[1:3]:
        array[:] = inputs[1]
    whole = JointwiseInverse(real, sim)(*inputs[:3], inputs[3][:, 0])
    inputs = [array.copy() for array in inputs]
    inputs[broken][1, -1, 4] = value
    correction = JointwiseInverse(real, sim)(*inputs[:3], inputs[3][:, 0])
    assert correction.fallback.tolist() == [False, True, False]
    np.testing.assert_array_equal(correction.command[1], inputs[3][1, 0])
    np.testing.assert_allclose(correction.command[[0, 2]], whole.command[[0, 2]], atol=1e-6)


@pytest.mark.parametrize(
    ("physics", "broken"),
    [
        ("none", "network"),
        ("alone", "physics"),
        *itertools.product(("base", "beside"), ("network", "physics")),
    ],
)
def test_a_broken_model_falls_back(make_model: MakeModel, physics: PhysicsRole, broken: str) -> None:
    real, sim = (make_model(ModelConfig(physics=physics), seed=seed) for seed in (0, 1))
    with torch.no_grad():
        if broken == "network":
            real.head.weight[:] = torch.inf
        else:
            real.physics[7] = torch.nan
    position, past_target, past_command, target = random_window(2)
    correction = JointwiseInverse(real, sim)(position, past_target, past_command, target[:, 0])
    assert correction.fallback.all()
    assert (correction.command == target[:, 0]).all()


@pytest.mark.parametrize("wrong", range(4))
def test_windows_of_other_shapes_are_refused(make_model: MakeModel, wrong: int) -> None:
    position, past_target, past_command, target = random_window(3)
    inputs = [position, past_target, past_command, target[:, 0]]
    inputs[wrong] = inputs[wrong][:, ..., :5]
    inverse = JointwiseInverse(make_model(), make_model())
    with pytest.raises(ModelMismatchError, match=r"got .*5"):
        inverse(*inputs)
    assert inverse(position[:0], past_target[:0], past_command[:0], target[:0, 0]).command.shape == (0, 16)


@pytest.mark.parametrize("wrong", ["far", {}, [[0.1], [0.1, 0.2]]])
def test_windows_without_numbers_are_refused(make_model: MakeModel, wrong: Any) -> None:
    inverse = JointwiseInverse(make_model(), make_model())
    position, past_target, past_command, _ = random_window(3)
    with pytest.raises(ModelMismatchError, match="expected arrays"):
        inverse(position, past_target, past_command, wrong)


def test_mismatched_models_and_bad_options_are_refused(make_model: MakeModel) -> None:
    with pytest.raises(ModelMismatchError, match="elbow"):
        JointwiseInverse(make_model(), make_model(ModelConfig(joint_names=("elbow",))))
    for other in (ModelConfig(physics="alone"), ModelConfig(network="joint"), ModelConfig(hidden=(8,))):
        with pytest.raises(ModelMismatchError, match="different kinds"):
            JointwiseInverse(make_model(), make_model(other))
    JointwiseInverse(*(make_model(ModelConfig(physics="alone", network=network)) for network in ("shared", "joint")))
    for wrong in (
        {"bound": 0.0},
        {"rate_limit": -1.0},
        {"correction_weight": -0.1},
        {"candidates": 1},
        {"bound": float("nan")},
    ):
        with pytest.raises(ConfigurationError, match=f"{next(iter(wrong))} must be"):
            InverseConfig(**wrong)
