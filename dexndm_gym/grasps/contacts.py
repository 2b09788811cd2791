"""What touches what in the simulations of a batch."""

import mujoco
import numpy as np
from mujoco.batch import Batch

from dexndm_gym.arrays import FloatArray


def contacts(batch: Batch, i: int) -> tuple[mujoco.MjModel, mujoco.MjData]:
    """Simulation ``i`` with the contacts of its present state."""
    model, data = batch.get_model(i), batch.get_data(i)
    mujoco.mj_fwdPosition(model, data)
    return model, data


def penetration(batch: Batch) -> FloatArray:
    """How far bodies are inside each other where they are most so, (n,), m; 0 where none touch."""
    model, data = batch.get_model(0), batch.get_data(0)
    deepest = np.zeros(batch.nsim)
    for i in range(batch.nsim):
        mujoco.mj_fwdPosition(batch.get_model(i, model), batch.get_data(i, data))
        deepest[i] = -data.contact.dist.min(initial=0.0)
    return deepest
