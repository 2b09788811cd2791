"""Files that took long to make, kept in the user's cache for next time."""

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from dexndm_gym.errors import ConfigurationError, MissingExtraError


def cached_file(kind: str, key: str, make: Callable[[Path], None]) -> Path:
    """A file of the cache, made now if it is not there, or only a part of it.

    The cache is the platform's for users, ``~/.cache/dexndm_gym`` on Linux, where XDG_CACHE_HOME moves it.

    Args:
        kind: folder in the cache.
        key: everything that the content depends on; its hash names the file.
        make: writes the file to the path it is given, which ends in ``.npz``.

    Raises:
        ConfigurationError: the cache cannot be written.
        MissingExtraError: the extra ``meshes`` is not installed.
    """
    try:
        from platformdirs import user_cache_path
    except ImportError as error:
        raise missing_meshes_extra(error) from error
    path = user_cache_path("dexndm_gym") / kind / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.npz"
    if zipfile.is_zipfile(path):  # one that a crash of the machine has cut is none
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Made beside it and then renamed: whoever looks finds a whole file or none.
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            make(Path(folder) / path.name)
            os.replace(Path(folder) / path.name, path)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write to the cache {path.parent}: {error.strerror}; point XDG_CACHE_HOME at a folder that can be"
        ) from error
    return path


def missing_meshes_extra(error: ImportError) -> MissingExtraError:
    """What to raise where a library of the extra ``meshes`` is not there."""
    return MissingExtraError(
        f'{error.name} is not installed; objects of your own need it: pip install "dexndm_gym[meshes]"'
    )
