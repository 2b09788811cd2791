"""Mesh files that are not as they should be: what can be mended is, and the solid stays what it was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dexndm_gym.errors import FileFormatError
from dexndm_gym.objects import meshes
from dexndm_gym.objects.mesh_repair import repair_mesh
from dexndm_gym.objects.meshes import load_mesh

trimesh = pytest.importorskip("trimesh", reason='needs pip install "dexndm_gym[meshes]"')

Mesh = Any


def box(at: tuple[float, float, float] = (0, 0, 0)) -> Mesh:
    return trimesh.creation.box((1, 1, 1), transform=trimesh.transformations.translation_matrix(at))


def ball(radius: float = 1.0) -> Mesh:
    return trimesh.creation.icosphere(3, radius=radius)


def made_of(vertices: Any, faces: Any) -> Mesh:
    return trimesh.Trimesh(vertices, faces, process=False)


def both(*parts: Mesh) -> Mesh:
    return trimesh.util.concatenate(list(parts))


def inverted(mesh: Mesh) -> Mesh:
    mesh.invert()
    return mesh


def plus(*faces: Any) -> Mesh:
    return made_of(box().vertices, np.vstack([box().faces, *[[face] for face in faces]]))


def half_flipped(mesh: Mesh) -> Mesh:
    faces = mesh.faces.copy()
    faces[::2] = faces[::2, ::-1]
    return made_of(mesh.vertices, faces)


def soup(spread: float) -> Mesh:
    """Triangles with vertices of their own, each a little off."""
    corners = ball().triangles.reshape(-1, 3)
    corners = corners + np.random.default_rng(0).normal(0.0, spread, corners.shape)
    return made_of(corners, np.arange(len(corners)).reshape(-1, 3))


def with_sliver() -> Mesh:
    """A triangle more, between the ends of an edge and the middle of it."""
    a, b = box().edges[0]
    middle = box().vertices[[a, b]].mean(axis=0)
    return made_of(np.vstack([box().vertices, middle]), np.vstack([box().faces, [a, 8, b]]))


def with_pocket() -> Mesh:
    """A closed surface of two triangles besides."""
    return made_of(
        np.vstack([box().vertices, [[0.1, 0, 0], [0.2, 0, 0], [0.1, 0.1, 0]]]),
        np.vstack([box().faces, [8, 9, 10], [8, 10, 9]]),
    )


def without_wall(mesh: Mesh) -> Mesh:
    """Without the wall at x = 0.5."""
    return made_of(mesh.vertices, mesh.faces[np.abs(mesh.triangles_center[:, 0] - 0.5) > 1e-9])


BALL, HOLLOW = ball().volume, ball().volume - ball(0.3).volume
GRID = [(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)]

# By name of the file: the mesh, volume and extents of the solid that it bounds, number of bodies, what is said.
MENDED: dict[str, tuple[Callable[[], Mesh], float, tuple[float, float, float], int, str]] = {
    "touch_along_an_edge.obj": (lambda: both(box(), box((1, 1, 0))), 2, (2, 2, 1), 2, "separated"),
    "touch_along_an_edge.stl": (lambda: both(box(), box((1, 1, 0))), 2, (2, 2, 1), 2, "separated"),
    "touch_in_a_corner.obj": (lambda: both(box(), box((1, 1, 1))), 2, (2, 2, 2), 2, "merged"),
    "touch_face_to_face.obj": (lambda: both(box(), box((1, 0, 0))), 2, (2, 1, 1), 1, "back to back"),
    "eight_cubes.ply": (lambda: both(*map(box, GRID)), 8, (2, 2, 2), 1, "back to back"),
    "one_wall_between.stl": (lambda: both(box(), without_wall(box((1, 0, 0)))), 2, (2, 1, 1), 1, "inner walls"),
    "touch_and_one_inverted.stl": (lambda: both(box(), inverted(box((1, 0, 0)))), 2, (2, 1, 1), 1, "back to back"),
    "touch_and_half_flipped.stl": (
        *(lambda: half_flipped(both(box(), box((1, 0, 0))).subdivide()), 2, (2, 1, 1), 1, "back to back"),
    ),
    "separate.obj": (lambda: both(box(), box((3, 0, 0))), 2, (4, 1, 1), 2, ""),
    "separate_and_one_inverted.obj": (lambda: both(box(), inverted(box((3, 0, 0)))), 2, (4, 1, 1), 2, "inside out"),
    "triangle_twice.obj": (lambda: plus(box().faces[0]), 1, (1, 1, 1), 1, "copies"),
    "triangle_twice_turned.stl": (lambda: plus(box().faces[0][::-1]), 1, (1, 1, 1), 1, "copies"),
    "triangle_thrice.ply": (lambda: plus(*[box().faces[0]] * 2), 1, (1, 1, 1), 1, "copies"),
    "all_twice.obj": (lambda: made_of(ball().vertices, np.vstack([ball().faces] * 2)), BALL, (2, 2, 2), 1, "copies"),
    "repeated_corner.obj": (lambda: plus([0, 0, 1]), 1, (1, 1, 1), 1, "degenerate"),
    "sliver.obj": (with_sliver, 1, (1, 1, 1), 1, "degenerate"),
    "pocket.obj": (with_pocket, 1, (1, 1, 1), 1, "back to back"),
    "unmerged.obj": (lambda: soup(0.0), BALL, (2, 2, 2), 1, "merged"),
    "unmerged.stl": (lambda: soup(0.0), BALL, (2, 2, 2), 1, ""),
    "nearly_merged.ply": (lambda: soup(1e-5), BALL, (2, 2, 2), 1, "apart that were merged"),
    "inverted.stl": (lambda: inverted(box()), 1, (1, 1, 1), 1, "inside out"),
    "half_flipped.stl": (lambda: half_flipped(ball()), BALL, (2, 2, 2), 1, "wound the other way"),
    "cavity.obj": (lambda: both(ball(), inverted(ball(0.3))), HOLLOW, (2, 2, 2), 2, ""),
    "cavity_half_flipped.stl": (
        *(lambda: half_flipped(both(ball(), inverted(ball(0.3)))), HOLLOW, (2, 2, 2), 2, "wound the other way"),
    ),
    "ball_in_a_ball.obj": (lambda: both(ball(), ball(0.3)), BALL, (2, 2, 2), 1, "inside of others"),
    "sound.obj": (ball, BALL, (2, 2, 2), 1, ""),
}


@pytest.mark.parametrize("name", MENDED)
def test_mended_mesh_bounds_the_same_solid(tmp_path: Path, name: str) -> None:
    make, volume, extents, bodies, said = MENDED[name]
    make().export(tmp_path / name)
    vertices, faces, repairs = meshes._read(tmp_path / name)
    mended = made_of(vertices, faces)
    assert mended.is_volume, "closed, and wound alike"
    assert mended.volume == pytest.approx(volume, rel=1e-4)
    np.testing.assert_allclose(mended.extents, extents, atol=1e-4)
    assert mended.body_count == bodies
    assert said in "; ".join(repairs) if said else not repairs


@pytest.mark.parametrize("name", [name for name in MENDED if name.startswith(("touch_along_an_edge.o", "triangle_tw"))])
def test_object_of_a_mended_mesh_keeps_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    pytest.importorskip("coacd", reason='needs pip install "dexndm_gym[meshes]"')
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    make, volume, extents, _, said = MENDED[name]
    make().export(tmp_path / name)
    for _ in range(2):  # decomposed, then from the cache
        meshes._LOADED.clear()
        caplog.clear()
        with caplog.at_level("INFO", "dexndm_gym"):
            item = load_mesh(tmp_path / name, size=0.06)
        assert said in caplog.text
        assert said in "; ".join(item.repairs)
    unit = 0.06 / max(extents)
    np.testing.assert_allclose(item.extents, np.array(extents) * unit, rtol=1e-3)
    assert sum(geom.volume for geom in item.geoms) == pytest.approx(volume * unit**3, rel=0.01)


def holed(mesh: Mesh, *faces: int) -> Mesh:
    return made_of(mesh.vertices, np.delete(mesh.faces, faces, axis=0))


REFUSED: dict[str, tuple[Callable[[], Mesh], str]] = {
    "a hole": (lambda: holed(box(), 3), r"3 open edges, around \(-0\.1667, -0\.1667, -0\.5\)"),
    "two holes": (lambda: holed(ball(), 5, 900), r"6 open edges, around \(.*\), \("),
    "a triangle that sticks in": (lambda: plus([0, 3, 7]), "open edges"),
    "far from merged": (lambda: soup(0.01), "3840 open edges, .* and 1277 more places"),
    "flat": (
        lambda: made_of([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0.3, 0.3, 0]], [[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]]),
        "no volume",
    ),
    "both sides of a sheet": (lambda: made_of([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2], [2, 1, 0]]), "no volume"),
    "only lines": (lambda: made_of([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 1]]), "no volume"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_mended_is_explained(name: str) -> None:
    make, reason = REFUSED[name]
    mesh = make()
    with pytest.raises(FileFormatError, match=reason):
        repair_mesh(np.asarray(mesh.vertices), np.asarray(mesh.faces))


def test_a_surface_with_one_side_is_refused() -> None:
    """The projective plane on six vertices: closed, and one-sided."""
    faces = [
        [0, 1, 4],
        [0, 1, 5],
        [0, 2, 3],
        [0, 2, 5],
        [0, 3, 4],
        [1, 2, 3],
        [1, 2, 4],
        [1, 3, 5],
        [2, 4, 5],
        [3, 4, 5],
    ]
    vertices = np.random.default_rng(0).standard_normal((6, 3))
    with pytest.raises(FileFormatError, match="one side only"):
        repair_mesh(vertices, np.array(faces))
