import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from dexndm_gym.cli import main
from dexndm_gym.cli.common import table
from dexndm_gym.data.collection import recordings_in
from dexndm_gym.data.reading import read_recording
from dexndm_gym.data.recording import RecordingWriter
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.dynamics.model_file import load_model, save_model
from dexndm_gym.grasps.palm_rest import CANONICAL_POSE
from dexndm_gym.training.policy import StudentPolicy
from dexndm_gym.virtual_hand.client import VirtualHandProcess

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: Any) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("policy") / "policy.safetensors"
    StudentPolicy((8,)).save(path)
    return path


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    rng = np.random.default_rng(0)
    with RecordingWriter(folder / "part-0000.h5") as writer:
        for _ in range(3):
            writer.begin_trajectory()
            position = np.zeros(16)
            for target in np.cumsum(rng.uniform(-0.04, 0.04, (40, 16)), axis=0):
                writer.append(position, target)
                position = 0.5 * (position + target)
            writer.end_trajectory(position)
    return folder


def test_fit_prints_and_writes_errors(run: Run, recordings: Path, tmp_path: Path) -> None:
    model, numbers = tmp_path / "new" / "model.safetensors", tmp_path / "fit.json"
    code, out, _ = run("fit", recordings, "--from-scratch", "--epochs", 3, "--out", model, "--json", numbers)
    assert code == 0
    assert "mrad" in out
    assert "deg" in out
    assert "fitted" in out
    errors = json.loads(numbers.read_text())["errors"]
    assert errors["fitted"]["one_step_rms_mrad"] < errors["stays_where_it_is"]["one_step_rms_mrad"]
    assert load_model(model).config.provenance["recordings"] == ["part-0000.h5"]


def test_fit_starts_from_a_model(run: Run, recordings: Path, tmp_path: Path) -> None:
    save_model(JointwiseModel(), tmp_path / "start.safetensors")
    out = tmp_path / "model.safetensors"
    file = recordings / "part-0000.h5"
    code, text, _ = run("fit", file, "--start", tmp_path / "start.safetensors", "--epochs", 1, "--out", out)
    assert code == 0
    assert "before" in text
    assert load_model(out).config.provenance["fine_tuned"]


def test_many_hands_are_fitted_side_by_side(run: Run, recordings: Path, tmp_path: Path) -> None:
    hands = [tmp_path / "hand-0", tmp_path / "hand-1"]
    for hand in hands:
        shutil.copytree(recordings, hand)
    models, numbers = tmp_path / "models", tmp_path / "fit.json"
    options = ("--from-scratch", "--epochs", 1, "--models", models, "--processes", 1, "--json", numbers)
    code, out, _ = run("fit", *hands, *options)
    assert code == 0
    assert "hand-1" in out
    assert list(json.loads(numbers.read_text())) == ["hand-0", "hand-1"]
    assert sorted(path.name for path in models.iterdir()) == ["hand-0.safetensors", "hand-1.safetensors"]
    assert load_model(models / "hand-1.safetensors").config.provenance["recordings"] == ["part-0000.h5"]
    code, _, error = run("fit", hands[0], hands[0], *options)
    assert code == 2
    assert "same name" in error


def test_a_missing_cluster_is_said_in_one_line(run: Run, recordings: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed (extra distributed)")
    code, _, error = run("fit", recordings, "--models", tmp_path / "models", "--cluster", "127.0.0.1:1")
    assert code == 2
    assert error.splitlines()[-1].startswith("dexndm: no Ray cluster at '127.0.0.1:1'")
    assert "Traceback" not in error


def test_pretraining_needs_no_recordings(run: Run, policy: Path, tmp_path: Path) -> None:
    out = tmp_path / "sim.safetensors"
    code, _, _ = run("fit", "--pretrain", "--policy", policy, "--episodes", 2, "--epochs", 1, "--out", out)
    assert code == 0
    assert not load_model(out).config.provenance["fine_tuned"]


def test_other_model_kinds_need_from_scratch(run: Run, recordings: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.safetensors"
    kind = ("--physics", "none", "--network", "joint", "--hidden", 8, 4, "--out", out)
    code, _, error = run("fit", recordings, *kind)
    assert code == 2
    assert "--from-scratch" in error
    assert run("fit", recordings, "--from-scratch", "--epochs", 1, *kind)[0] == 0
    config = load_model(out).config
    assert (config.physics, config.network, config.hidden) == ("none", "joint", (8, 4))
    played = ("evaluate", "--episodes", 1, "--model", out)
    code, _, error = run(*played)
    assert code == 2
    assert "--sim-model" in error
    assert run(*played, "--sim-model", out)[0] == 0


def test_evaluate_in_simulation(run: Run, policy: Path, tmp_path: Path) -> None:
    numbers = tmp_path / "evaluate.json"
    code, out, _ = run("evaluate", "--policy", policy, "--episodes", 3, "--object", "cube", "--json", numbers)
    assert code == 0
    assert "rotation, rad" in out
    read = json.loads(numbers.read_text())
    assert read["episodes"] == 3
    assert {"rotation_rad_mean", "time_to_fall_s_mean", "dropped_share"} <= set(read)


def test_collect_goes_on_where_it_stopped(run: Run, policy: Path, tmp_path: Path) -> None:
    options = ("collect", "--policy", policy, "--out", tmp_path / "hand", "--replays", 2)
    for minutes in (0.02, 0.04):
        code, out, _ = run(*options, "--minutes", minutes, "--json", tmp_path / "collect.json")
        assert code == 0
    assert "dexndm fit" in out
    assert "free, palm_up, rollouts" in out
    parts = recordings_in(tmp_path / "hand")
    assert [sum(map(len, read_recording(part))) for part in parts] == [24, 24]
    read = json.loads((tmp_path / "collect.json").read_text())["settings"]
    assert [setting["resumed_minutes"] for setting in read] == [pytest.approx(0.02)]
    assert {path.name for path in (tmp_path / "hand").iterdir()} > {"coverage.png", "coverage.json"}
    code, out, _ = run("coverage", tmp_path / "hand", "--plot", tmp_path / "again.png")
    assert code == 0
    assert "if_rot" in out
    assert (tmp_path / "again.png").stat().st_size > 10_000


def test_collect_goes_through_surroundings_and_wrists(run: Run, policy: Path, tmp_path: Path) -> None:
    setting = ("--surroundings", "balls", "tied_ball", "--wrists", "thumb_up", "--motion", "waves")
    code, _out, _ = run("collect", "--policy", policy, "--out", tmp_path, "--minutes", 0.01, *setting)
    assert code == 0
    found = [trajectory.metadata for part in recordings_in(tmp_path) for trajectory in read_recording(part)]
    assert [(one["surroundings"], one["wrist"], one["motion"]) for one in found] == [
        ("balls", "thumb_up", "waves"),
        ("tied_ball", "thumb_up", "waves"),
    ]


def test_collect_replays_what_was_done_in_each_wrist(run: Run, tmp_path: Path) -> None:
    how = ("--policy", "six_wrists", "--object", "cylinder", "--axis", "hand-z", "--starts", "grasps", "--replays", 1)
    code, _, _ = run("collect", *how, "--wrist", "palm_down", "thumb_up", "--minutes", 0.02, "--out", tmp_path)
    assert code == 0
    found = [trajectory for part in recordings_in(tmp_path) for trajectory in read_recording(part)]
    assert [one.metadata["wrist"] for one in found] == ["palm_down", "thumb_up"]
    assert all(np.abs(one.position[0] - CANONICAL_POSE).max() < 0.2 for one in found)
    assert np.abs(found[0].command[:10] - found[1].command[:10]).max() > 0.05


def test_collect_says_what_to_set_up(run: Run, policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("builtins.input", asked.append)
    options = ("--port", "/dev/nothing", "--surroundings", "balls", "--wrists", "palm_down", "--replays", 1)
    code, out, err = run("collect", "--policy", policy, "--out", tmp_path, *options)
    assert len(asked) == 1
    assert "palm down" in out
    assert "soft balls" in out
    assert (code, "/dev/nothing" in err) == (2, True)


def test_evaluate_on_hardware_needs_somebody_or_yes(run: Run, policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dexndm_gym.cli.common._input_has_ended", lambda: True)
    evaluate = ("evaluate", "--env", "/dev/nothing", "--policy", policy, "--wrist", "palm_down", "--episodes", 1)
    code, _, err = run(*evaluate)
    assert (code, "give --yes" in err) == (2, True)
    code, _, err = run(*evaluate, "--yes")
    assert (code, "Cannot open the serial port /dev/nothing" in err) == (2, True)


def test_commands_agree_on_a_hand_without_power(run: Run, policy: Path, tmp_path: Path) -> None:
    for fault, said in (("power_loss", "No servo answers"), ("drop:servo=3", "do not answer: 3 (if_dip)")):
        with VirtualHandProcess(faults=[fault]) as hand:
            collect = ("collect", "--port", hand.port, "--yes", "--out", tmp_path, "--replays", 1, "--policy", policy)
            evaluate = ("evaluate", "--env", hand.port, "--episodes", 1, "--policy", policy)
            told = [run(*command)[2].replace("\r", "\n").splitlines()[-1].strip() for command in (collect, evaluate)]
        assert said in told[0]
        assert told[0] == told[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evaluate", "--episodes", "1"], "Hand: simulated"),
        (["evaluate", "--env", "real"], "Hand: the hand on /dev/nothing (from DEXNDM_PORT)"),
        (["evaluate", "--env", "/dev/other"], "Hand: the hand on /dev/other"),
        (["collect", "--replays", "1", "--yes"], "Hand: the hand on /dev/nothing (from DEXNDM_PORT)"),
    ],
)
def test_commands_say_first_which_hand(
    run: Run, policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEXNDM_PORT", "/dev/nothing")
    _code, _out, err = run(*arguments, "--policy", policy)
    assert err.splitlines()[0] == said


def test_export(run: Run, recordings: Path, tmp_path: Path) -> None:
    pytest.importorskip("minari", reason="the extra `data` is not installed")
    code, out, _ = run("export", "minari", recordings, tmp_path / "leap-v0")
    assert code == 0
    assert "leap-v0" in out
    assert (tmp_path / "leap-v0" / "data" / "metadata.json").exists()


@pytest.fixture
def wrong_files(tmp_path: Path) -> dict[str, Path]:
    text, shape = tmp_path / "text.h5", tmp_path / "shape.safetensors"
    text.write_text("not a recording")
    (tmp_path / "empty").mkdir()
    save_file({"network.0.weight": torch.zeros(8, 100)}, shape, {"width": "[8]"})
    return {"TEXT": text, "SHAPE": shape, "NONE": tmp_path / "none", "EMPTY": tmp_path / "empty"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evaluate", "--policy", "SHAPE"], "do not fit"),
        (["evaluate", "--policy", "TEXT"], "not a policy"),
        (["evaluate", "--policy", "NONE"], "none"),
        (["evaluate", "--policy", "POLICY", "--object", "cub"], "cube"),
        (["evaluate", "--policy", "POLICY", "--episodes", "0"], "at least 1"),
        (["evaluate", "--policy", "POLICY", "--model", "TEXT"], "text.h5"),
        (["evaluate", "--policy", "POLICY", "--env", "/dev/nothing"], "/dev/nothing"),
        (["evaluate", "--policy", "POLICY", "--env", "virtual", "--randomize"], "sim"),
        (["fit"], "recordings"),
        (["fit", "EMPTY", "--from-scratch"], "no recordings"),
        (["fit", "NONE", "--from-scratch"], "none"),
        (["fit", "TEXT", "--from-scratch"], "text.h5"),
        (["collect", "--policy", "NONE"], "none"),
        (["collect", "--wrists", "sideways"], "thumb_down"),
        (["coverage", "EMPTY"], "no recordings"),
        (["export", "minari", "NONE", "leap-v0"], "none"),
        (["demo", "--policy", "NONE"], "none"),
        (["demo", "--policy", "POLICY", "--sim-model", "NONE"], "none"),
        (["demo", "--policy", "SHAPE"], "do not fit"),
        (["distill", "--teacher", "NONE"], "none"),
        (["report", "NONE"], "none"),
        (["report", "EMPTY"], "nothing to report"),
        (["report", "TEXT"], "expected a folder"),
        (["view", "sim", "--policy", "NONE"], "none"),
        (["view", "sim", "--axis", "sideways"], "hand+z"),
        (["view", "virtual", "--object", "cub"], "cube"),
        (["view", "recording", "TEXT"], "text.h5"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    arguments: list[str],
    said: str,
    run: Run,
    policy: Path,
    wrong_files: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    files = wrong_files | {"POLICY": policy}
    code, _, err = run(*(files.get(argument, argument) for argument in arguments))
    assert code == 2
    last = err.replace("\r", "\n").strip().splitlines()[-1]
    assert last.lstrip().startswith("dexndm: ")
    assert said in last
    assert "Traceback" not in err


def test_tables_line_up() -> None:
    text = table(("", "a"), [("long name", "1"), ("b", "22.5")])
    assert text == "              a\n---------  ----\nlong name     1\nb          22.5"
