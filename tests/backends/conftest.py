"""A virtual hand in a process of its own, and drivers on its port."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from dexndm_gym.backends.dynamixel_config import DynamixelHandConfig
from dexndm_gym.backends.dynamixel_hand import DynamixelHand
from dexndm_gym.hardware.pacing import NoPacer
from dexndm_gym.objects.scene import Scene
from dexndm_gym.virtual_hand.client import VirtualHandProcess


@pytest.fixture
def process() -> Iterator[VirtualHandProcess]:
    with VirtualHandProcess(seed=0) as process:
        yield process


@pytest.fixture
def make(process: VirtualHandProcess) -> Iterator[Callable[..., DynamixelHand]]:
    """Makes hands on the virtual hand's port."""
    hands = []

    def make_hand(**options: Any) -> DynamixelHand:
        arguments = {
            "tracker": process,
            "operator": process,
            "pacer": NoPacer(),
            "config": DynamixelHandConfig(reply_timeout=0.02),
            "confirm_silence": process.settle,
        } | options
        hands.append(DynamixelHand(process.port, **arguments))
        return hands[-1]

    yield make_hand
    for hand in hands:
        hand.close()


@pytest.fixture
def hand(make: Callable[..., DynamixelHand]) -> DynamixelHand:
    """A hand in the start pose with an object in it."""
    hand = make()
    hand.reset(np.array([0]), [Scene()], np.random.default_rng(0))
    return hand
