import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest

from dexndm_gym.errors import ConfigurationError, OutputError
from dexndm_gym.outputs import Output, OutputFile, OutputFolder, check_outputs, new_folder, replacing, write_bytes


@dataclass(frozen=True, kw_only=True)
class Options:
    out: OutputFile
    plot: Annotated[Path | None, Output(suffixes=(".png", ".svg"))] = None
    folder: OutputFolder | None = None
    new: Annotated[Path | None, Output(folder=True, new=True)] = None


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    return tmp_path


def fill_the_disk(path: Path) -> None:
    path.write_bytes(b"half")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"out": "file/x"}, "--out must name a file that can be written"),
        ({"out": "file/x/y/z"}, "no folder"),
        ({"out": "folder"}, "it is a folder"),
        ({"out": "o" * 300}, "name is too long"),
        ({"out": "o", "plot": "p.xyz"}, "must end in .png or .svg"),
        ({"out": "o", "plot": "p"}, "must end in .png or .svg"),
        ({"out": "o", "folder": "file"}, "it is a file"),
        ({"out": "o", "folder": "file/x"}, "--folder must name a folder"),
        ({"out": "o", "new": "folder"}, "it exists already"),
        ({"out": "o.png", "plot": "o.png"}, "different files"),
    ],
)
def test_outputs_that_cannot_be_written_are_named(options: dict[str, str], said: str, place: Path) -> None:
    paths = {name: place / path for name, path in options.items()}
    with pytest.raises(ConfigurationError, match=said):
        check_outputs(Options(**paths))


def test_folders_without_permission_are_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ConfigurationError, match="may not be written"):
        check_outputs(Options(out=place / "file"))


def test_a_check_leaves_no_trace(place: Path) -> None:
    before = sorted(place.rglob("*"))
    check_outputs(Options(out=place / "a" / "b", plot=place / "p.SVG", folder=place / "folder", new=place / "n"))
    assert sorted(place.rglob("*")) == before


def test_devices_may_be_written_and_shared() -> None:
    null = Path("/dev/null")
    check_outputs(Options(out=null))
    write_bytes(null, b"nothing")
    assert not null.is_file()


def test_file_is_replaced_whole_or_not(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write_bytes(path, b"old")
    with pytest.raises(OutputError, match="No space left on device"), replacing(path) as unfinished:
        fill_the_disk(unfinished)
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"


def test_links_stay_links(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    check_outputs(Options(out=tmp_path / "link"))
    write_bytes(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"


def test_folder_is_made_whole_or_not(tmp_path: Path) -> None:
    with pytest.raises(OutputError), new_folder(tmp_path / "a") as unfinished:
        fill_the_disk(unfinished / "half")
    assert list(tmp_path.iterdir()) == []
    with new_folder(tmp_path / "a") as unfinished:
        (unfinished / "whole").touch()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["whole"]


def test_a_folder_without_room_is_not_begun(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="make room"), new_folder(tmp_path / "a", room=2**60):
        pass
    assert list(tmp_path.iterdir()) == []
