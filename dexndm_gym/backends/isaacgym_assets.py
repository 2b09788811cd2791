"""Hand and objects as files that Isaac Gym's MJCF importer understands.

The importer drops joint limits, drives and the root's own pose, knows no contact classes, and can hang on actuators. So
files hold bodies with their inertia, hinges and shapes, and the rest is set through Isaac Gym's interface.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import mujoco
import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.hand.model import build_hand, load_parameters
from dexndm_gym.objects.catalog import NO_OBJECT
from dexndm_gym.objects.object_choice import Choice, the_object
from dexndm_gym.objects.object_model import RotatableObject
from dexndm_gym.objects.scene_model import build_spec

PALM_POSE = (0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0)
"""Pose of the hand's root in the hand frame, m and quaternion w x y z: the file's own is dropped."""

_DISTAL = ("if_ds", "mf_ds", "rf_ds", "th_ds")
_PALM_FILTER = 1 << len(_DISTAL)
_ALL = 2 * _PALM_FILTER - 1
_UNREAD = ("contype", "conaffinity", "condim", "friction", "priority", "solimp")
_STEP = 1.0 / 120.0


def resolve(choices: Sequence[Choice]) -> tuple[RotatableObject, ...]:
    """The objects of a run, each once; the empty hand needs none.

    Raises:
        ConfigurationError: one is unknown, or made of hulls.
    """
    items = tuple(the_object(choice) for choice in dict.fromkeys(choices) if choice != NO_OBJECT)
    if hulls := [item.name for item in items if item.has_hulls]:
        raise ConfigurationError(
            f"Objects made of hulls cannot be simulated in Isaac Gym yet: {', '.join(hulls)}; name built-in objects, "
            'or use backend="mujoco"'
        )
    return items


def links() -> list[dict[str, Any]]:
    """Bodies of the hand: name, mass in kg, and collision filter: shapes with a bit in common do not touch.

    Distal links touch each other and the palm, as in MuJoCo; everything touches objects.
    """
    filters = {name: 1 << i for i, name in enumerate(_DISTAL)} | {"palm": _PALM_FILTER}
    return [
        {"name": body["name"], "mass": body["mass"], "filter": filters.get(body["name"], _ALL)}
        for body in load_parameters()
    ]


def write_hand(folder: Path) -> str:
    """Write the hand; returns the file's name."""
    spec = build_hand(None, timestep=_STEP)
    spec.body("palm").quat = [1.0, 0.0, 0.0, 0.0]
    return _write(spec, folder / "hand.xml")


def write_object(item: RotatableObject, sizes: FloatArray, folder: Path, stem: str) -> list[str]:
    """Write an object once for each factor on its size; returns the files' names."""
    return [_write(_alone(item, size), folder / f"{stem}_{i}.xml") for i, size in enumerate(sizes)]


def _alone(item: RotatableObject, size: float) -> mujoco.MjSpec:
    geoms = tuple(geom.moved(offset=np.zeros(3), turn=np.eye(4)[0], factor=size) for geom in item.geoms)
    spec = build_spec(None, timestep=_STEP, first_object=replace(item, geoms=geoms))
    _strip(spec)
    spec.delete(spec.body("palm"))
    spec.body("object").pos = [0.0, 0.0, 0.0]
    return spec


def _strip(spec: mujoco.MjSpec) -> None:
    for element in [*spec.actuators, *spec.sites]:
        spec.delete(element)


def _write(spec: mujoco.MjSpec, path: Path) -> str:
    _strip(spec)
    spec.compile()
    root = ElementTree.fromstring(spec.to_xml())
    for option in root.findall("option"):
        root.remove(option)
    for geom in root.iter("geom"):
        geom.attrib.setdefault("type", "sphere")
        for name in _UNREAD:
            geom.attrib.pop(name, None)
    path.write_text(ElementTree.tostring(root, encoding="unicode"), encoding="utf-8")
    return path.name
