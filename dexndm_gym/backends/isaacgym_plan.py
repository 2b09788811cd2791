"""What Isaac Gym is told once, before the first step, and cannot be told later: shapes, sizes, masses, friction."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.backends.isaacgym_assets import PALM_POSE, links, write_hand, write_object
from dexndm_gym.backends.randomization import Randomization
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.start_states import StartStates
from dexndm_gym.hand.joints import JOINT_NAMES, LOWER_LIMITS, NUM_JOINTS, UPPER_LIMITS
from dexndm_gym.hand.servo import SIM_SERVO
from dexndm_gym.objects.object_model import RotatableObject
from dexndm_gym.objects.scene_model import OBJECT_BODY

SUBSTEPS = 6
"""Physics steps in a control step, as LEAP's and HORA's training have."""

TIMESTEP = CONTROL_PERIOD / SUBSTEPS
"""Physics step, s."""

PHYSX = {
    "solver_type": 1,
    "num_position_iterations": 8,
    "num_velocity_iterations": 0,
    "contact_offset": 0.002,
    "rest_offset": 0.0,
    "bounce_threshold_velocity": 0.2,
    "max_depenetration_velocity": 1000.0,
    "max_gpu_contact_pairs": 8 * 1024 * 1024,
    "default_buffer_size_multiplier": 5.0,
}
"""PhysX's settings, those of LEAP's and HORA's training. Where contact buffers are full contacts are lost silently."""

SIZES = (1 / 6, 1 / 2, 5 / 6)
"""Quantiles of the sizes in an object's start states: hand i has all its objects in size i modulo their number."""

_PARKED_DEPTH, _PARKED_APART = -5.0, 0.3
"""Where objects are that their hand does not hold, m: below it, side by side, out of reach and at rest."""

_SAME_SIZE = 0.005
"""Start states are taken for a size that is as near to theirs, as a factor."""

_FEWEST = 4
"""So many of the nearest are taken where there are fewer."""


class Plan:
    """n hands as they will be built.

    Attributes:
        items: the objects.
        size: factor on the size of each hand's objects, (n, objects).
        object_mass: kg, (n, objects).
        friction: coefficient of all contacts of each hand, (n,).
        kept_commands: control steps that a command may be late, and one.
    """

    def __init__(
        self,
        num_hands: int,
        items: Sequence[RotatableObject],
        starts: StartStates,
        randomization: Randomization | None,
        rng: np.random.Generator,
    ) -> None:
        """Draw what differs from hand to hand.

        Raises:
            ConfigurationError: the randomization moves centers of mass, or an object has no start states.
        """
        self.items = tuple(items)
        self._sizes = [_sizes(item.name, starts) for item in self.items]
        self._starts = [_starts_near(self.items, self._sizes, s, starts) for s in range(len(SIZES))]
        self.size = np.array(self._sizes).reshape(-1, len(SIZES)).T[np.arange(num_hands) % len(SIZES)]
        self.object_mass = np.tile([item.mass for item in self.items], (num_hands, 1))
        self.friction = np.ones(num_hands)
        self._armature = np.full((num_hands, NUM_JOINTS), SIM_SERVO.armature)
        self._link_factor = np.ones((num_hands, len(links())))
        longest = 0.0 if randomization is None else randomization.delay[1]
        self.kept_commands = 1 + math.ceil(round(longest / TIMESTEP) / SUBSTEPS)
        if randomization is not None:
            self._draw(randomization, rng)

    def _draw(self, r: Randomization, rng: np.random.Generator) -> None:
        if r.center_of_mass:
            raise ConfigurationError(
                f"Isaac Gym cannot move centers of mass on the GPU; expected center_of_mass=0, got {r.center_of_mass}"
            )
        self.object_mass = rng.uniform(*r.mass, self.object_mass.shape)
        self.friction = rng.uniform(*r.friction, self.friction.shape)
        self._armature *= rng.uniform(*r.armature, self._armature.shape)
        self._link_factor = rng.uniform(*r.link_mass, self._link_factor.shape)

    def starts_of(self, hand: int) -> StartStates:
        """Start states for objects of the size that a hand has."""
        return self._starts[hand % len(SIZES)]

    def link_mass(self, hand: int) -> FloatArray:
        """Masses of the links of a hand, kg."""
        return np.array([link["mass"] for link in links()]) * self._link_factor[hand]

    def message(self, folder: Path, device: str) -> dict[str, Any]:
        """What the worker builds from; writes the files that it loads into ``folder``."""
        return {
            "device": device,
            "timestep": TIMESTEP,
            "substeps": SUBSTEPS,
            "physx": PHYSX,
            "folder": str(folder),
            "hand": write_hand(folder),
            "palm": PALM_POSE,
            "links": links(),
            "link_factor": self._link_factor.tolist(),
            "joints": JOINT_NAMES,
            "lower": LOWER_LIMITS.tolist(),
            "upper": UPPER_LIMITS.tolist(),
            "armature": self._armature.tolist(),
            "torque_limit": SIM_SERVO.torque_limit,
            "kept_commands": self.kept_commands,
            "objects": [
                write_object(item, sizes, folder, f"object_{k}")
                for k, (item, sizes) in enumerate(zip(self.items, self._sizes, strict=True))
            ],
            "parked": [(_PARKED_APART * k, 0.0, _PARKED_DEPTH, 1.0, 0.0, 0.0, 0.0) for k in range(len(self.items))],
            "object_body": OBJECT_BODY,
            "object_mass": self.object_mass.tolist(),
            "friction": self.friction.tolist(),
        }


def _sizes(name: str, starts: StartStates) -> FloatArray:
    found = [rows[:, -1] for _, rows in starts.of_object(name)]
    if not found:
        raise ConfigurationError(f"No start state holds {name!r}; look for some with: dexndm grasps --object {name}")
    return np.quantile(np.concatenate(found), SIZES)


def _starts_near(
    items: Sequence[RotatableObject], sizes: Sequence[FloatArray], which: int, starts: StartStates
) -> StartStates:
    """The states that were found with objects of about this size."""
    return StartStates(
        {
            (item.name, direction): _near(rows, of_item[which])
            for item, of_item in zip(items, sizes, strict=True)
            for direction, rows in starts.of_object(item.name)
        }
    )


def _near(rows: FloatArray, size: float) -> FloatArray:
    off = np.abs(rows[:, -1] - size)
    return rows[off <= max(_SAME_SIZE, np.sort(off)[:_FEWEST][-1])]
