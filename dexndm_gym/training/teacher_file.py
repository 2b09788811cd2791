"""Teachers in files: zip archives of stable-baselines3, read with care for what else a path may lead to."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

from stable_baselines3 import PPO

from dexndm_gym.errors import FileFormatError, ModelMismatchError

_WRITTEN_BY = "`dexndm train` writes one, teacher.zip, and checkpoints teacher_<steps>_steps.zip"


def load_teacher(path: Path, **options: Any) -> PPO:
    """Read a teacher, or a checkpoint of one.

    Args:
        path: the zip that ``dexndm train`` wrote.
        options: what else ``PPO.load`` shall know, such as the environment.

    Raises:
        FileFormatError: there is no such file, or it is no teacher or a damaged one.
        ModelMismatchError: it does not fit the environment in the options.
    """
    if not path.is_file():
        what = "a folder" if path.is_dir() else "not there"
        raise FileFormatError(f"expected the zip of a teacher, but {path} is {what}; {_WRITTEN_BY}")
    try:
        damaged = zipfile.ZipFile(path).testzip()
        if damaged:
            raise zipfile.BadZipFile(f"{damaged} is damaged")
        return PPO.load(path, device="cpu", **options)
    except ValueError as error:
        if "spaces do not match" in str(error):
            raise ModelMismatchError(
                f"{path} was trained on another observation; go on with the options that it was trained with ({error})"
            ) from error
        raise _no_teacher(path, error) from error
    except (
        *(zipfile.BadZipFile, pickle.UnpicklingError, OSError, EOFError),
        *(KeyError, TypeError, AttributeError, RuntimeError, ImportError, AssertionError),
    ) as error:
        raise _no_teacher(path, error) from error


def _no_teacher(path: Path, error: Exception) -> FileFormatError:
    return FileFormatError(f"{path} is no teacher, or a damaged one: {error}; {_WRITTEN_BY}")


def check_teacher(teacher: PPO, size: int, path: Path) -> None:
    """Make sure that a teacher sees what it is shown.

    Args:
        teacher: the teacher.
        size: how many numbers it is shown.
        path: where it comes from.

    Raises:
        ModelMismatchError: it was trained on another number of them.
    """
    expected = (teacher.observation_space.shape or (0,))[0]
    if expected != size:
        raise ModelMismatchError(
            f"the teacher {path} was trained on {expected} numbers, but is shown {size}; "
            "use the options that it was trained with"
        )
