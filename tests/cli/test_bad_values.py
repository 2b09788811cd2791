"""Whatever is wrong with an option of any command is said in one line, before any work."""

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dexndm_gym.checks import Bound, declared, field_hints
from dexndm_gym.cli import hand, main, teleop, tracker, view
from dexndm_gym.cli.collect import CollectCommand
from dexndm_gym.cli.common import parse
from dexndm_gym.cli.coverage import CoverageCommand
from dexndm_gym.cli.demo import DemoCommand
from dexndm_gym.cli.distill import DistillCommand
from dexndm_gym.cli.evaluate import EvaluateCommand
from dexndm_gym.cli.export import ExportCommand
from dexndm_gym.cli.fit import FitCommand
from dexndm_gym.cli.gallery import GalleryCommand
from dexndm_gym.cli.grasps import GraspsCommand
from dexndm_gym.cli.objects import ObjectsCommand
from dexndm_gym.cli.report import ReportCommand
from dexndm_gym.cli.train import TrainCommand
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.outputs import Output

COMMANDS: dict[str, Any] = {
    "collect": CollectCommand,
    "coverage": CoverageCommand,
    "demo": DemoCommand,
    "distill": DistillCommand,
    "evaluate": EvaluateCommand,
    "export": ExportCommand,
    "fit": FitCommand,
    "gallery": GalleryCommand,
    "grasps": GraspsCommand,
    "objects": ObjectsCommand,
    "report": ReportCommand,
    "train": TrainCommand,
}
COMMANDS |= {f"hand {kind.__name__.lower()}": kind for kind in hand._ACTIONS}
COMMANDS |= {f"view {kind.__name__.lower()}": kind for kind in view._ACTIONS}
COMMANDS |= {f"tracker {name}": kind for name, (kind, _) in tracker._ACTIONS.items()}
COMMANDS |= {f"teleop {kind.__name__.lower()}": kind for kind in teleop._ACTIONS}
NEEDED = {"coverage": ["x.h5"], "export": ["lerobot", "x.h5", "new"], "distill": ["--teacher", "teacher.zip"]}
NEEDED |= {"report": ["runs"], "view recording": ["x.h5"]}


def everything_in(hint: Any) -> Iterator[Any]:
    yield hint
    for inner in get_args(hint):
        yield from everything_in(inner)


def options(kind: type, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """All options of a dataclass, those of the dataclasses in it too."""
    for name, hint in field_hints(kind).items():
        if dataclasses.is_dataclass(hint):
            yield from options(hint, f"{prefix}{name}.")  # type: ignore[arg-type]
        else:
            yield f"--{prefix}{name}".replace("_", "-"), hint


def wrong_values(hint: Any) -> list[str]:
    """What an option of that type must refuse."""
    inside = list(everything_in(hint))
    if not ({int, float} & set(inside)) or dict in [get_origin(one) for one in inside]:
        return []
    bounds = [bound for one in inside for bound in declared(one, Bound)]
    wrong = ["many", "nan"]
    for bound in bounds:
        whole = "{:.0f}" if int in inside else "{}"
        low = [bound.least - 1] if bound.least > -math.inf else []
        low += [bound.above, bound.above - 1] if bound.above > -math.inf else []
        high = [bound.most + 1] if bound.most < math.inf else []
        wrong += [whole.format(number) for number in (*low, *high)]
        wrong += [] if bound.infinite else ["inf", "-inf"]
    return wrong


WRONG = [
    (command, option, value)
    for command, kind in COMMANDS.items()
    for option, hint in options(kind)
    for value in (*wrong_values(hint), "")
    if not (command in ("coverage", "export") and option in ("--paths", "--format", "--recordings", "--out"))
    and option != "--paths"
]


def places(command: str, option: str) -> int:
    """How many values an option takes at a time."""
    hint = next(hint for name, hint in options(COMMANDS[command]) if name == option)
    inner = next((get_args(one) for one in everything_in(hint) if get_origin(one) is tuple), ())
    return len(inner) if inner and inner[-1] is not Ellipsis else 1


@settings(
    max_examples=500, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(wrong=st.sampled_from(WRONG))
def test_wrong_values_are_refused_in_one_line(
    wrong: tuple[str, str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    command, option, value = wrong
    values = [value] * places(command, option)
    code = main([*command.split(), *NEEDED.get(command, []), option, *values])
    said = capsys.readouterr().err
    assert code == 2, wrong
    assert len(said.splitlines()) == 1, said
    assert said.startswith("dexndm: ")
    assert not list(tmp_path.iterdir())


OUTPUTS = [
    (command, name, output)
    for command, kind in COMMANDS.items()
    for name, hint in field_hints(kind).items()
    for one in everything_in(hint)
    for output in declared(one, Output)
]


def test_options_that_name_outputs_are_known() -> None:
    found = {(command, name) for command, name, _ in OUTPUTS}
    wanted = {(command, "json") for command, kind in COMMANDS.items() if "json" in field_hints(kind)}
    wanted |= {(command, "plot") for command, kind in COMMANDS.items() if "plot" in field_hints(kind)}
    wanted |= {(command, "out") for command, kind in COMMANDS.items() if "out" in field_hints(kind)}
    assert wanted <= found


@pytest.mark.parametrize(("command", "name", "output"), OUTPUTS, ids=lambda value: str(value)[:20])
def test_outputs_below_a_file_are_refused_early(
    command: str, name: str, output: Output, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    path = str(tmp_path / "file" / f"x{''.join(output.suffixes[:1])}")
    if command == "export":
        arguments = ["export", "lerobot", "x.h5", path]
    else:
        arguments = [*command.split(), *NEEDED.get(command, []), f"--{name}", path]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert f"--{name} must name a" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("kind", [EvaluateCommand, TrainCommand])
@pytest.mark.parametrize("axes", [["-z"], ["-x", "+y"], ["+z", "-y", "random"], ["general"]])
def test_every_axis_works_as_the_docs_write_it(kind: Any, axes: list[str]) -> None:
    assert parse(kind, "command", ["--axis", *axes, "--seed", "3"]).axis == tuple(axes)
    assert parse(kind, "command", [f"--axis={axes[0]}"]).axis == (axes[0],)


@pytest.mark.parametrize("option", ["object", "wrist", "axis"])
def test_commands_take_several_names(option: str) -> None:
    one = {("tracker check", "object"), ("fit", "wrist")}  # a camera looks at one object, a model is of one wrist
    kinds = [kind for name, kind in COMMANDS.items() if option in field_hints(kind) and (name, option) not in one]
    assert len(kinds) > 2
    for kind in kinds:
        needed = ["--teacher", "t.zip"] if kind is DistillCommand else []
        assert getattr(parse(kind, "command", [*needed, f"--{option}", "a", "b"]), option) == ("a", "b")


@pytest.mark.parametrize("option", ["--wrist", "--wrists"])
def test_collect_takes_the_same_names_of_wrists(option: str) -> None:
    command = parse(CollectCommand, "collect", [option, "palm_down", "six", "random"])
    wrists = [setting["wrist"] for setting in command.settings()]
    assert wrists == ["palm_down", "palm_up", "base_up", "base_down", "thumb_up", "thumb_down", "random"]
    with pytest.raises(ConfigurationError, match="mounts"):
        parse(CollectCommand, "collect", [option, "random", "--port", "/dev/ttyUSB0"]).settings()


def test_unknown_options_are_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--epsodes", "3"]) == 2
    assert "--episodes" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--seed", "-1"], ["--seed", "x"], ["--fault", "x"], ["--clock", "slow"]])
def test_the_virtual_hand_refuses_in_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["virtual-hand", *arguments]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("evaluate --randomization.delay 0.2 0.06", "delay must begin before it ends"),
        ("evaluate --randomization.mass -1 2", "mass"),
        ("evaluate --env virtual --randomization.delay 0 0.06", "--env sim"),
        ("train --no-randomize --randomization.delay 0 0.06", "do not vary"),
        ("distill --teacher teacher.safetensors --hand-seed 3 --randomization.delay 0 0.06", "do not vary"),
        ("evaluate --suite gap --baselines defualt", "Did you mean 'default'"),
        ("evaluate --suite gap --baselines no_such_package:Correction", "no_such_package"),
        ("evaluate --suite gap --baselines dexndm_gym.backends.weak_servos:WeakServos", "fit_simulation"),
    ],
)
def test_bad_doors_are_refused_in_one_line(
    arguments: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments.split()) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("dexndm: ")
    assert said in error
