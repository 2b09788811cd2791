"""What the fields of a configuration may hold: declared beside each field, checked whenever one is made.

A dataclass that inherits from ``Checked`` checks its fields by their types; ``Annotated`` adds a ``Bound``::

    @dataclass(frozen=True, kw_only=True)
    class Options(Checked):
        minutes: Positive = 60.0
        speed: Annotated[float, Bound(above=0.0, most=2.0)] = 0.5

Numbers must be finite unless their bound says otherwise, and names must not be empty.
"""

import math
import numbers
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from dexndm_gym.errors import ConfigurationError

_LARGE = 1e9
"""From here on an upper bound goes without saying."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """Between what a number, or each of several, has to lie."""

    least: float = -math.inf
    """The smallest that it may be."""

    above: float = -math.inf
    """What it must be greater than."""

    most: float = math.inf
    """The largest that it may be."""

    below: float = math.inf
    """What it must be smaller than."""

    infinite: bool = False
    """Whether infinity is a value, too."""

    def allows(self, value: Any) -> bool:
        """Whether a number lies within."""
        if math.isnan(value):
            return False
        if math.isinf(value) and not self.infinite:
            return False
        over = value >= self.least and (self.above == -math.inf or value > self.above)
        return over and value <= self.most and (self.below == math.inf or value < self.below)

    def describe(self, value: Any) -> str:
        """The bound in words that follow "a number"; a very large one only where the value is beyond it."""
        if self.least > -math.inf and self.most < _LARGE:
            return f"from {_short(self.least)} to {_short(self.most)}"
        lower = f"greater than {_short(self.above)}" if self.above > -math.inf else ""
        lower = f"of at least {_short(self.least)}" if self.least > -math.inf else lower
        upper = f"less than {_short(self.below)}" if self.below < math.inf else ""
        upper = f"at most {_short(self.most)}" if self.most < _LARGE or value > self.most else upper
        return " and ".join(part for part in (lower, upper) if part)


@dataclass(frozen=True)
class NotEmpty:
    """Several values, at least one."""


Positive: TypeAlias = Annotated[float, Bound(above=0.0)]
NotNegative: TypeAlias = Annotated[float, Bound(least=0.0)]
Share: TypeAlias = Annotated[float, Bound(least=0.0, most=1.0)]
Radians: TypeAlias = Annotated[float, Bound(least=0.0, most=math.pi)]
"""An angle by which something is off."""
LearningRate: TypeAlias = Annotated[float, Bound(above=0.0, most=10.0)]
Width: TypeAlias = Annotated[int, Bound(least=1, most=65_536)]
"""Neurons of a hidden layer."""
Count: TypeAlias = Annotated[int, Bound(least=1, most=2**31 - 1)]
CountOrZero: TypeAlias = Annotated[int, Bound(least=0, most=2**31 - 1)]
Seed: TypeAlias = Annotated[int, Bound(least=0, most=2**32 - 1)]
"""What NumPy and PyTorch both take as a seed."""


class Checked:
    """Base of dataclasses whose fields are checked when one is made."""

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ConfigurationError: a field has another type, or lies outside its bound; the message names it.
        """
        check_fields(self)


def check_fields(config: Any) -> None:
    """Check all fields of a dataclass against their types and bounds.

    Args:
        config: the dataclass; fields of types that are neither numbers, names, choices nor dataclasses are left alone.

    Raises:
        ConfigurationError: a field does not hold what was declared.
    """
    for name, hint in field_hints(type(config)).items():
        _check(name, getattr(config, name), hint)


def check_count(name: str, value: Any) -> None:
    """Check an argument that says how many.

    Raises:
        ConfigurationError: it is no whole number of at least 1.
    """
    _check(name, value, Count)


@cache
def field_hints(kind: type) -> dict[str, Any]:
    """The type of each field of a dataclass, with all that was declared beside it."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in fields(kind)}


def declared(hint: Any, kind: type) -> Iterator[Any]:
    """What was declared beside a type and is of a kind, such as a ``Bound``."""
    if get_origin(hint) is Annotated:
        yield from (item for item in hint.__metadata__ if isinstance(item, kind))


def _check(name: str, value: Any, hint: Any, bounds: tuple[Bound, ...] = ()) -> None:
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        _check(name, value, hint.__origin__, (*bounds, *declared(hint, Bound)))
        if next(declared(hint, NotEmpty), None) and len(value) == 0:
            raise ConfigurationError(f"{name} must hold at least one value, got none")
    elif origin in (Union, UnionType):
        others = [one for one in inner if one is not NoneType]
        if len(others) == 1 and value is not None:
            _check(name, value, others[0], bounds)
    elif origin is Literal:
        if value not in inner:
            raise ConfigurationError(f"{name} must be one of {', '.join(map(str, inner))}; got {value!r}")
    elif origin in (tuple, Sequence):
        _check_several(name, value, inner, bounds)
    elif hint is float:
        _check_number(name, value, numbers.Real, "a number", bounds)
    elif hint is int:
        _check_number(name, value, numbers.Integral, "a whole number", bounds)
    elif is_dataclass(hint) and isinstance(hint, type) and not isinstance(value, hint):
        raise ConfigurationError(f"{name} must be a {hint.__name__}, got {value!r:.60}")
    elif hint is str and not (isinstance(value, str) and value.strip()):
        raise ConfigurationError(f"{name} must be a name or text that is not empty, got {value!r}")


def _check_several(name: str, values: Any, inner: tuple[Any, ...], bounds: tuple[Bound, ...]) -> None:
    if isinstance(values, str) or not hasattr(values, "__len__"):
        raise ConfigurationError(f"{name} must hold several values, such as (1, 2), got {values!r}")
    if len(inner) == 1 or inner[-1] is Ellipsis:
        kinds = inner[:1] * len(values)
    elif len(values) == len(inner):
        kinds = inner
    else:
        raise ConfigurationError(f"{name} must hold {len(inner)} values, got {values!r}")
    for value, kind in zip(values, kinds, strict=True):
        _check(f"each value of {name}", value, kind, bounds)


def _check_number(name: str, value: Any, kind: type, words: str, bounds: tuple[Bound, ...]) -> None:
    right = isinstance(value, kind) and not isinstance(value, bool)
    bounds = bounds or (Bound(),)
    if not right or not all(bound.allows(value) for bound in bounds):
        limits = " and ".join(text for bound in bounds if (text := bound.describe(value if right else 0)))
        if kind is numbers.Real and not any(bound.infinite for bound in bounds):
            words = "a finite number"
        raise ConfigurationError(f"{name} must be {' '.join((words, limits)).strip()}, got {value!r}")


def _short(number: float) -> str:
    return f"{number:,.10g}"
