"""Which triangles of a mesh meet along which edges, and which of them belong to the same surface there."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from dexndm_gym.arrays import BoolArray, FloatArray, IntArray

_SAME_DIRECTION = 1e-5
"""Triangles that are no farther apart about an edge lie in the same direction from it, rad."""


class Edges:
    """The edges of triangles (k, 3), each once, whichever way they run.

    Attributes:
        vertices: both ends, (m, 2), the lower index first.
        of_face: the edges of each triangle, (k, 3): that from its first corner to its second, and so on.
        forward: whether they run from the lower index to the higher there, (k, 3).
        count: how many triangles each edge has, (m,).
    """

    def __init__(self, faces: IntArray) -> None:
        """Find them."""
        directed = np.stack([faces, np.roll(faces, -1, axis=1)], axis=2)
        self.forward: BoolArray = directed[:, :, 0] < directed[:, :, 1]
        self.vertices, index, self.count = np.unique(
            np.sort(directed.reshape(-1, 2), axis=1), axis=0, return_inverse=True, return_counts=True
        )
        self.of_face: IntArray = index.reshape(-1, 3)

    @property
    def odd(self) -> BoolArray:
        """Edges with an odd number of triangles: a surface that encloses something has none, (m,)."""
        return self.count % 2 == 1

    def patches(self) -> IntArray:
        """Number of the patch of each triangle, (k,): patches meet along edges that have not just two triangles."""
        order = np.argsort(self.of_face.ravel(), kind="stable")
        starts = np.cumsum(self.count) - self.count
        first = starts[self.count == 2]
        return components(order[first] // 3, order[first + 1] // 3, len(self.of_face))


def components(a: IntArray, b: IntArray, n: int) -> IntArray:
    """Number of the connected component of each of n nodes, (n,), where ``a[i]`` is connected with ``b[i]``."""
    graph = coo_array((np.ones(len(a), dtype=np.bool_), (a, b)), shape=(n, n))
    return connected_components(graph, directed=False)[1].astype(np.int64)


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Sides of triangles that are continued by each other: side ``3 * i + j`` is edge ``j`` of triangle ``i``."""

    first: IntArray
    second: IntArray

    same_way: BoolArray
    """Whether both run the same way, so that one of the triangles is wound the wrong way round, (pairs,)."""

    num_shared: int
    """How many edges have more than two triangles."""


def pair_sides(vertices: FloatArray, faces: IntArray) -> Pairs:
    """Find which triangles continue each other; every edge must have an even number of them.

    Where more than two meet, neighbors about the edge are paired. Where they are wound alike, these are such that bound
    the same wedge of solid, so that bodies that only touch there are kept apart.
    """
    edges = Edges(faces)
    order = np.argsort(edges.of_face.ravel(), kind="stable")
    starts = np.cumsum(edges.count) - edges.count
    forward = edges.forward.ravel()
    simple = starts[edges.count == 2]
    first, second = [order[simple]], [order[simple + 1]]
    shared = np.flatnonzero(edges.count > 2)
    for edge in shared:
        sides = order[starts[edge] : starts[edge] + edges.count[edge]]
        around = sides[_order(_angles(vertices, faces, edges.vertices[edge], sides), ~forward[sides])]
        # Solid lies behind a triangle that runs forward, and before one that runs backward.
        ways = [around, np.roll(around, -1)]
        solid = [np.count_nonzero(~forward[way[::2]] & forward[way[1::2]]) for way in ways]
        air = [np.count_nonzero(forward[way[::2]] & ~forward[way[1::2]]) for way in ways]
        way = max(zip(np.add(solid, air), solid, (0, 1), strict=True))[2]
        first.append(ways[way][::2])
        second.append(ways[way][1::2])
    a, b = np.concatenate(first), np.concatenate(second)
    return Pairs(first=a, second=b, same_way=forward[a] == forward[b], num_shared=len(shared))


def split_vertices(faces: IntArray, pairs: Pairs) -> tuple[IntArray, IntArray]:
    """Give every surface vertices of its own, so that surfaces that only touch share none.

    Returns:
        The triangles in terms of the new vertices, (k, 3), and which old vertex each new one is, (n,).
    """
    corner = faces.ravel()
    ends = []
    for start in (pairs.first, pairs.second):
        end = 3 * (start // 3) + (start + 1) % 3
        turned = corner[start] > corner[end]
        ends.append(np.concatenate([np.where(turned, end, start), np.where(turned, start, end)]))
    label = components(ends[0], ends[1], faces.size)
    _, first, label = np.unique(label, return_index=True, return_inverse=True)
    return label.reshape(-1, 3), corner[first]


def _angles(vertices: FloatArray, faces: IntArray, edge: IntArray, sides: IntArray) -> FloatArray:
    """Directions of triangles about an edge that they share, (sides,), rad."""
    start, end = vertices[edge]
    along = (end - start) / np.linalg.norm(end - start)
    away = vertices[faces[sides // 3, (sides + 2) % 3]] - start
    away -= np.outer(away @ along, along)
    across = away[np.argmax(np.linalg.norm(away, axis=1))]
    angles: FloatArray = np.arctan2(away @ np.cross(along, across), away @ across)
    return angles


def _order(angles: FloatArray, last: BoolArray) -> IntArray:
    """Order of triangles about an edge; of those in the same direction the ones marked come last."""
    order = np.argsort(angles, kind="stable")
    gaps = np.diff(angles[order], append=angles[order[0]] + 2 * np.pi)
    order = np.roll(order, -(int(np.argmax(gaps)) + 1))
    gaps = np.roll(gaps, -(int(np.argmax(gaps)) + 1))
    direction = np.concatenate([[0], np.cumsum(gaps[:-1] > _SAME_DIRECTION)])
    return order[np.lexsort((last[order], direction))]
