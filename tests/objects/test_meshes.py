"""Objects from mesh files, and what is wrong with files that give none."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dexndm_gym.envs.make import make_real_env, make_sim_env, make_sim_vector_env
from dexndm_gym.errors import ConfigurationError, FileFormatError, MissingExtraError
from dexndm_gym.grasps import mesh_grasp_cache
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.objects import meshes
from dexndm_gym.objects.catalog import get_object
from dexndm_gym.objects.meshes import load_mesh
from dexndm_gym.rendering.renderer import HandRenderer

pytest.importorskip("coacd", reason='needs pip install "dexndm_gym[meshes]"')
trimesh = pytest.importorskip("trimesh", reason='needs pip install "dexndm_gym[meshes]"')

TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("meshes")
    trimesh.creation.torus(10.0, 3.0, major_sections=16, minor_sections=8).export(folder / "ring.stl")
    trimesh.creation.box((3.0, 4.0, 5.0)).export(folder / "block.obj")
    trimesh.creation.cone(2.0, 6.0).export(folder / "cone.ply")
    return folder


@pytest.fixture(autouse=True)
def _quick(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.setattr(mesh_grasp_cache, "_TRIES", 12)
    yield
    meshes._LOADED.clear()


def test_a_ring_stays_a_ring(folder: Path) -> None:
    ring = load_mesh(folder / "ring.stl", size=0.08, mass=0.03)
    assert 4 <= len(ring.geoms) <= 10
    assert ring.mass == 0.03
    assert ring.extents.max() == pytest.approx(0.08)
    tube, radius = 0.08 * 3 / 26, 0.08 * 10 / 26
    assert ring.unit_inertia.max() == pytest.approx(radius**2 + 0.75 * tube**2, rel=0.1)


def test_a_block_is_a_box(folder: Path) -> None:
    block = load_mesh(folder / "block.obj", size=0.05)
    np.testing.assert_allclose(block.extents, (0.03, 0.04, 0.05))
    np.testing.assert_allclose(sorted(block.unit_inertia), np.array([25, 34, 41]) * 1e-4 / 12)
    assert block.mass == pytest.approx(200 * 0.03 * 0.04 * 0.05, abs=1e-4)


def test_a_name_says_size_and_mass(folder: Path) -> None:
    name = f"{folder / 'cone.ply'},size=0.06,mass=0.02"
    item = get_object(name)
    assert item.name == name
    assert (item.extents.max(), item.mass) == (pytest.approx(0.06), 0.02)
    assert load_mesh(str(folder / "cone.ply"), mass=0.02, size=0.06) == item


def test_the_second_time_nothing_is_decomposed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_mesh(folder / "block.obj")
    meshes._LOADED.clear()
    monkeypatch.setattr("coacd.run_coacd", None)
    assert load_mesh(folder / "block.obj") == first


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("empty.obj", "", "no triangles|not a mesh"),
        ("points.obj", TRIANGLE, "no triangles|not a mesh"),
        ("broken.stl", "solid x\nfacet", "no triangles|not a mesh"),
        ("noise.ply", "\x00\x01", "not a mesh"),
        ("open.obj", f"{TRIANGLE}f 1 2 3\n", "not closed"),
        ("nan.obj", f"{TRIANGLE}v nan 0 1\nf 1 2 3\nf 1 2 4\nf 2 3 4\nf 1 3 4\n", "not finite"),
        ("flat.obj", f"{TRIANGLE}v .3 .3 0\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 3 1 4\n", "next to no volume"),
    ],
)
def test_unusable_files_are_explained(tmp_path: Path, file: str, content: str, complaint: str) -> None:
    (tmp_path / file).write_text(content)
    with pytest.raises(FileFormatError, match=complaint):
        load_mesh(tmp_path / file)


@pytest.mark.parametrize(("limit", "complaint"), [("MAX_FACES", "Decimate"), ("_MAX_BYTES", "Decimate")])
def test_huge_meshes_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch, limit: str, complaint: str) -> None:
    trimesh.creation.icosphere(3).export(folder / "huge.stl")
    monkeypatch.setattr(meshes, limit, 1000)
    with pytest.raises(FileFormatError, match=complaint):
        load_mesh(folder / "huge.stl")


@pytest.mark.parametrize("settings", ["size=7", "size=0", "size=nan", "mass=0", "mass=much", "color=3", "size"])
def test_settings_out_of_reach_are_explained(folder: Path, settings: str) -> None:
    with pytest.raises(ConfigurationError, match="expected"):
        get_object(f"{folder / 'block.obj'},{settings}")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.stl"):
        get_object("nowhere.stl")


def test_without_the_libraries_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trimesh.creation.box().export(tmp_path / "cube.obj")
    monkeypatch.setitem(sys.modules, "coacd", None)
    with pytest.raises(MissingExtraError, match=r"dexndm_gym\[meshes\]"):
        load_mesh(tmp_path / "cube.obj")


def test_a_cache_that_cannot_be_written_is_named(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ConfigurationError, match="XDG_CACHE_HOME"):
        load_mesh(folder / "block.obj")


def test_a_cut_file_of_the_cache_is_made_anew(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    block = load_mesh(folder / "block.obj")
    [stored] = tmp_path.rglob("*.npz")
    stored.write_bytes(stored.read_bytes()[:100])
    meshes._LOADED.clear()
    assert load_mesh(folder / "block.obj") == block


def test_a_batch_mixes_meshes_with_other_objects(folder: Path) -> None:
    block = load_mesh(folder / "block.obj", size=0.06, mass=0.05)
    cone = str(folder / "cone.ply")
    env = make_sim_vector_env(num_envs=12, object=[block, cone, "cube"], wrist="six", num_threads=1)
    env.reset(seed=1)
    assert set(env.task.objects) == {block.name, cone, "cube"}
    for _ in range(10):
        *_, terminated, _, _ = env.step(np.zeros((12, 16), dtype=np.float32))
        assert not terminated.any()
    with pytest.raises(ConfigurationError, match="made without the mesh"):
        env.reset(options={"object": str(folder / "block.obj")})


def test_a_virtual_hand_holds_a_mesh(folder: Path) -> None:
    env = make_real_env(port="virtual", object=f"{folder / 'block.obj'},size=0.06")
    try:
        env.reset(seed=0)
        for _ in range(10):
            *_, terminated, _, info = env.step(np.zeros(16, dtype=np.float32))
            assert not terminated
        assert info["object_pose"][2] > 0.03
    finally:
        env.close()


def test_a_mesh_is_drawn_where_it_is(folder: Path) -> None:
    trimesh.creation.box((5.0, 5.0, 5.0)).export(folder / "cube.obj")
    renderer, pose = HandRenderer(width=80, height=60), np.array([-0.01, 0.045, 0.11, 0.9, 0.1, 0.3, 0.3])
    empty = renderer.draw(START_POSE, None, "cube")
    cube, mesh = (renderer.draw(START_POSE, pose, name) for name in ("cube", f"{folder / 'cube.obj'},size=0.062"))
    covered = [(picture != empty).any(axis=2) for picture in (cube, mesh)]
    assert covered[0].sum() > 200
    # the primitive has round edges and a stripe; a pixel to the side would be twice that
    assert (covered[0] ^ covered[1]).sum() < 0.08 * covered[0].sum()


def test_starts_of_a_mesh_are_found_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"{folder / 'block.obj'},size=0.06"
    make_sim_env(object=name).reset(seed=0)
    monkeypatch.setattr(mesh_grasp_cache, "find_starts", None)
    make_sim_env(object=name).reset(seed=0)
