"""The door for objects: what is registered is known by its name wherever objects are named."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dexndm_gym import primitive, register_object, register_object_set
from dexndm_gym.cli import main
from dexndm_gym.envs.make import make_real_env, make_sim_env, make_sim_vector_env
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps import mesh_grasp_cache
from dexndm_gym.objects.catalog import OBJECT_SETS, REGISTERED, get_object

pytest.importorskip("platformdirs", reason='needs pip install "dexndm_gym[meshes]"')

BLOCK = primitive("block", "box", (0.05, 0.05, 0.06), mass=0.04)
MARBLE = primitive("marble", "sphere", (0.045,) * 3)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _alone(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setattr(mesh_grasp_cache, "_TRIES", 12)
    sets = dict(OBJECT_SETS)
    yield
    REGISTERED.clear()
    OBJECT_SETS.clear()
    OBJECT_SETS.update(sets)


def test_registered_names_work_in_make_and_reset() -> None:
    register_object(BLOCK)
    register_object_set("mine", ["block", MARBLE, "cube"])
    env = make_sim_vector_env(num_envs=16, object="mine", num_threads=1)
    env.reset(seed=0)
    assert set(env.task.objects) == {"block", "marble", "cube"}
    env.reset(options={"object": "marble"})
    assert set(env.task.objects) == {"marble"}
    assert get_object("marble") is MARBLE


def test_a_virtual_hand_is_given_registered_objects() -> None:
    env = make_real_env(port="virtual", object="cube")
    register_object(BLOCK)
    try:
        assert env.reset(seed=0, options={"object": "block"})[1]["object"] == "block"
    finally:
        env.close()


def test_an_env_keeps_what_is_registered_anew(caplog: pytest.LogCaptureFixture) -> None:
    register_object(BLOCK)
    env = make_sim_env(object="block")
    register_object(primitive("block", "box", (0.04, 0.04, 0.06), mass=0.02))
    assert "'block' is registered anew" in caplog.text
    env.reset(seed=0, options={"object": "block"})
    assert env.task.privileged()["mass"][0] == pytest.approx(0.04)
    renewed = make_sim_env(object="block")
    renewed.reset(seed=0)
    assert renewed.task.privileged()["mass"][0] == pytest.approx(0.02)


def test_errors_name_what_is_registered() -> None:
    register_object(BLOCK)
    register_object_set("mine", [BLOCK])
    for wrong, meant in (("blok", "block"), ("mein", "mine")):
        with pytest.raises(ConfigurationError, match=rf"registered one \(block\).*mine.*Did you mean '{meant}'\?"):
            make_sim_env(object=wrong)


@pytest.mark.parametrize("name", ["cube", "basic", "none", "all", "block", "", None, 3])
def test_names_that_are_taken_are_refused(name: str) -> None:
    register_object(BLOCK)
    with pytest.raises(ConfigurationError, match="name"):
        register_object_set(name, ["cube"])


@pytest.mark.parametrize("members", [[], ["blok"], [None], "nothing", 3])
def test_sets_of_what_is_no_object_are_refused(members: object) -> None:
    with pytest.raises(ConfigurationError):
        register_object_set("mine", members)
    assert "mine" not in OBJECT_SETS


@pytest.mark.parametrize("item", ["cube", None, get_object("cube"), primitive("all", "box", (0.05,) * 3)])
def test_objects_that_cannot_be_registered_are_refused(item: object) -> None:
    with pytest.raises(ConfigurationError):
        register_object(item)  # type: ignore[arg-type]
    assert REGISTERED == {}


def test_commands_know_registered_names(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    register_object_set("mine", [BLOCK, MARBLE])
    assert main(["objects", "--set", "mine"]) == 0
    assert {line.split()[0] for line in capsys.readouterr().out.splitlines()[2:]} == {"block", "marble"}
    assert main(["objects"]) == 0
    assert "block" in capsys.readouterr().out
    assert main(["grasps", "--object", "block", "--tries", "4", "--out", str(tmp_path / "grasp_cache.npz")]) == 0
    assert any(key.startswith("block/") for key in np.load(tmp_path / "grasp_cache.npz").files)
    assert main(["objects", "--set", "mein"]) == 2
    assert "Did you mean 'mine'?" in capsys.readouterr().err


def test_objects_command_says_what_was_mended(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    trimesh = pytest.importorskip("trimesh")
    cube = trimesh.creation.box()
    faces = np.vstack([cube.faces, cube.faces[:1]])
    trimesh.Trimesh(cube.vertices, faces, process=False).export(tmp_path / "twice.obj")
    assert main(["objects", "--object", f"{tmp_path}/twice.obj,size=0.06", "--json", str(tmp_path / "table.json")]) == 0
    assert "copies of triangles that were dropped: 1" in capsys.readouterr().out
    assert "copies of triangles" in (tmp_path / "table.json").read_text()
