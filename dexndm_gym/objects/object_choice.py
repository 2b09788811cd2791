"""What a user may hand over as ``object``, and where a simulation finds the object of a scene."""

import os
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.objects.catalog import NO_OBJECT, OBJECT_SETS, OBJECTS, REGISTERED, get_object, unknown_object
from dexndm_gym.objects.meshes import SIZES, is_mesh, load_mesh, parse_mesh
from dexndm_gym.objects.object_model import RotatableObject
from dexndm_gym.objects.scene import Scene

Choice = str | RotatableObject
"""A built-in object, or none, by its name; any other object itself."""


def find_objects(value: Any, known: Iterable[Choice] = ()) -> tuple[Choice, ...]:
    """What is named or handed over.

    Args:
        value: name of an object or set, mesh file as text (with settings or without) or path, ``RotatableObject``, or
            a list of them.
        known: names of objects among these stand for them, not for others that have been registered or loaded since.

    Raises:
        ConfigurationError: it is nothing of that; the message says what was expected.
        FileFormatError: a file holds no usable mesh.
        MissingExtraError: there is a mesh file, and the extra ``meshes`` is not installed.
    """
    own = {item.name: item for item in known if isinstance(item, RotatableObject)}
    found = tuple(choice for item in _listed(value) for choice in _find(item, own))
    if not found:
        raise ConfigurationError("object is an empty list; give at least one name")
    by_name: dict[str, Choice] = {}
    for choice in found:
        name = choice_name(choice)
        if by_name.setdefault(name, choice) != choice:
            raise ConfigurationError(f"two different objects are named {name!r}; give one of them another name")
    return found


def choice_name(choice: Choice) -> str:
    """What it is called."""
    return choice if isinstance(choice, str) else choice.name


def the_object(choice: Choice) -> RotatableObject:
    """The object that is named or handed over.

    Raises:
        ConfigurationError: there is no object of that name.
    """
    return get_object(choice) if isinstance(choice, str) else choice


def own_objects(choices: Iterable[Choice]) -> tuple[RotatableObject, ...]:
    """Those that are not built in, each once."""
    own = (the_object(choice) for choice in dict.fromkeys(choices) if choice != NO_OBJECT)
    return tuple(dict.fromkeys(item for item in own if OBJECTS.get(item.name) != item))


def check_own(item: RotatableObject) -> None:
    """Refuse an object of a user's own that cannot be told from others, or that no hand could hold.

    Raises:
        ConfigurationError: it is none, its name is taken, its frame is not that of its principal axes, or it is far too
            small or large.
    """
    if not isinstance(item, RotatableObject):
        raise ConfigurationError(
            f"expected an object made with primitive, assemble or load_mesh, got {type(item).__name__}{_remedy(item)}"
        )
    if item.name in OBJECT_SETS or OBJECTS.get(item.name, item) != item:
        raise ConfigurationError(f"{item.name!r} is the name of a built-in object or of a set; give yours another name")
    longest, (low, high) = float(item.extents.max()), SIZES
    if not low <= longest <= high:
        raise ConfigurationError(
            f"expected the longest side of {item.name!r} to be {low:g} to {high:g} m, got {longest:g} m"
        )
    if not item.has_principal_frame:
        raise ConfigurationError(
            f"the frame of {item.name!r} is not that of its principal axes of inertia; make it with assemble, "
            "which moves and turns the geoms"
        )


def object_of(scene: Scene, own: Mapping[str, RotatableObject] | None = None) -> RotatableObject:
    """The object that a scene holds; by its name it is looked for among ``own`` first.

    Raises:
        ConfigurationError: there is no object of the scene's name.
    """
    return scene.item or (own or {}).get(scene.object) or get_object(scene.object)


def _listed(value: Any) -> Iterable[Any]:
    """The members of a list; anything else alone."""
    single = isinstance(value, str | bytes | bytearray | Mapping) or (isinstance(value, np.ndarray) and value.ndim == 0)
    return value if isinstance(value, Collection) and not single else [value]


def _find(item: Any, own: Mapping[str, RotatableObject]) -> tuple[Choice, ...]:
    if isinstance(item, RotatableObject):
        check_own(item)
        return (item.name if item.name in OBJECTS else item,)
    if isinstance(item, os.PathLike) and isinstance(path := os.fspath(item), str):
        return (own.get(path) or load_mesh(path),)
    if not isinstance(item, str):
        raise ConfigurationError(
            "expected object to be a name, a mesh file, an object made with primitive, assemble or load_mesh, or a "
            f"list of these, got {type(item).__name__}{_remedy(item)}"
        )
    name = str(item)
    if name in OBJECT_SETS and name != NO_OBJECT:
        return tuple(choice for member in OBJECT_SETS[name] for choice in _find(member, own))
    if name == NO_OBJECT or name in OBJECTS:
        return (name,)
    known = own.get(name) or REGISTERED.get(name)
    if known is None and not is_mesh(name):
        raise unknown_object(name)
    return (known or parse_mesh(name),)


def _remedy(item: Any) -> str:
    """What to do with a value of a type that is often handed over."""
    if type(item).__module__.startswith("trimesh."):
        return "; export it to a file, and hand over load_mesh(file, size=...)"
    return "; decode it to text" if isinstance(item, bytes) else ""
