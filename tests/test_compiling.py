from pathlib import Path

import numpy as np
import pytest
from numba import njit
from numba.core.caching import CacheImpl

from dexndm_gym.compiling import cache_folder, compiled


def add(a, b):
    return a + b


def test_compiles_without_cache(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])  # a file system that cannot be written
    with pytest.raises(RuntimeError, match="cannot cache"):
        njit(cache=True)(add)
    assert compiled(add)(1.0, 2.0) == 3.0


def test_nan_stays_nan():
    assert np.isnan(compiled(add)(np.nan, 1.0))
    assert compiled(add)(np.inf, 1.0) == np.inf


def test_cache_follows_every_compiled_source(tmp_path: Path):
    (tmp_path / "task").mkdir()
    source = tmp_path / "task" / "reward.py"
    folders = []
    for text in ("WEIGHT = 1.0", "WEIGHT = 2.0", "WEIGHT = 2.0"):
        source.write_text(text)
        cache_folder.cache_clear()
        folders.append(cache_folder(tmp_path))
    first, second, again = folders
    assert first != second == again
    assert not first.exists(), "what belongs to sources of before is removed"
    assert second.exists()


def test_cache_lies_in_the_fingerprinted_folder():
    folder = cache_folder()
    assert str(compiled(add)._cache.cache_path).startswith(str(folder))
