"""Where the fingertips are."""

import mujoco
import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.hand.model import TIP_NAMES, build_hand, joint_indices


class Fingertips:
    """Positions of the four fingertips of any joint angles."""

    def __init__(self) -> None:
        """Compile the hand."""
        self._model = build_hand(None).compile()
        self._data = mujoco.MjData(self._model)
        self._joints, _ = joint_indices(self._model)
        self._sites = [self._model.site(name).id for name in TIP_NAMES]

    def positions(self, joints: FloatArray) -> FloatArray:
        """Of joint angles (n, 16), rad: (n, 4, 3), hand frame, m."""
        tips = np.empty((len(joints), len(self._sites), 3))
        for row, tip in zip(joints, tips, strict=True):
            self._data.qpos[self._joints] = row
            mujoco.mj_kinematics(self._model, self._data)
            tip[:] = self._data.site_xpos[self._sites]
        return tips
