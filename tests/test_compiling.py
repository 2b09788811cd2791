import numpy as np
import pytest
from numba import njit
from numba.core.caching import CacheImpl

from dexndm_gym.compiling import compiled


def add(a, b):
    return a + b


def test_compiles_where_nothing_can_be_cached(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])  # a file system that cannot be written
    with pytest.raises(RuntimeError, match="cannot cache"):
        njit(cache=True)(add)
    assert compiled(add)(1.0, 2.0) == 3.0


def test_what_is_not_a_number_stays_so():
    assert np.isnan(compiled(add)(np.nan, 1.0))
    assert compiled(add)(np.inf, 1.0) == np.inf
