import importlib
import math
import pkgutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dexndm_gym
from dexndm_gym.checks import Bound, Checked, check_count, check_fields, declared, field_hints
from dexndm_gym.errors import ConfigurationError

_TAUGHT = {"teacher": ("teacher.safetensors",)}
NEEDED = {
    "Fault": {"kind": "stuck"},
    "DistillConfig": _TAUGHT,
    "DistillCommand": _TAUGHT,
    "Recording": {"file": Path("x.h5")},
    "Camera": {"eye": (0.0, 0.0, 1.0), "target": (0.0, 0.0, 0.0), "angle": 30.0},
}
"""Values of fields that have no default."""


def configurations() -> list[type]:
    """Every public dataclass that checks its fields."""
    for module in pkgutil.walk_packages(dexndm_gym.__path__, "dexndm_gym."):
        if not module.name.endswith(("__main__", "isaacgym_worker")):
            with suppress(ImportError):  # of an extra that is not there
                importlib.import_module(module.name)

    def below(kind: type) -> Iterator[type]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    return sorted(
        {kind for kind in below(Checked) if kind.__module__.startswith("dexndm_gym.")},
        key=lambda kind: (kind.__name__, kind.__module__),
    )


def bounds(hint: Any) -> list[Bound]:
    """All bounds that are declared anywhere in a type."""
    return [*declared(hint, Bound), *(found for inner in get_args(hint) for found in bounds(inner))]


def is_of(hint: Any, *kinds: type) -> bool:
    return hint in kinds or any(is_of(inner, *kinds) for inner in get_args(hint))


def as_value(hint: Any, number: Any) -> Any:
    """The number as a field of that type takes it: alone, or as often as there are places."""
    inner = get_args(hint)
    if get_origin(hint) is Annotated:
        return as_value(hint.__origin__, number)
    if get_origin(hint) is tuple:
        return (number,) * (1 if inner[-1] is Ellipsis else len(inner))
    return number


def beyond(hint: Any) -> list[float]:
    """Numbers outside of what a field may hold, for each of its bounds."""
    found = [math.nan]
    for bound in bounds(hint):
        found += [] if bound.infinite else [math.inf]
        found += [bound.above, bound.above - 1] if bound.above > -math.inf else []
        found += [bound.least - 1, -(2**70)] if bound.least > -math.inf else []
        found += [bound.below, bound.below + 1] if bound.below < math.inf else []
        found += [bound.most + 1] if bound.most < math.inf else []
    return found


CONFIGURATIONS = configurations()
FIELDS = [
    (kind, name, hint)
    for kind in CONFIGURATIONS
    for name, hint in field_hints(kind).items()
    if is_of(hint, int, float) and not is_of(hint, str, dict)
]


@settings(max_examples=400, deadline=None, derandomize=True)
@given(data=st.data())
def test_values_out_of_bounds_are_refused_by_name(data: st.DataObject) -> None:
    kind, name, hint = data.draw(st.sampled_from(FIELDS))
    number = data.draw(st.sampled_from([*beyond(hint), "many"]))
    with pytest.raises(ConfigurationError, match=name):
        kind(**NEEDED.get(kind.__name__, {}) | {name: as_value(hint, number)})


def test_every_public_configuration_is_checked() -> None:
    names = {kind.__name__ for kind in CONFIGURATIONS}
    assert names >= {
        *("TaskConfig", "RewardWeights", "Randomization", "DynamixelHandConfig", "GraspSearch", "CollectOptions"),
        *("HeatLimits", "FitOptions", "ModelConfig", "ServoFitOptions", "ResidualOptions", "InverseConfig"),
        *("GapConfig", "DemoConfig", "Fault", "Spread", "ServoSettings", "TrainConfig", "DistillConfig", "Camera"),
    }


@pytest.mark.parametrize(("kind", "name", "hint"), FIELDS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_fields_do_not_hold_nan(kind: type, name: str, hint: Any) -> None:
    with pytest.raises(ConfigurationError, match=name):
        kind(**NEEDED.get(kind.__name__, {}) | {name: as_value(hint, math.nan)})


@given(number=st.floats(allow_nan=True, allow_infinity=True), least=st.floats(-10, 10), width=st.floats(0, 10))
def test_bounds_hold_what_they_say(number: float, least: float, width: float) -> None:
    bound = Bound(least=least, most=least + width)
    assert bound.allows(number) == (least <= number <= least + width)


@pytest.mark.parametrize(
    ("bound", "value", "words"),
    [
        (Bound(least=0, most=15), 16, "from 0 to 15"),
        (Bound(least=1, most=2**31 - 1), 0, "of at least 1"),
        (Bound(least=1, most=2**31 - 1), 2**40, "of at least 1 and at most 2,147,483,647"),
        (Bound(above=0, below=1), 1, "greater than 0 and less than 1"),
        (Bound(), 1, ""),
    ],
)
def test_bounds_are_said_in_words(bound: Bound, value: float, words: str) -> None:
    assert bound.describe(value) == words


def test_plain_dataclass_can_be_checked() -> None:
    from dexndm_gym.task.config import TaskConfig

    check_fields(TaskConfig())


@pytest.mark.parametrize("reward", ["x", {"rotation": 1.0}, None])
def test_a_configuration_holds_configurations(reward: Any) -> None:
    from dexndm_gym.task.config import TaskConfig

    with pytest.raises(ConfigurationError, match="reward must be a RewardWeights"):
        TaskConfig(reward=reward)


@pytest.mark.parametrize("number", [0, -1, 2.5, "2", True, math.nan])
def test_what_does_not_say_how_many_is_refused(number: Any) -> None:
    with pytest.raises(ConfigurationError, match="num_hands must be a whole number of at least 1"):
        check_count("num_hands", number)


def test_configurations_from_their_fields_need_them_all() -> None:
    from dexndm_gym.rendering.camera import Camera
    from dexndm_gym.task.config import TaskConfig
    from dexndm_gym.task.config_json import config_of

    with pytest.raises(ConfigurationError, match=r"Camera needs \['angle', 'target'\]"):
        config_of(Camera, {"eye": [0.0, 0.0, 1.0]})
    with pytest.raises(ConfigurationError, match="Expected a RewardWeights"):
        config_of(TaskConfig, {"reward": "x"})
