"""Objects by name and by named set: the built-in ones, and those that a user registers.

Sizes are the paper's where it gives them (table 9 and its test objects); names of primitives hold theirs in mm.
"""

import difflib

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.objects.meshes import SUFFIXES, is_mesh, known_mesh, parse_mesh
from dexndm_gym.objects.object_library import COMPLEX
from dexndm_gym.objects.object_model import RotatableObject, primitive

NO_OBJECT = "none"
"""Name of the empty hand: nothing lies in it, and nothing can be dropped."""

_BASIC = (
    primitive("cylinder", "cylinder", (0.066, 0.066, 0.070), 0.05),
    primitive("cube", "box", (0.062, 0.062, 0.062), 0.05),
    primitive("ellipsoid", "ellipsoid", (0.070, 0.070, 0.064), 0.05),
)
"""6-7 cm, 50 g (the upper end of the paper's mass range)."""


def _cylinder(diameter: float, length: float) -> RotatableObject:
    """Sizes in mm."""
    name = f"cylinder_{diameter:.0f}x{length:.0f}"
    return primitive(name, "cylinder", (diameter / 1000, diameter / 1000, length / 1000))


def _box(x: float, y: float, z: float) -> RotatableObject:
    """Sizes in mm."""
    return primitive(f"box_{x:.0f}x{y:.0f}x{z:.0f}", "box", (x / 1000, y / 1000, z / 1000))


def _ball(diameter: float) -> RotatableObject:
    """Size in mm."""
    return primitive(f"ball_{diameter:.0f}", "sphere", (diameter / 1000, diameter / 1000, diameter / 1000))


_OBJECTS_BY_SET: dict[str, tuple[RotatableObject, ...]] = {
    "basic": _BASIC,
    # Radius 4 cm, length 6.4 to 9.6 cm in steps of 4 mm, times 0.78, the middle of the paper's 0.70 to 0.86.
    "normal_cylinders": tuple(_cylinder(62.4, 0.78 * (64 + 4 * i)) for i in range(9)),
    # 6.4 x 6.4 to 9.6 x 8 cm, times 0.78.
    "normal_cuboids": tuple(_box(49.9, 0.78 * (64 + 4 * i), 62.4) for i in range(9)),
    # 3 to 4 cm thick, aspect 2.5, 3.33, 5.33 and 6.67.
    "long_cuboids": (_box(40, 40, 100), _box(30, 30, 100), _box(30, 30, 160), _box(30, 30, 200)),
    # Radius 2.5 cm, length 4.8 to 6.4 cm in steps of 2 mm, times 0.5 to 0.6.
    "small_cylinders": tuple(
        _cylinder(50 * scale, (48 + 2 * i) * scale) for i, scale in ((i, 0.5 + 0.0125 * i) for i in range(9))
    ),
    # The paper's real test objects that are boxes, cylinders and balls; it gives no size for a ball.
    "real_regular": (_box(50, 50, 50), _cylinder(55, 55), _box(30, 30, 100), _ball(40), _ball(60)),
    "real_small": (
        *(_box(27.5, 27.5, 30), _box(50, 35, 35), _box(30, 30, 30), _cylinder(35, 30)),
        *(_box(25, 30, 30), _box(45, 40, 40), _box(20, 20, 30)),
    ),
    "real_long": (
        *(_box(30, 30, 135), _box(30, 30, 140), _box(30, 30, 160), _box(30, 30, 200), _box(40, 40, 200)),
        _box(30, 160, 230),
    ),
    "real_anyrotate": (_box(51, 51, 51), _cylinder(45, 63), _box(50, 40, 80)),
    "complex": COMPLEX,
}

OBJECTS = {item.name: item for items in _OBJECTS_BY_SET.values() for item in items}
"""Built-in objects by name."""

OBJECT_SETS: dict[str, tuple[str, ...]] = {
    **{name: tuple(item.name for item in items) for name, items in _OBJECTS_BY_SET.items()},
    "all": tuple(OBJECTS),
    NO_OBJECT: (NO_OBJECT,),
}
"""Named sets of objects to draw from, those of ``register_object_set`` among them; ``"none"`` leaves the hand empty."""

REGISTERED: dict[str, RotatableObject] = {}
"""What ``register_object`` was given in this process, by name."""


def get_object(name: str) -> RotatableObject:
    """The object of that name, or of that mesh file.

    Args:
        name: one of OBJECTS, one that is registered, or an OBJ, STL or PLY file, with settings or without:
            ``bunny.obj,size=0.07,mass=0.1``. A mesh that this process has loaded is not read again.

    Raises:
        ConfigurationError: there is no such object; the message lists those there are.
        FileFormatError: the file holds no usable mesh.
        MissingExtraError: it is a mesh file, and the extra ``meshes`` is not installed.
    """
    known = OBJECTS.get(name) or REGISTERED.get(name) or known_mesh(name)
    if known is not None:
        return known
    if is_mesh(name):
        return parse_mesh(name)
    raise unknown_object(name)


def unknown_object(name: str) -> ConfigurationError:
    """What to raise where there is no object of a name."""
    close = difflib.get_close_matches(name, (*OBJECTS, *REGISTERED, *OBJECT_SETS), n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    own = f", or a registered one ({', '.join(REGISTERED)})" if REGISTERED else ""
    return ConfigurationError(
        f"Unknown object {name!r}; expected an object that `dexndm objects` lists, such as "
        f"{', '.join(OBJECT_SETS['basic'])}{own}, or a set: {', '.join(OBJECT_SETS)}; or a mesh file "
        f"({', '.join(SUFFIXES)}).{hint}"
    )
