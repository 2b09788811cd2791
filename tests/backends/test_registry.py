"""Backends by name: what is registered, what is asked of it, what is refused."""

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import dexndm_gym
from dexndm_gym.backends import BackendRequest, Randomization, WeakServos, backend_names, make_backend
from dexndm_gym.backends.registry import BUILT_IN, GROUP
from dexndm_gym.errors import ConfigurationError

SIM = "LeapRotate-Sim-v0"
SETUP = Path(dexndm_gym.__file__).parent.parent / "setup.cfg"


def test_built_in_backends_are_entry_points() -> None:
    lines = SETUP.read_text().partition(f"{GROUP} =\n")[2].partition("\n[")[0]
    declared = [tuple(part.strip() for part in line.split("=")) for line in lines.splitlines() if line.strip()]
    assert declared == [(entry.name, entry.value) for entry in BUILT_IN]
    assert all(callable(entry.load()) for entry in BUILT_IN)


def test_entry_point_of_a_package_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "lab_hands-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lab-hands\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[{GROUP}]\nlab = lab_hands:make\nmujoco = lab_hands:make\nold = lab_hands:gone\n"
    )
    (tmp_path / "lab_hands.py").write_text(
        "from dexndm_gym.backends import WeakServos\n"
        "def make(request, *, stiffness=1.0):\n"
        "    return WeakServos(request.num_hands, stiffness=stiffness)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert {"lab", "old"} < set(backend_names())
    env: Any = gymnasium.make_vec(SIM, 3, backend="lab", stiffness=0.5)
    assert (env.unwrapped.backend.num_hands, env.unwrapped.backend.share[0]) == (3, 0.25)
    assert type(make_backend("mujoco", BackendRequest())).__name__ == "MujocoHand", "built-in names are not taken"
    with pytest.raises(ConfigurationError, match="lab_hands:gone"):
        make_backend("old", BackendRequest())


def of_this_module(request: BackendRequest) -> WeakServos:
    return WeakServos(request.num_hands)


@pytest.mark.parametrize("make", [gymnasium.make, gymnasium.make_vec])
def test_spec_through_json_keeps_backend_and_options(make: Any) -> None:
    for options in ({"backend": "weak_servos", "stiffness": 0.5}, {"backend": of_this_module}):
        env = make(SIM, **options)
        again = make(type(env.spec).from_json(env.spec.to_json()))
        np.testing.assert_array_equal(again.unwrapped.backend.share, env.unwrapped.backend.share)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"backend": "mujocco"}, "weak_servos.*Did you mean 'mujoco'"),
        ({"backend": 3}, "expected one of mujoco"),
        ({"backend": "no_such_package:make"}, "no_such_package"),
        ({"backend": "dexndm_gym.backends.factories:lost"}, "has no 'lost'"),
        ({"backend": "weak_servos", "stifness": 1.0}, "stifness.*stiffness"),
        ({"backend": "virtual", "randomize": True}, "do not vary"),
        ({"backend": "weak_servos", "starts": "starts.npz"}, "own pose"),
    ],
)
def test_wrong_backends_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        gymnasium.make(SIM, **options)


def test_request_says_what_to_randomize() -> None:
    seen: list[BackendRequest] = []

    def make(request: BackendRequest) -> WeakServos:
        seen.append(request)
        return WeakServos(request.num_hands)

    for randomize in (False, True, {"mass": [0.02, 0.03]}, Randomization(mass=(0.02, 0.03))):
        gymnasium.make_vec(SIM, 1, backend=make, randomize=randomize, object="cube")
    wanted = Randomization(mass=(0.02, 0.03))
    assert [request.randomization for request in seen] == [None, Randomization(), wanted, wanted]
    assert seen[0].objects == ("cube",)
