"""Objects to rotate: catalog, primitives, meshes, and the slots that let one batch hold any mix."""

from typing import TYPE_CHECKING

from dexndm_gym.lazy import lazy_names

if TYPE_CHECKING:
    from dexndm_gym.objects.catalog import OBJECT_SETS, OBJECTS
    from dexndm_gym.objects.geoms import ball, box, disc, egg, rod
    from dexndm_gym.objects.meshes import load_mesh
    from dexndm_gym.objects.object_model import RotatableObject, assemble, primitive
    from dexndm_gym.objects.object_registry import register_object, register_object_set
    from dexndm_gym.objects.scene import Scene

__all__ = [
    "OBJECTS",
    "OBJECT_SETS",
    "RotatableObject",
    "Scene",
    "assemble",
    "ball",
    "box",
    "disc",
    "egg",
    "load_mesh",
    "primitive",
    "register_object",
    "register_object_set",
    "rod",
]

__getattr__ = lazy_names(
    __name__,
    {
        "OBJECTS": "dexndm_gym.objects.catalog",
        "OBJECT_SETS": "dexndm_gym.objects.catalog",
        "RotatableObject": "dexndm_gym.objects.object_model",
        "Scene": "dexndm_gym.objects.scene",
        "assemble": "dexndm_gym.objects.object_model",
        "ball": "dexndm_gym.objects.geoms",
        "box": "dexndm_gym.objects.geoms",
        "disc": "dexndm_gym.objects.geoms",
        "egg": "dexndm_gym.objects.geoms",
        "load_mesh": "dexndm_gym.objects.meshes",
        "primitive": "dexndm_gym.objects.object_model",
        "register_object": "dexndm_gym.objects.object_registry",
        "register_object_set": "dexndm_gym.objects.object_registry",
        "rod": "dexndm_gym.objects.geoms",
    },
)
