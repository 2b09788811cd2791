"""Whether fingers would press against each other or the palm in a pose, on the model of the empty hand."""

import mujoco
import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.hand.model import build_hand, joint_indices

DIGITS = ("palm", "index", "middle", "ring", "thumb")
"""Parts of the hand that may not meet: the palm, and four fingers of four joints each."""

DIGIT_OF_JOINT = 1 + np.arange(NUM_JOINTS) // 4
"""Which of DIGITS each joint moves, (16,)."""

OVERLAP = 0.005
"""How far parts of the model may overlap in a commanded pose, m: with its 50 mm from the last
joint and a stiffness of 1.28 N m/rad, a finger presses with 0.13 of the 0.16 N m that its servos can."""

_PREFIXES = ("palm", "if", "mf", "rf", "th")
_BASE_LINKS = ("bs", "px", "mp")
"""Links of fingers that lie at the palm in every pose. The thumb's ``px`` does not."""


class SelfCollision:
    """The empty hand, to be asked about one pose after the other."""

    def __init__(self) -> None:
        """Build the model."""
        spec = build_hand(None)
        everybody = (1 << len(DIGITS)) - 1
        for geom in spec.geoms:
            name = geom.parent.name
            own = 1 << _digit(name)
            base = name != "th_px" and name.endswith(_BASE_LINKS)
            # Links of the same finger are kept apart by the joint limits.
            geom.contype = 0 if base else own
            geom.conaffinity = everybody & ~own & (~1 if base else everybody)
        self._model = spec.compile()
        self._data = mujoco.MjData(self._model)
        self._joints = joint_indices(self._model)[0]
        bodies = [self._model.body(int(body)).name for body in self._model.geom_bodyid]
        self._digit_of_geom = np.array([_digit(name) for name in bodies])

    def overlap(self, pose: FloatArray) -> FloatArray:
        """How deep the DIGITS lie in each other in a pose, (16,) rad: (5, 5), symmetric, m, zero where they do not."""
        data, depth = self._data, np.zeros((len(DIGITS), len(DIGITS)))
        data.qpos[self._joints] = pose
        mujoco.mj_kinematics(self._model, data)
        mujoco.mj_collision(self._model, data)
        if data.ncon:
            first, second = self._digit_of_geom[data.contact.geom].T
            np.maximum.at(depth, (first, second), -data.contact.dist)
        return np.maximum(depth, depth.T)


def _digit(body: str) -> int:
    return _PREFIXES.index(body.split("_")[0])
