"""``dexndm gallery``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from tqdm import tqdm

from dexndm_gym.backends.mujoco_hand import MujocoHand
from dexndm_gym.checks import Checked, Count, Seed
from dexndm_gym.cli.common import NOTHING_KEPT, Names, interruptible, parse
from dexndm_gym.constants import CONTROL_PERIOD, GRAVITY
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.evaluation.grasp_stability import HOLDING_TIME
from dexndm_gym.grasps.mesh_grasp_cache import start_states_of
from dexndm_gym.objects.catalog import NO_OBJECT
from dexndm_gym.objects.scene import Scene
from dexndm_gym.outputs import PICTURES, Output
from dexndm_gym.rendering.camera import Camera
from dexndm_gym.rendering.contact_sheet import write_sheet
from dexndm_gym.rendering.renderer import HandRenderer
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.options import object_names
from dexndm_gym.task.orientations import WRISTS, down_in_hand
from dexndm_gym.task.termination import are_dropped

_SIZE = (200, 160)
_SEE_THROUGH = 0.65
_CAMERA = Camera(eye=(0.19, -0.26, 0.36), target=(-0.012, 0.010, 0.062), angle=26.0)


@dataclass(frozen=True, kw_only=True)
class GalleryCommand(Checked):
    """Draw every object in the hand in every named wrist orientation, after half a second of holding still.

    Up is up: gravity pulls towards the bottom of each picture. The object shows faintly through the fingers before it.
    No graphics library is needed.
    """

    object: Names = ("all",)
    """Objects: names, named sets, or mesh files such as bunny.obj,size=0.07,mass=0.1 (m, kg)."""

    seed: Seed = 0
    """Seed of the choice of start states."""

    blocks: Count = 3
    """How many objects side by side."""

    out: Annotated[Path, tyro.conf.arg(metavar="FILE"), Output(suffixes=PICTURES)] = Path("gallery.png")
    """Picture to write."""


def run(arguments: list[str]) -> None:
    """Run the command."""
    command = parse(GalleryCommand, "gallery", arguments)
    with interruptible(lambda: NOTHING_KEPT):
        _draw(command)


def _draw(command: GalleryCommand) -> None:
    names = list(dict.fromkeys(name for name in object_names(command.object) if name != NO_OBJECT))
    down = {wrist: down_in_hand(np.array(quat)) for wrist, quat in WRISTS.items()}
    starts = start_states_of(names)
    cells = [(name, wrist) for name in names for wrist in WRISTS if starts.count(name, down[wrist])]
    if not cells:
        raise ConfigurationError(
            f"{' '.join(command.object)} has no start state to draw; expected an object or a set of objects"
        )
    hand = MujocoHand(len(cells), starts=starts, objects=names)
    scenes = [Scene(object=name, gravity=_times(down[wrist], GRAVITY)) for name, wrist in cells]
    target = hand.reset(np.arange(len(cells)), scenes, np.random.default_rng(command.seed))
    for _ in range(round(HOLDING_TIME / CONTROL_PERIOD)):
        hand.step(target)
    state = hand.state()
    pose = state.object_pose
    if pose is None:
        raise RuntimeError("a simulated hand knows where its object is")
    width, height = _SIZE
    painters = {
        wrist: HandRenderer(
            width=width, height=height, camera=_CAMERA, up=_times(down[wrist], -1.0), see_through=_SEE_THROUGH
        )
        for wrist in WRISTS
    }
    with tqdm(cells, desc="gallery", unit="picture") as bar:
        pictures = {cell: painters[cell[1]].draw(state.position[i], pose[i], cell[0]) for i, cell in enumerate(bar)}
    write_sheet(pictures, names, tuple(WRISTS), command.out, blocks=command.blocks)
    kept = ~are_dropped(TaskConfig().record, pose)
    print(f"{command.out}: {len(cells)} pictures; {int(kept.sum())} objects still held after {HOLDING_TIME:g} s")


def _times(vector: tuple[float, float, float], factor: float) -> tuple[float, float, float]:
    x, y, z = vector
    return (x * factor, y * factor, z * factor)
