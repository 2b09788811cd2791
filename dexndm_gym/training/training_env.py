"""What teachers and students practice on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from dexndm_gym.backends.backend import SimulatedBackend
from dexndm_gym.backends.mujoco_hand import MujocoHand
from dexndm_gym.backends.randomization import Randomization
from dexndm_gym.backends.virtual_hand import VirtualHand
from dexndm_gym.checks import Checked, Count, NotEmpty, Seed
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.hand_starts import hand_starts
from dexndm_gym.grasps.mesh_grasp_cache import GRASPS_ONLY, choose_starts
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.options import EpisodeOptions, object_names

NAMES = ("object", "wrist", "axis")
"""Options that episodes are drawn from."""

Names = Annotated[tuple[str, ...], NotEmpty()]


@dataclass(frozen=True, kw_only=True)
class TrainingEnvConfig(Checked):
    """What teachers and students practice on: options that both have."""

    num_envs: Count = 256
    """Simulated hands stepped together."""

    object: Names = ("basic",)
    """Objects and named sets of objects to draw from."""

    wrist: Names = ("palm_up",)
    """Wrist orientations, named sets of them or random, to draw from."""

    axis: Names = ("+z",)
    """Axes, named sets of them or random, to draw from."""

    starts: Path | None = None
    """File of start states that ``dexndm grasps`` wrote, used before the shipped ones; or "grasps" to start from grasps
    palm up, too, instead of with the object lying in the open hand."""

    randomize: bool = True
    """Vary the physics from episode to episode."""

    randomization: Randomization = field(default_factory=Randomization)
    """What is varied, and how far."""

    hand_seed: Seed | None = None
    """Learn on this virtual hand's own physics instead of the simulator's: the ceiling for what a correction can reach.
    These do not vary, whatever ``randomize`` says. It starts from a teacher, or student, of the simulator.
    """

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigurationError: a value is out of range, or it is said how to vary what does not vary.
        """
        super().__post_init__()
        if self.randomization != Randomization() and (not self.randomize or self.hand_seed is not None):
            raise ConfigurationError("randomization says how to vary physics that do not vary; expected randomize")

    @property
    def options(self) -> EpisodeOptions:
        """What episodes are drawn from."""
        wanted = {"object": list(self.object), "wrist": list(self.wrist), "axis": list(self.axis)}
        return EpisodeOptions().updated(wanted)

    @property
    def object_sets(self) -> list[tuple[str, tuple[str, ...]]]:
        """Each of the named sets or objects, with the objects in it."""
        return [(name, object_names(name)) for name in self.object]

    def joint_pos_noise(self, task: TaskConfig) -> float:
        """Half width of the noise on observed joint positions, rad: only where physics vary."""
        return task.joint_pos_noise if self.randomize and self.hand_seed is None else 0.0

    def make_hand(self) -> SimulatedBackend:
        """The hands: the simulator's, or many times the same virtual hand."""
        if self.hand_seed is not None:
            return VirtualHand([self.hand_seed] * self.num_envs, starts=hand_starts(self.starts))
        objects, randomization = self.options.objects, self.randomization if self.randomize else None
        starts = choose_starts(objects, self.starts)
        return MujocoHand(self.num_envs, randomization=randomization, starts=starts, objects=objects)


def episodes_as_text(config: TrainingEnvConfig) -> dict[str, str]:
    """Which episodes a teacher learns on, as the header of its file has it."""
    names = {name: json.dumps(getattr(config, name)) for name in NAMES}
    starts = config.starts
    if starts is not None and str(starts) != GRASPS_ONLY:
        starts = starts.absolute()
    return names | {"starts": json.dumps(None if starts is None else str(starts))}


def episodes_from_text(about: Mapping[str, str]) -> dict[str, Any]:
    """Options of ``TrainingEnvConfig`` out of what ``episodes_as_text`` made; older teachers say nothing of starts."""
    options: dict[str, Any] = {name: tuple(json.loads(about[name])) for name in NAMES if name in about}
    starts = json.loads(about.get("starts", "null"))
    return options | {"starts": None if starts is None else Path(starts)}
