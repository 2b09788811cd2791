"""Start states on the device, drawn for all worlds at once."""

from collections.abc import Sequence
from typing import NamedTuple

import mujoco
import numpy as np
import torch
from torch import Tensor

from dexndm_gym.arrays import FloatArray
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.start_states import SAME_DIRECTION, StartStates
from dexndm_gym.hand.model import TIP_NAMES, joint_indices

_SIX = tuple((*vector,) for vector in np.concatenate([np.eye(3), -np.eye(3)]).tolist())


class Starts(NamedTuple):
    """States at rest of n hands, float32."""

    joints: Tensor
    """(n, 16), rad."""

    target: Tensor
    """(n, 16), rad."""

    object_pose: Tensor
    """(n, 7), hand frame, m and quaternion w x y z."""

    scale: Tensor
    """Factor on the object's size, (n, 1)."""

    tips: Tensor
    """Positions of the fingertips, (n, 12), hand frame, m."""

    def where(self, mask: Tensor, other: "Starts") -> "Starts":
        """These where ``mask``, (n,) bool, says so, and others elsewhere."""
        return Starts(*(torch.where(mask[:, None], mine, theirs) for mine, theirs in zip(self, other, strict=True)))


class StartTable:
    """Rows by object and direction of gravity."""

    def __init__(self, names: Sequence[str], starts: StartStates, model: mujoco.MjModel, device: torch.device) -> None:
        """Copy the states of these objects to the device.

        Args:
            names: the objects of the run, in order.
            starts: where to take states from.
            model: the hand, to find its fingertips.
            device: where tensors go.

        Raises:
            ConfigurationError: an object has no state that holds it whichever way gravity pulls, nor states for each
                of the six directions along the axes.
        """
        found = {name: dict(starts.of_object(name)) for name in names}
        for name, rows in found.items():
            if None not in rows and not all(starts.count(name, direction) for direction in _SIX):
                raise ConfigurationError(
                    f"There are no start states that hold {name!r} in every wrist orientation; look for some with: "
                    f"dexndm grasps --object {name}"
                )
        directions = sorted({direction for rows in found.values() for direction in rows if direction is not None})
        blocks = [found[name].get(key, np.empty((0, 40))) for name in names for key in (None, *directions)]
        rows = np.concatenate(blocks)
        counts = np.array([len(block) for block in blocks])
        shape = (len(names), 1 + len(directions))
        self._rows = torch.tensor(np.hstack([rows, _fingertips(rows, model)]), dtype=torch.float32, device=device)
        self._count = torch.tensor(counts.reshape(shape), device=device)
        self._first = torch.tensor((np.cumsum(counts) - counts).reshape(shape), device=device)
        unit = np.reshape(directions, (-1, 3)) / np.linalg.norm(np.reshape(directions, (-1, 3)), axis=1, keepdims=True)
        self._directions = torch.tensor(unit, dtype=torch.float32, device=device)

    def draw(self, index: Tensor, gravity: Tensor, chance: Tensor) -> Starts:
        """Draw a state for each world.

        Where gravity lies within 2 degrees of a direction that states were found for, one of them; else one of those
        for any direction; where an object has none of these, one of the nearest direction.

        Args:
            index: objects, (n,) long.
            gravity: (n, 3), hand frame.
            chance: uniform in [0, 1), (n,).
        """
        count, first = self._count[index], self._first[index]
        slot = torch.zeros_like(index)
        if len(self._directions):
            # no matrix product: where one is rounded to TF32, 2 degrees are too little to tell
            cosine = (torch.nn.functional.normalize(gravity, dim=1)[:, None] * self._directions).sum(dim=2)
            cosine = torch.where(count[:, 1:] > 0, cosine, -2.0)
            best, nearest = cosine.max(dim=1)
            slot = torch.where((best > SAME_DIRECTION) | (count[:, 0] == 0), nearest + 1, slot)
        count, first = (x.gather(1, slot[:, None])[:, 0] for x in (count, first))
        row = self._rows[first + torch.minimum((chance * count).long(), count - 1)]
        return Starts(*row.split((16, 16, 7, 1, 12), dim=1))


def _fingertips(rows: FloatArray, model: mujoco.MjModel) -> FloatArray:
    """Positions of the fingertips in start states, (k, 12), hand frame, m."""
    data, (joints, _) = mujoco.MjData(model), joint_indices(model)
    sites = [model.site(name).id for name in TIP_NAMES]
    tips = np.empty((len(rows), 12))
    for row, tip in zip(rows, tips, strict=True):
        data.qpos[joints] = row[:16]
        mujoco.mj_kinematics(model, data)
        tip[:] = data.site_xpos[sites].ravel()
    return tips
