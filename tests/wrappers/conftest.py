"""Models that are exact for ``WeakServos``, so that the right correction is known in closed form."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from dexndm_gym.backends.weak_servos import NOMINAL_SHARE
from dexndm_gym.dynamics.model import JointwiseModel, ModelConfig


def make_exact_model(stiffness: float, **config: Any) -> JointwiseModel:
    """Predicts that a joint covers its share of the way to its target."""
    model = JointwiseModel(ModelConfig(physics="none", hidden=(1,), **config))
    model.forget_network()
    with torch.no_grad():
        model.linear.weight[:, -1] = NOMINAL_SHARE * stiffness  # the last input is the target, from where the joint is
    return model


@pytest.fixture(scope="session")
def exact_model() -> Callable[..., JointwiseModel]:
    """Makes the model of servos of some stiffness."""
    return make_exact_model


@pytest.fixture(scope="session")
def weak_model() -> JointwiseModel:
    """Of a hand with 0.8 times the stiffness."""
    return make_exact_model(0.8)


@pytest.fixture(scope="session")
def nominal_model() -> JointwiseModel:
    return make_exact_model(1.0)
