"""How an episode begins on a hand that cannot be put into a state: with an object in the open hand, or a grasp."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.grasps.closing import fingers, open_for
from dexndm_gym.grasps.mesh_grasp_cache import GRASPS_ONLY
from dexndm_gym.grasps.palm_rest import CANONICAL_POSE, START_POSE
from dexndm_gym.grasps.start_states import PALM_UP, SAME_DIRECTION, StartStates, load_starts
from dexndm_gym.hand.self_collision import OVERLAP
from dexndm_gym.objects.scene import Scene

_DRAWS = 50
"""How often a grasp is drawn at most until none of its fingers are in each other's way: nearly always once or twice."""


@dataclass(frozen=True, kw_only=True)
class HandStarts:
    """Starts of real and virtual hands; the commands are those from which episodes start in simulation."""

    states: StartStates = field(default_factory=load_starts)
    """What episodes start from in simulation."""

    grasps_only: bool = False
    """Objects are grasped palm up, too."""

    @property
    def empty_pose(self) -> FloatArray:
        """Where a hand without an object begins, (16,), rad."""
        return CANONICAL_POSE if self.grasps_only else START_POSE

    def draw(self, scene: Scene, rng: np.random.Generator) -> FloatArray | None:
        """The command of a grasp to close to, (16,), rad; None where the object is to lie in the open hand."""
        if self.states.count(scene.object, scene.gravity):
            if self.states.in_open_hand(scene.object, scene.gravity):
                return None
            for _ in range(_DRAWS):
                grasp = self.states.draw(scene.object, scene.gravity, rng).target
                if is_free(grasp):
                    return grasp
            return CANONICAL_POSE
        if self.grasps_only or not _is_palm_up(scene.gravity):
            return CANONICAL_POSE
        return None


def hand_starts(wanted: str | Path | None) -> HandStarts:
    """Starts as a user asks for them: "grasps" alone, a file of ``dexndm grasps`` on top of the shipped ones, or None.

    Nothing is searched: objects that have no start states are grasped in the canonical pose.
    """
    if wanted is not None and str(wanted) == GRASPS_ONLY:
        return HandStarts(states=load_starts().in_any_wrist(), grasps_only=True)
    return HandStarts(states=load_starts(*([] if wanted is None else [Path(wanted)])))


def _is_palm_up(gravity: Sequence[float]) -> bool:
    return float(np.dot(gravity, PALM_UP)) > SAME_DIRECTION * float(np.linalg.norm(gravity))


def is_free(grasp: FloatArray) -> bool:
    """Whether fingers keep clear of each other in a grasp, (16,), rad, and in the hand that is opened for it."""
    return all(fingers().overlap(pose).max() <= OVERLAP for pose in (grasp, open_for(grasp)))
