"""Mends triangle meshes without changing the solid that they bound: merges, drops, separates and turns triangles."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import NoReturn

import numpy as np
from scipy.spatial import KDTree

from dexndm_gym.arrays import BoolArray, FloatArray, IntArray
from dexndm_gym.errors import FileFormatError
from dexndm_gym.objects.mesh_bodies import orient_bodies
from dexndm_gym.objects.mesh_edges import Edges, components, pair_sides, split_vertices

MERGE_DISTANCES = (1e-7, 1e-6, 1e-5, 1e-4, 3e-4)
"""How far apart vertices on open edges may be to be taken for one, in longest sides of the mesh; tried in turn."""

_FLAT = 1e-9
"""Area of a degenerate triangle, in squares of the longest side."""

_PLANE = 1e-6
"""How far the corners of a plane wall may be off its plane, in longest sides of the mesh."""

_PARALLEL = 1 - 1e-9
"""Cosine between normals of one plane."""

_NAMED_PLACES = 3

SAME_PLACE = "vertices in the same place that were merged"
_DEGENERATE = "degenerate triangles that were dropped"
_BACK_TO_BACK = "triangles back to back that were dropped"
_COPIES = "copies of triangles that were dropped"


@dataclass(kw_only=True)
class _Mesh:
    """A mesh on its way, and what was done to it."""

    vertices: FloatArray
    """(n, 3), in the file's unit of length."""

    faces: IntArray
    """(k, 3)."""

    size: float
    """Longest side."""

    repairs: Counter[str] = field(default_factory=Counter)
    """What was done how often."""

    def drop(self, dropped: BoolArray, what: str) -> None:
        """Take triangles out."""
        self.faces = self.faces[~dropped]
        self.repairs[what] += int(dropped.sum())

    @property
    def is_closed(self) -> bool:
        """Whether no edge has an odd number of triangles."""
        return not Edges(self.faces).odd.any()


def repair_mesh(vertices: FloatArray, faces: IntArray) -> tuple[FloatArray, IntArray, tuple[str, ...]]:
    """Mend a mesh.

    Args:
        vertices: (n, 3), finite, in any unit of length.
        faces: (k, 3), at least one.

    Returns:
        Vertices and triangles of surfaces whose every edge has two triangles, wound outwards (around cavities inwards);
        and what was mended, in words.

    Raises:
        FileFormatError: it cannot be mended without a change of the solid; the message says why and where.
    """
    given = _merged_in_place(vertices, faces)
    mesh = _without_spare(given)
    for distance in MERGE_DISTANCES:
        if mesh.is_closed:
            break
        mesh = _without_spare(_merged_nearby(given, distance * given.size))
    if not mesh.is_closed:
        _refuse(_without_spare(given))
    if len(mesh.faces) == 0:
        raise FileFormatError("has next to no volume")
    faces, repairs = orient_bodies(mesh.vertices, mesh.faces, pair_sides(mesh.vertices, mesh.faces))
    pairs = pair_sides(mesh.vertices, faces)  # anew, as it is known now on which side of a triangle the solid is
    repairs = mesh.repairs + repairs
    repairs["edges where surfaces that touch were separated"] += pairs.num_shared
    split, origin = split_vertices(faces, pairs)
    return mesh.vertices[origin], split, tuple(f"{what}: {count}" for what, count in repairs.items() if count)


def _merged_in_place(vertices: FloatArray, faces: IntArray) -> _Mesh:
    """Vertices that are in the same place are one; those that no triangle has are left out."""
    used, corners = np.unique(faces, return_inverse=True)
    merged, index = np.unique(vertices[used], axis=0, return_inverse=True)
    return _Mesh(
        vertices=merged,
        faces=index.reshape(-1)[corners.reshape(-1)].reshape(-1, 3),
        size=float(np.ptp(merged, axis=0).max()),
        repairs=Counter({SAME_PLACE: len(used) - len(merged)}),
    )


def _merged_nearby(mesh: _Mesh, distance: float) -> _Mesh:
    """Vertices on open edges that are no farther apart than this are one."""
    edges = Edges(mesh.faces)
    loose = np.unique(edges.vertices[edges.odd])
    near = loose[KDTree(mesh.vertices[loose]).query_pairs(distance, output_type="ndarray").reshape(-1, 2)]
    label = components(near[:, 0], near[:, 1], len(mesh.vertices))
    _, first, label = np.unique(label, return_index=True, return_inverse=True)
    repairs = Counter({f"vertices up to {distance:.2g} apart that were merged": len(mesh.vertices) - len(first)})
    return _Mesh(vertices=mesh.vertices[first], faces=label[mesh.faces], size=mesh.size, repairs=mesh.repairs + repairs)


def _without_spare(given: _Mesh) -> _Mesh:
    """Without triangles that bound nothing: degenerate ones, copies, and walls between bodies that touch."""
    mesh = replace(given, repairs=given.repairs.copy())
    a, b, c = mesh.faces.T
    mesh.drop((a == b) | (b == c) | (c == a), _DEGENERATE)
    _, first, index, count = np.unique(
        np.sort(mesh.faces, axis=1), axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    index = index.reshape(-1)
    # A triangle that is there twice is a copy; or a wall with a body on either side, if it leaves odd edges.
    flat = _areas(mesh) < _FLAT * mesh.size**2
    doubtful = (count % 2 == 0) | flat[first]
    peeled = _peeled(mesh.faces[first], doubtful)
    spare = np.ones(len(mesh.faces), dtype=np.bool_)
    spare[first] = False
    what = np.where(peeled[index], np.where(flat, _DEGENERATE, _BACK_TO_BACK), np.where(spare, _COPIES, ""))
    mesh.repairs.update(what[what != ""].tolist())
    mesh.faces = mesh.faces[what == ""]
    _drop_walls(mesh)
    return mesh


def _peeled(faces: IntArray, doubtful: BoolArray) -> BoolArray:
    """Those of the doubtful triangles that have odd edges, or come to have some as others go."""
    gone = np.zeros(len(faces), dtype=np.bool_)
    while True:
        left = np.flatnonzero(~gone)
        edges = Edges(faces[left])
        found = left[edges.odd[edges.of_face].any(axis=1) & doubtful[left]]
        if len(found) == 0:
            return gone
        gone[found] = True


def _drop_walls(mesh: _Mesh) -> None:
    """Drop walls inside of the solid: plane patches in one place, and those that leave no odd edge when they go."""
    while len(mesh.faces):
        edges = Edges(mesh.faces)
        if not (edges.count > 2).any():
            return
        patch = edges.patches()
        rims = _rims(edges, patch)
        if wall := _double_wall(mesh, edges, patch, rims):
            mesh.drop(np.isin(patch, wall), _BACK_TO_BACK)
        elif wall := _single_wall(mesh, edges, patch, rims):
            mesh.drop(np.isin(patch, wall), "triangles of inner walls that were dropped")
        else:
            return


def _rims(edges: Edges, patch: IntArray) -> dict[int, frozenset[int]]:
    """The edges along which patches meet others, or end, by patch."""
    found: dict[int, set[int]] = {}
    face, side = np.nonzero(edges.count[edges.of_face] != 2)
    for number, edge in zip(patch[face].tolist(), edges.of_face[face, side].tolist(), strict=True):
        found.setdefault(number, set()).add(edge)
    return {number: frozenset(rim) for number, rim in found.items()}


def _double_wall(mesh: _Mesh, edges: Edges, patch: IntArray, rims: dict[int, frozenset[int]]) -> list[int]:
    """Patches in one plane that have every edge an even number of times: one body ends there and another begins."""
    planes = {number: normal for number in rims if (normal := _normal(mesh, patch == number)) is not None}
    neighbors: dict[int, list[int]] = {}
    for number in planes:
        for edge in rims[number]:
            neighbors.setdefault(edge, []).append(number)
    touching = [(a, b) for numbers in neighbors.values() for a in numbers for b in numbers if a < b]
    alike = [pair for pair in touching if abs(planes[pair[0]] @ planes[pair[1]]) > _PARALLEL]
    a, b = np.array(alike, dtype=np.int64).reshape(-1, 2).T
    cluster = components(a, b, int(patch.max()) + 1)
    for number in np.unique(cluster[list(planes)]):
        members = [member for member in planes if cluster[member] == number]
        count = np.bincount(edges.of_face[np.isin(patch, members)].ravel())
        if (count % 2 == 0).all():
            return members
    return []


def _single_wall(mesh: _Mesh, edges: Edges, patch: IntArray, rims: dict[int, frozenset[int]]) -> list[int]:
    """The smallest patch that has two others on each of its edges: what is behind it is solid on both sides."""
    shared = edges.odd & (edges.count > 1)
    inner = [number for number, rim in rims.items() if shared[list(rim)].all()]
    area = np.bincount(patch, weights=_areas(mesh))
    return [min(inner, key=lambda number: area[number])] if inner else []


def _normal(mesh: _Mesh, faces: BoolArray) -> FloatArray | None:
    """Unit normal of a plane patch, (3,); None of others."""
    points = mesh.vertices[np.unique(mesh.faces[faces])]
    _, spread, axes = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    is_plane = spread.shape[0] == 3 and spread[2] < _PLANE * mesh.size * np.sqrt(len(points))
    return axes[2] if is_plane else None


def _areas(mesh: _Mesh) -> FloatArray:
    """Areas of the triangles, (k,)."""
    a, b, c = mesh.vertices[mesh.faces.T]
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


def _refuse(mesh: _Mesh) -> NoReturn:
    """Say where it is open."""
    edges = Edges(mesh.faces)
    reasons = []
    for which, what in (
        (edges.count == 1, "open edges"),
        (edges.odd & (edges.count > 1), "edges that three triangles share, so that inside and outside cannot be told"),
    ):
        if which.any():
            reasons.append(f"{int(which.sum())} {what}, {_places(mesh.vertices, edges.vertices[which])}")
    raise FileFormatError(f"is not closed, so that it has no inside: it has {', and '.join(reasons)}")


def _places(vertices: FloatArray, edges: IntArray) -> str:
    """Where the loops are that edges make."""
    label = components(edges[:, 0], edges[:, 1], len(vertices))[edges[:, 0]]
    loops = [vertices[edges[label == number].ravel()].mean(axis=0) for number in np.unique(label)]
    named = ", ".join("({:.4g}, {:.4g}, {:.4g})".format(*loop) for loop in loops[:_NAMED_PLACES])
    more = f" and {len(loops) - _NAMED_PLACES} more places" if len(loops) > _NAMED_PLACES else ""
    return f"around {named}{more} in the file's coordinates"
