"""Simulations taken apart and put together again, and after a fork."""

import multiprocessing
import pickle
from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.hand.mujoco_batch import Simulations
from dexndm_gym.hand.servo import SIM_SERVO
from dexndm_gym.objects.scene_model import build_spec


def falling(count: int = 3) -> Simulations:
    batch = Simulations(build_spec(SIM_SERVO, timestep=0.01).compile(), count, 2)
    batch.expand("body_mass")[:] *= np.linspace(0.5, 2.0, count)[:, None]
    batch.bind("site_xpos")
    batch.set_const()
    batch.step(nstep=20)
    return batch


def test_snapshot_goes_on_bit_for_bit() -> None:
    batch = falling()
    copies = [Simulations.of(pickle.loads(pickle.dumps(batch.snapshot()))), Simulations.of(batch.snapshot())]
    for one in copies:
        np.testing.assert_array_equal(one.bind("site_xpos"), batch.bind("site_xpos"))
    for _ in range(10):
        for one in (batch, *copies):
            one.step(nstep=5)
        for one in copies:
            np.testing.assert_array_equal(one.state, batch.state)


@pytest.mark.parametrize("copy", [deepcopy, pickle.dumps])
def test_bound_arrays_are_not_torn_off(copy: Any) -> None:
    with pytest.raises(ConfigurationError, match="bound"):
        copy(falling())


def _in_child(batch: Simulations, pipe: Any) -> None:
    try:
        batch.step()
    except ConfigurationError as error:
        pipe.send(str(error))
    del batch


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
def test_forked_child_gets_an_error_instead_of_hanging() -> None:
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=_in_child, args=(falling(), there), daemon=True)
    child.start()
    assert here.poll(60)
    assert "forked" in here.recv()
    child.join(60)
    assert child.exitcode == 0
