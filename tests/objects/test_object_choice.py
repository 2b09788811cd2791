"""``object=`` takes what it says: the very object that was handed over is what is simulated."""

import copy
import json
import pickle
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import dexndm_gym
from dexndm_gym.envs.make import make_real_env, make_sim_env, make_sim_vector_env
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps import mesh_grasp_cache
from dexndm_gym.objects import meshes
from dexndm_gym.objects.catalog import OBJECTS, get_object
from dexndm_gym.objects.geoms import box, rod
from dexndm_gym.objects.meshes import load_mesh
from dexndm_gym.objects.object_choice import find_objects
from dexndm_gym.objects.object_model import RotatableObject, assemble, primitive
from dexndm_gym.objects.scene_model import OBJECT_BODY

trimesh = pytest.importorskip("trimesh", reason='needs pip install "dexndm_gym[meshes]"')
pytest.importorskip("coacd", reason='needs pip install "dexndm_gym[meshes]"')

GRAY = (0.5, 0.5, 0.5, 1.0)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _quick(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setattr(mesh_grasp_cache, "_TRIES", 12)
    yield
    meshes._LOADED.clear()


def hammer(size: float = 0.07) -> RotatableObject:
    geoms = [rod((0, 0, 0), (0, 0, 6), 2.5, GRAY), box((0, 0, 6), (6, 4, 4), GRAY)]
    return assemble("hammer", geoms, size, mass=0.03)


def write_block(path: Path, size: tuple[float, float, float] = (1, 1, 1)) -> Path:
    trimesh.creation.box(size).export(path)
    return path


def simulated_extents(env: gymnasium.Env[Any, Any]) -> np.ndarray:
    """Full lengths of the hull that a simulation has for an object of one hull, m, sorted."""
    hand = env.unwrapped.backend  # type: ignore[attr-defined]
    model = hand._model
    mesh = int(hand.batch.expand("geom_dataid")[0, model.body(OBJECT_BODY).geomadr[0]])
    start, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
    return np.sort(np.ptp(model.mesh_vert[start : start + count], axis=0))


def test_object_of_pieces_is_simulated() -> None:
    item = hammer()
    env = make_sim_env(object=item)
    _, info = env.reset(seed=0)
    assert info["object"] == "hammer"
    assert env.task.privileged()["mass"][0] == item.mass
    np.testing.assert_allclose(
        env.task.privileged()["size"][0] / item.extents, env.task.privileged()["size"][0, 0] / item.extents[0]
    )
    for _ in range(10):
        *_, terminated, _, _ = env.step(np.zeros(16, dtype=np.float32))
        assert not terminated


def test_own_objects_starts_are_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    make_sim_env(object=hammer()).reset(seed=0)
    monkeypatch.setattr(mesh_grasp_cache, "find_starts", None)
    make_sim_env(object=hammer()).reset(seed=0)


@pytest.mark.parametrize("as_path", [str, Path])
@pytest.mark.parametrize("name", ["c.stl", "part, left.stl", "a.stl,size=7.stl"])
def test_object_outlives_its_file(as_path: Any, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        item = load_mesh(as_path(write_block(Path(folder) / name)), 0.06)
    env = gymnasium.make("LeapRotate-Sim-v0", object=item)
    assert env.reset(seed=0)[1]["object"] == item.name
    np.testing.assert_allclose(simulated_extents(env), 0.06, rtol=1e-6)


def test_two_states_of_a_file_are_two_objects(tmp_path: Path) -> None:
    path = write_block(tmp_path / "c.stl")
    first = load_mesh(path, size=0.06)
    before = make_sim_env(object=first)
    write_block(path, (1, 1, 0.5))
    assert get_object(first.name) is first
    after = make_sim_env(object=load_mesh(path, size=0.06))
    for env in (before, after):
        env.reset(seed=0)
    np.testing.assert_allclose(simulated_extents(before), 0.06, rtol=1e-6)
    np.testing.assert_allclose(simulated_extents(after), (0.03, 0.06, 0.06), rtol=1e-6)
    before.reset(seed=1, options={"object": first.name})
    with pytest.raises(ConfigurationError, match="made without the mesh"):
        before.reset(options={"object": load_mesh(path, size=0.06)})


def test_object_path_is_read_when_env_is_made(tmp_path: Path) -> None:
    path = write_block(tmp_path / "c.stl")
    make_sim_env(object=f"{path},size=0.06")
    write_block(path, (1, 1, 0.5))
    env = make_sim_env(object=f"{path},size=0.06")
    env.reset(seed=0)
    np.testing.assert_allclose(simulated_extents(env), (0.03, 0.06, 0.06), rtol=1e-6)


def test_list_mixes_names_paths_and_objects(tmp_path: Path) -> None:
    path = write_block(tmp_path / "c.stl")
    env = make_sim_vector_env(num_envs=16, object=("cube", f"{path},size=0.06", path, hammer()), num_threads=1)
    env.reset(seed=0)
    assert set(env.task.objects) == {"cube", f"{path},size=0.06", str(path), "hammer"}
    env.reset(options={"object": [path, "hammer"]})
    assert set(env.task.objects) == {str(path), "hammer"}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (trimesh.creation.box(), "Trimesh; export it"),
        (["cube", None], "got NoneType"),
        ([["cube"]], "got list"),
        (3, "got int"),
        (0.5, "got float"),
        (np.float64(0.5), "got float64"),
        (np.array(1), "got ndarray"),
        (b"cube", "got bytes; decode it"),
        ({"cube": 1}, "got dict"),
        ((), "empty"),
        ("", "Unknown object ''"),
        (Path("cube"), "expected a mesh file"),
        (Path("nowhere.stl"), "cannot read the mesh 'nowhere.stl'"),
        ("nul\0.stl", "cannot read the mesh"),
        (primitive("cube", "box", (0.05,) * 3), "'cube' is the name of a built-in"),
        (primitive("basic", "box", (0.05,) * 3), "'basic' is the name of a built-in"),
        (primitive("none", "box", (0.05,) * 3), "'none' is the name of a built-in"),
        (primitive("mm", "box", (50,) * 3), "0.015 to 0.25 m, got 50 m"),
        ([hammer(), hammer(0.06)], "two different objects are named 'hammer'"),
        (RotatableObject(name="x", geoms=(box((0.01, 0, 0), (0.05, 0.05, 0.05), GRAY),), mass=0.1), "principal axes"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_wrong_object_is_named_in_one_line(value: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        gymnasium.make("LeapRotate-Sim-v0", object=value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: primitive("x", "bax", (0.05,) * 3), "'bax'"),
        (lambda: primitive("x", "box", (0.05, 0.05, 0.0)), "above 0 m"),
        (lambda: primitive("x", "box", (0.05, 0.05, np.nan)), "above 0 m"),
        (lambda: primitive("x", "box", (0.05,) * 3, mass=-1.0), "above 0 kg"),
        (lambda: primitive("", "box", (0.05,) * 3), "name"),
        (lambda: assemble("x", [], 0.07), "got none"),
        (lambda: assemble("x", [box((i, 0, 0), (1, 1, 1), GRAY) for i in range(11)], 0.07), "1 to 10 geoms"),
        (lambda: load_mesh(3), "got 3"),  # type: ignore[arg-type]
        (lambda: load_mesh("x.stl", size="large"), "got 'large'"),  # type: ignore[arg-type]
    ],
)
def test_objects_that_cannot_be_are_refused(make: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        make()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda item: pickle.loads(pickle.dumps(item))])
def test_copies_of_an_object_are_equal(tmp_path: Path, copied: Any) -> None:
    for item in (hammer(), load_mesh(write_block(tmp_path / "c.stl")), OBJECTS["duck"]):
        assert copied(item) == item
        assert copied(item).fingerprint == item.fingerprint
    assert find_objects(copied(OBJECTS["duck"])) == ("duck",)


def test_object_survives_json(tmp_path: Path) -> None:
    for item in (replace(hammer(), repairs=("x",)), load_mesh(write_block(tmp_path / "c.stl"))):
        again = RotatableObject.from_dict(json.loads(json.dumps(asdict(item))))
        assert again == item
        assert again.repairs == item.repairs
    with pytest.raises(ConfigurationError, match="fields of an object"):
        RotatableObject.from_dict({"name": "x"})


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_gymnasiums_vector_envs_take_objects(mode: str) -> None:
    make_sim_env(object=hammer())  # what worker processes find in the cache
    env = gymnasium.make_vec("LeapRotate-Sim-v0", num_envs=2, vectorization_mode=mode, object=hammer())
    try:
        assert env.reset(seed=0)[1]["object"].tolist() == ["hammer", "hammer"]
    finally:
        env.close()


def test_virtual_hand_holds_what_was_handed_over(tmp_path: Path) -> None:
    mesh = load_mesh(write_block(tmp_path / "c.stl"), size=0.06)
    (tmp_path / "c.stl").unlink()
    env = make_real_env(port="virtual", object=[mesh, hammer()])
    try:
        for item in (mesh, hammer()):
            env.reset(seed=0, options={"object": item})
            *_, info = env.step(np.zeros(16, dtype=np.float32))
            assert info["object_pose"][2] > 0.0
        with pytest.raises(ConfigurationError, match="made without the mesh"):
            env.reset(options={"object": load_mesh(write_block(tmp_path / "d.stl"), size=0.06)})
    finally:
        env.close()


def test_object_is_drawn_as_handed_over() -> None:
    large, small = (make_sim_env(object=hammer(size), render_mode="rgb_array") for size in (0.08, 0.05))
    pictures = []
    for env in (large, small):
        env.reset(seed=0)
        seen = env.task.seen(0)
        assert isinstance(seen[2], RotatableObject)
        pictures.append(env.render())
    assert small.task.seen(0)[2].extents.max() == pytest.approx(0.05)  # type: ignore[union-attr]
    assert pictures[0].shape == (480, 640, 3)


def test_env_has_only_its_own_objects() -> None:
    env = make_sim_env(object="cube")
    with pytest.raises(ConfigurationError, match="made without this object 'hammer'"):
        env.reset(options={"object": hammer()})


def test_importing_objects_by_the_packages_name() -> None:
    assert dexndm_gym.load_mesh is load_mesh
    with pytest.raises(AttributeError, match="no attribute 'regster_object'"):
        _ = dexndm_gym.regster_object
