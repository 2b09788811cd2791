"""The door for a user's own objects and sets of objects: known by name in this process once they are registered."""

import logging
from typing import Any

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.objects.catalog import OBJECT_SETS, OBJECTS, REGISTERED
from dexndm_gym.objects.object_choice import check_own, find_objects
from dexndm_gym.objects.object_model import RotatableObject

_BUILT_IN_SETS = frozenset(OBJECT_SETS)

_LOG = logging.getLogger(__name__)


def register_object(item: RotatableObject) -> None:
    """Make an object known by its name in this process: to ``gym.make``, to the options of ``reset`` and to commands.

    An object that was registered under the same name before is replaced; environments that have it keep it.

    Args:
        item: what ``primitive``, ``assemble`` or ``load_mesh`` made.

    Raises:
        ConfigurationError: it is no such object, or its name is that of a built-in object or of a set.
    """
    check_own(item)
    if item.name in OBJECTS:
        raise ConfigurationError(f"{item.name!r} is the name of a built-in object; give yours another name")
    if REGISTERED.get(item.name, item) != item:
        _LOG.warning("The object %r is registered anew and replaces another one", item.name)
    REGISTERED[item.name] = item


def register_object_set(name: str, objects: Any) -> None:
    """Make a set of objects known by its name in this process, to draw from wherever an object may be named.

    A set that was registered under the same name before is replaced.

    Args:
        name: of the set.
        objects: a list of what ``object=`` takes: names of objects and sets, mesh files, and objects themselves, which
            are registered, too.

    Raises:
        ConfigurationError: the name is taken, nothing is in the set, or one of its objects is unknown.
        FileFormatError: a file holds no usable mesh.
        MissingExtraError: there is a mesh file, and the extra ``meshes`` is not installed.
    """
    if not isinstance(name, str) or not name:
        raise ConfigurationError(f"expected the name of a set as text, got {name!r}")
    if name in _BUILT_IN_SETS or name in OBJECTS or name in REGISTERED:
        raise ConfigurationError(f"{name!r} is the name of an object or of a built-in set; give the set another name")
    members = find_objects(objects)
    for member in members:
        if isinstance(member, RotatableObject):
            register_object(member)
    OBJECT_SETS[name] = tuple(dict.fromkeys(member if isinstance(member, str) else member.name for member in members))
