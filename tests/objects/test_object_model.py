"""Objects against sizes and inertia that are found here by sampling or by MuJoCo's own compiler."""

from typing import Any

import mujoco
import numpy as np
import pytest

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.objects.catalog import OBJECT_SETS, OBJECTS
from dexndm_gym.objects.geoms import GEOM_TYPES, ConvexGeom, ball, box, disc, egg, rod
from dexndm_gym.objects.object_model import MASS_RANGE, MAX_GEOMS, RotatableObject, assemble, primitive

GRAY = (0.5, 0.5, 0.5, 1.0)
PIECES = {
    "box": box((1, 2, 3), (2, 3, 4), GRAY, pitch=30),
    "ellipsoid": egg((1, 2, 3), (2, 3, 4), GRAY, pitch=30),
    "sphere": ball((1, 2, 3), 2, GRAY),
    "capsule": rod((1, 2, 3), (3, 5, 4), 1.5, GRAY),
    "cylinder": disc((1, 2, 3), (3, 5, 4), 1.5, GRAY),
}


def compiled(geoms: tuple[ConvexGeom, ...]) -> mujoco.MjModel:
    """One body made of these, with mass and inertia found by MuJoCo; density 1."""
    spec = mujoco.MjSpec()
    body = spec.worldbody.add_body(name="object")
    body.add_freejoint()
    for geom in geoms:
        size = geom.geom_size
        body.add_geom(type=GEOM_TYPES[geom.shape], size=size, pos=geom.position, quat=geom.quat, density=1.0)
    return spec.compile()


@pytest.mark.parametrize("shape", PIECES)
def test_a_piece_is_as_large_as_its_points(shape: str) -> None:
    geom = PIECES[shape]
    model = compiled((geom,))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    far = np.random.default_rng(0).standard_normal((4000, 3))
    far *= 100.0 / np.linalg.norm(far, axis=1, keepdims=True)
    points = []
    for start in far:  # rays to the center meet the surface
        along = -start / 100.0
        hit = mujoco.mj_ray(model, data, start + geom.position, along, None, 1, -1, np.zeros(1, np.int32))
        points.append(start + hit * along)
    found = np.abs(points).max(axis=0)
    assert (found <= geom.reach + 1e-9).all()
    np.testing.assert_allclose(found, geom.reach, rtol=0.06)
    assert np.linalg.norm(points, axis=1).max() == pytest.approx(geom.bounding_radius, rel=0.06)


@pytest.mark.parametrize("name", OBJECT_SETS["complex"])
def test_mass_and_inertia_are_those_that_mujoco_finds(name: str) -> None:
    item = OBJECTS[name]
    model = compiled(item.geoms)
    np.testing.assert_allclose(model.body("object").ipos, 0.0, atol=1e-6)  # the origin is the center of mass
    mass = model.body("object").mass[0]
    assert sum(geom.volume for geom in item.geoms) == pytest.approx(mass, rel=1e-6)
    np.testing.assert_allclose(np.sort(item.unit_inertia), np.sort(model.body("object").inertia / mass), rtol=1e-5)
    turn = np.empty(9)
    mujoco.mju_quat2Mat(turn, model.body("object").iquat)
    tensor = turn.reshape(3, 3) @ np.diag(model.body("object").inertia / mass) @ turn.reshape(3, 3).T
    np.testing.assert_allclose(np.diag(item.unit_inertia), tensor, atol=1e-9)  # the frame is that of the principal axes


def test_upright_is_how_it_was_drawn() -> None:
    drawn = [box((0, 0, 0), (4, 2, 2), GRAY), box((1, 0, 3), (1, 1, 4), GRAY)]
    item = assemble("x", drawn, 0.06)
    np.testing.assert_allclose(item.extents, np.array([4, 2, 6]) / 100, rtol=1e-6)
    assert item.upright[0] < 0.999, "this one's principal axes are tilted"


@pytest.mark.parametrize("shape", GEOM_TYPES)
def test_primitives_have_the_inertia_that_mujoco_finds(shape: str) -> None:
    item = primitive("x", shape, (0.04, 0.04, 0.06) if shape != "sphere" else (0.04,) * 3)
    model = compiled(item.geoms)
    expected = model.body("object").inertia / model.body("object").mass[0]
    np.testing.assert_allclose(np.sort(item.unit_inertia), np.sort(expected), rtol=1e-6)


def test_assembling_scales_to_the_size_asked_for() -> None:
    item = assemble("x", [PIECES["box"], PIECES["capsule"]], 0.08)
    assert item.extents.max() == pytest.approx(0.08)
    assert len(OBJECT_SETS["complex"]) >= 8


@pytest.mark.parametrize("item", OBJECTS.values(), ids=lambda item: item.name)
def test_built_in_objects_are_within_limits(item: RotatableObject) -> None:
    assert 1 <= len(item.geoms) <= MAX_GEOMS
    assert MASS_RANGE[0] <= item.mass <= MASS_RANGE[1]
    sizes = item.name.split("_")[-1].split("x")
    if "_" in item.name:
        longest = [float(size) / 1000 for size in sizes]
        assert item.extents.max() == pytest.approx(max(longest), abs=6e-4)


def test_sets_hold_the_papers_objects() -> None:
    aspects = {name: [OBJECTS[item].aspect for item in items] for name, items in OBJECT_SETS.items() if name != "none"}
    assert {len(OBJECT_SETS[name]) for name in ("normal_cylinders", "normal_cuboids", "small_cylinders")} == {9}
    assert any(aspect == pytest.approx(5.33, abs=0.01) for aspect in aspects["long_cuboids"])
    assert max(aspects["long_cuboids"]) == pytest.approx(6.67, abs=0.01)
    assert min(OBJECTS[item].extents.max() for item in OBJECT_SETS["small_cylinders"]) == pytest.approx(0.025)


@pytest.mark.parametrize("extents", [(0.05, 0.05), 0.05, (0.05, 0.05, 0.05, 0.05), None])
def test_primitives_have_three_lengths(extents: Any) -> None:
    with pytest.raises(ConfigurationError, match="three lengths of 'brick'"):
        primitive("brick", "box", extents)
