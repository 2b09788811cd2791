"""What a folder of results holds, told apart by what is in the files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dexndm_gym.data.reading import RecordingReader
from dexndm_gym.errors import ConfigurationError, FileFormatError

Numbers = Mapping[str, Any]

_KINDS = {
    "demos": {"gap_closed", "direct", "hand_seed"},
    "gaps": {"sim", "direct", "corrected", "hands"},
    "generals": {"cells", "random"},
    "evaluations": {"rotation_rad_mean", "RotR_mean", "episodes"},
}
"""By what names at their top files of numbers are known; the first kind that fits."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Files by their place in the folder."""

    evaluations: dict[str, Numbers] = field(default_factory=dict)
    """Of ``dexndm evaluate``."""

    gaps: dict[str, Numbers] = field(default_factory=dict)
    """Of its gap suite."""

    generals: dict[str, Numbers] = field(default_factory=dict)
    """Of its general suite."""

    demos: dict[str, Numbers] = field(default_factory=dict)
    """Of ``dexndm demo``."""

    recordings: dict[str, Path] = field(default_factory=dict)
    """Recordings."""

    passed_over: list[str] = field(default_factory=list)
    """Files of numbers, and HDF5 files, that are none of these."""


def find_results(folder: Path) -> Findings:
    """Look through a folder and the folders in it.

    Raises:
        FileNotFoundError: there is no such folder.
        ConfigurationError: there is nothing in it to report.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no such folder: {folder}")
    found = Findings()
    for path in sorted(folder.rglob("*.json")):
        name, numbers = path.relative_to(folder).as_posix(), _read(path)
        kind = next((kind for kind, keys in _KINDS.items() if keys <= set(numbers)), None)
        if kind is None:
            found.passed_over.append(name)
        else:
            getattr(found, kind)[name] = numbers
    for path in sorted(folder.rglob("*.h5")):
        name = path.relative_to(folder).as_posix()
        if _is_recording(path):
            found.recordings[name] = path
        else:
            found.passed_over.append(name)
    if not any((found.evaluations, found.gaps, found.generals, found.demos, found.recordings)):
        raise ConfigurationError(
            f"nothing to report in {folder}: expected recordings (*.h5), or numbers that commands wrote with --json"
        )
    return found


def _read(path: Path) -> Numbers:
    try:
        numbers = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return numbers if isinstance(numbers, dict) else {}


def _is_recording(path: Path) -> bool:
    try:
        with RecordingReader(path) as reader:
            return len(reader) > 0
    except FileFormatError:
        return False
