"""Surfaces that pictures are made of."""

from collections import Counter

import numpy as np
import pytest

from dexndm_gym.arrays import FloatArray
from dexndm_gym.hand.geometry import contact_shapes
from dexndm_gym.objects.catalog import OBJECTS
from dexndm_gym.rendering.hand_parts import hand_parts
from dexndm_gym.rendering.scene import HandPose, object_parts
from dexndm_gym.rendering.surfaces import Surface, arc, ball, box, cone, ellipsoid, hull, prism, rod

CLOSED = {
    "box": (box([0.02, 0.01, 0.005], edge=0.002), 8 * 0.02 * 0.01 * 0.005),
    "ball": (ball(0.01), 4 / 3 * np.pi * 1e-6),
    "ellipsoid": (ellipsoid([0.01, 0.02, 0.03]), 4 / 3 * np.pi * 6e-6),
    "rod": (rod([0.0, 0.0, 0.0], [0.03, 0.01, 0.02], 0.005), np.pi * 2.5e-5 * (np.sqrt(14e-4) + 0.02 / 3)),
    "disc": (prism([0.0, 0.0], radius=0.02, half=0.03, edge=0.001), np.pi * 4e-4 * 0.06),
    "cone": (cone(0.01, 0.02), np.pi * 1e-4 * 0.02 / 3),
    "hull": (hull([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]), 1 / 6),
}


def corners(surface: Surface) -> tuple[FloatArray, FloatArray, FloatArray]:
    a, b, c = (surface.vertices[surface.faces[:, i]] for i in range(3))
    return a, b, c


@pytest.mark.parametrize("name", CLOSED)
def test_solids_are_closed_and_as_large_as_they_should_be(name: str) -> None:
    surface, volume = CLOSED[name]
    a, b, c = corners(surface)
    assert np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6 == pytest.approx(volume, rel=0.05)
    points = [tuple(point) for point in np.round(surface.vertices, 9) + 0.0]
    edges = Counter((points[f[i]], points[f[(i + 1) % 3]]) for f in surface.faces for i in range(3))
    assert all(edges[end, start] == count for (start, end), count in edges.items()), "every edge has two sides"


@pytest.mark.parametrize("surface", [*(one for one, _ in CLOSED.values()), arc(0.05, 0.002, 4.5)])
def test_normals_point_out_of_faces(surface: Surface) -> None:
    a, b, c = corners(surface)
    facing = np.einsum("ij,ij->i", np.cross(b - a, c - a), surface.normals[surface.faces].mean(axis=1))
    assert (facing > 0.0).all()
    np.testing.assert_allclose(np.linalg.norm(surface.normals, axis=1), 1.0)


def test_what_touches_is_seen_where_it_touches() -> None:
    """Boxes that objects rest on: what is drawn ends within 2 mm of them on the palm's side."""
    drawn = Surface.joined([part.surface for part in hand_parts() if part.body == "palm"]).vertices
    for index in (0, 2, 3):  # knuckles, plate, heel
        shape = contact_shapes("palm")[index]
        center, half = np.array(shape.center), np.array(shape.half)  # type: ignore[union-attr]
        above = (np.abs(drawn[:, :2] - center[:2]) < half[:2] - 0.002).all(axis=1)
        assert drawn[above, 2].min() == pytest.approx(center[2] - half[2], abs=0.002)


def test_all_bodies_of_the_hand_are_drawn() -> None:
    assert {part.body for part in hand_parts()} == set(HandPose().bodies)


@pytest.mark.parametrize("name", ["cube", "cylinder", "ellipsoid", "duck"])
def test_objects_are_drawn_as_large_as_they_are(name: str) -> None:
    item = OBJECTS[name]
    parts = object_parts(name)
    pieces = parts[:-1] if item.is_primitive else parts
    drawn = Surface.joined([part.surface for part in pieces]).vertices
    bounds = np.array([geom.bounds for geom in item.geoms])
    np.testing.assert_allclose(drawn.min(axis=0), bounds[:, 0].min(axis=0), atol=5e-4)
    np.testing.assert_allclose(drawn.max(axis=0), bounds[:, 1].max(axis=0), atol=5e-4)
