"""Surfaces as glTF, for the page and for other programs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import trimesh
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from dexndm_gym.objects.catalog import NO_OBJECT
from dexndm_gym.objects.object_choice import Choice
from dexndm_gym.objects.scene_model import OBJECT_BODY
from dexndm_gym.rendering.hand_parts import Part, hand_parts
from dexndm_gym.rendering.scene import HandPose, object_parts, rotations
from dexndm_gym.viewer.snapshot import Snapshot

_ROUGHNESS = 0.55


def glb(parts: Sequence[Part]) -> bytes:
    """Pieces as one binary glTF file; one material per color."""
    scene = trimesh.Scene()
    for part in parts:
        scene.add_geometry(_mesh(part))
    return _exported(scene)


def scene_glb(snapshot: Snapshot, items: Mapping[str, Choice]) -> bytes:
    """A moment of a hand as a binary glTF file, a node per body; up is +y, as glTF has it.

    Args:
        snapshot: the moment.
        items: objects by name, where they are none of the built-in ones.
    """
    scene, pose = trimesh.Scene(base_frame="world"), HandPose()
    y_up = np.array([[1.0, 0, 0, 0], [0, 0, 1.0, 0], [0, -1.0, 0, 0], [0, 0, 0, 1.0]])
    scene.graph.update("hand", "world", matrix=y_up @ _matrix(np.array([0.0, 0.0, 0.0, *snapshot.wrist])))
    for body, where in zip(pose.bodies, pose.at(snapshot.position), strict=True):
        scene.graph.update(body, "hand", matrix=_matrix(where))
    parts = hand_parts()
    if has_object(snapshot):
        scene.graph.update(OBJECT_BODY, "hand", matrix=_matrix(snapshot.object_pose))
        parts += object_parts(items.get(snapshot.object, snapshot.object))
    for index, part in enumerate(parts):
        scene.add_geometry(_mesh(part), node_name=f"{part.body}_{index}", parent_node_name=part.body)
    return _exported(scene)


def has_object(snapshot: Snapshot) -> bool:
    """Whether it is known where the object is."""
    return snapshot.object not in ("", NO_OBJECT) and bool(np.isfinite(snapshot.object_pose).all())


def _mesh(part: Part) -> trimesh.Trimesh:
    color = np.round(255 * _linear(np.array([*part.color]))).astype(np.uint8)
    material = PBRMaterial(baseColorFactor=[*color.tolist(), 255], metallicFactor=0.0, roughnessFactor=_ROUGHNESS)
    surface = part.surface
    return trimesh.Trimesh(
        vertices=surface.vertices,
        faces=surface.faces,
        vertex_normals=surface.normals,
        visual=TextureVisuals(material=material),
        process=False,
    )


def _linear(color: Any) -> Any:
    """Colors of screens, 0 to 1, as shares of light, which glTF has."""
    return np.where(color <= 0.04045, color / 12.92, ((color + 0.055) / 1.055) ** 2.4)


def _matrix(pose: Any) -> Any:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotations(np.asarray(pose)[None, 3:])[0], pose[:3]
    return matrix


def _exported(scene: trimesh.Scene) -> bytes:
    data = scene.export(file_type="glb", include_normals=True)
    if not isinstance(data, bytes):  # cannot be: that is what this file type is
        raise TypeError("expected trimesh to export bytes")
    return data
