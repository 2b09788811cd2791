"""Objects on the device: one model has room for all objects of a run, and each world fills its own part of it.

In MuJoCo Warp sizes and places of geoms may differ from world to world, their kinds may not. So the object's body has,
of each kind of primitive, as many geoms as any of the objects needs; geoms that a world's object has no use for are
parked where nothing touches them.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.objects.catalog import NO_OBJECT
from dexndm_gym.objects.geoms import ConvexGeom
from dexndm_gym.objects.object_choice import Choice, the_object
from dexndm_gym.objects.object_model import RotatableObject, shape_code

_PARKED = (0.0, 0.0, 50.0)
"""Where unused geoms are, object frame, m: out of reach of every bounding sphere."""

_PARKED_RADIUS = 1e-3
_UNIT_QUATERNION = (1.0, 0.0, 0.0, 0.0)


def resolve(choices: Sequence[Choice]) -> tuple[RotatableObject, ...]:
    """The objects of a run, in this order.

    Raises:
        ConfigurationError: there are none, or one is unknown, made of hulls, or the empty hand.
    """
    if not choices:
        raise ConfigurationError("Expected at least one object, got none; try objects=['cube']")
    if NO_OBJECT in choices:
        raise ConfigurationError(f"The GPU simulation has no empty hand ({NO_OBJECT!r}); use MujocoHand for that")
    items = tuple(the_object(choice) for choice in choices)
    if hulls := [item.name for item in items if item.has_hulls]:
        raise ConfigurationError(
            f"Objects made of hulls cannot be simulated on the GPU yet: {', '.join(hulls)}; name built-in objects, or "
            "use MujocoHand"
        )
    return items


class ObjectTable:
    """What each object of a run is, rows of tensors to be taken by index.

    Attributes:
        container: an object with the geoms that the model has to be compiled with.
        size: MuJoCo's ``geom_size``, (objects, slots, 3), m.
        position: in the object frame, (objects, slots, 3), m.
        quat: in the object frame, (objects, slots, 4), w x y z.
        radius: of the bounding sphere, (objects, slots), m.
        half_extents: of the bounding box, (objects, slots, 3), m.
        used: 1 where the object has a geom and 0 where the slot is parked, (objects, slots, 1).
        mass: nominal, (objects,), kg.
        unit_inertia: principal moments for a mass of 1 kg, (objects, 3), m^2.
        shape: ``shape_code`` at nominal size, (objects, 6).
    """

    def __init__(self, items: Sequence[RotatableObject], device: torch.device) -> None:
        """Tabulate objects made of primitives."""
        slots = _slots(items)
        self.container = RotatableObject(name="slots", geoms=tuple(map(_stand_in, slots)), mass=0.05)
        rows, count = len(items), len(slots)
        size, half = np.full((rows, count, 3), 0.01), np.full((rows, count, 3), 0.01)
        position, quat = np.tile(_PARKED, (rows, count, 1)), np.tile(_UNIT_QUATERNION, (rows, count, 1))
        radius, used = np.full((rows, count), _PARKED_RADIUS), np.zeros((rows, count, 1))
        for row, item in enumerate(items):
            at = (row, _places(item, slots))
            size[at], half[at] = item.geom_sizes, item.half_extents
            position[at], quat[at] = item.positions, item.quats
            radius[at], used[at] = item.bounding_radii, 1.0

        def tensor(values: object) -> Tensor:
            return torch.tensor(np.array(values), dtype=torch.float32, device=device)

        self.size, self.half_extents, self.position, self.quat = map(tensor, (size, half, position, quat))
        self.radius, self.used = tensor(radius), tensor(used)
        self.mass = tensor([item.mass for item in items])
        self.unit_inertia = tensor([item.unit_inertia for item in items])
        self.shape = tensor([shape_code(item) for item in items])


def _slots(items: Sequence[RotatableObject]) -> list[str]:
    """Kinds of the slots: of each kind as many as the object that has most of it."""
    most: Counter[str] = Counter()
    for item in items:
        most |= Counter(geom.shape for geom in item.geoms)
    return sorted(most.elements())


def _places(item: RotatableObject, slots: Sequence[str]) -> list[int]:
    """The slot of each of an object's geoms."""
    free = {kind: iter([i for i, slot in enumerate(slots) if slot == kind]) for kind in set(slots)}
    return [next(free[geom.shape]) for geom in item.geoms]


def _stand_in(kind: str) -> ConvexGeom:
    return ConvexGeom(shape=kind, extents=(0.02, 0.02, 0.04 if kind == "capsule" else 0.02))
