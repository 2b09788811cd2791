"""Objects from mesh files, decomposed into convex hulls once and kept in the user's cache."""

import hashlib
import logging
import os
import re
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from dexndm_gym.arrays import FloatArray, IntArray
from dexndm_gym.errors import ConfigurationError, FileFormatError
from dexndm_gym.objects.cache import cached_file, missing_meshes_extra
from dexndm_gym.objects.geoms import Color, Hull
from dexndm_gym.objects.mesh_repair import SAME_PLACE, repair_mesh
from dexndm_gym.objects.object_model import MAX_GEOMS, RotatableObject, assemble

SUFFIXES = (".obj", ".stl", ".ply")
"""Files that are taken for meshes."""

DEFAULT_SIZE = 0.08
"""Longest side of a mesh whose size is not given, m."""

SIZES = (0.015, 0.25)
"""Range of longest sides that a hand can be asked to hold, m."""

MASSES = (0.001, 1.0)
"""Range of masses that a hand can be asked to hold, kg."""

MAX_FACES = 100_000
"""Largest mesh that is decomposed: two to three minutes on one core."""

_MAX_BYTES = 100_000_000
_THINNEST = 1e-5
"""Least volume of a mesh, in cubes of its longest side; rods of 1 : 1 : 300 have that."""

_OTHER_VOLUME = 0.25
"""Share of the volume from which on hulls are said to be another shape than the mesh."""

_REPAIR_VERSION = 1
"""Part of the cache's key: to be raised when meshes are mended in another way."""

_SETTINGS: dict[str, Any] = {
    "threshold": 0.05,  # how concave a part may be, in units of the mesh
    "max_convex_hull": MAX_GEOMS,
    "decimate": True,
    "max_ch_vertex": 64,
    "resolution": 1000,
    "mcts_iterations": 60,
    "seed": 0,
}
_COLORS: tuple[Color, ...] = ((0.93, 0.47, 0.20, 1.0), (0.96, 0.66, 0.30, 1.0), (0.80, 0.35, 0.16, 1.0))

_LOG = logging.getLogger(__name__)


_NAME = re.compile(rf"(.+(?:{'|'.join(map(re.escape, SUFFIXES))}))((?:,[^,]*)*)", re.IGNORECASE | re.DOTALL)
"""Path and settings; commas before the last suffix belong to the path."""

_LOADED: dict[str, tuple[str, RotatableObject]] = {}
"""What was loaded in this process, and from what content, by the object's name."""


def is_mesh(name: str) -> bool:
    """Whether the name of an object is that of a mesh file, with or without settings."""
    return _NAME.fullmatch(name) is not None


def known_mesh(name: str) -> RotatableObject | None:
    """What was loaded last in this process under a name; None where nothing was."""
    return _LOADED[name][1] if name in _LOADED else None


def parse_mesh(name: str) -> RotatableObject:
    """The object that a name such as ``bunny.obj`` or ``bunny.obj,size=0.07,mass=0.1`` stands for.

    Raises:
        ConfigurationError: a setting is unknown, no number or out of range, or there is no such file.
        FileFormatError: the file holds no usable mesh.
        MissingExtraError: the extra ``meshes`` is not installed.
    """
    matched = _NAME.fullmatch(name)
    if matched is None:
        raise ConfigurationError(f"expected a mesh file ({', '.join(SUFFIXES)}), got {name!r}")
    path, settings = matched.groups()
    given: dict[str, float] = {}
    for setting in settings.split(",")[1:]:
        key, _, value = setting.partition("=")
        try:
            if key not in ("size", "mass"):
                raise ValueError(f"there is no setting {key!r}")
            given[key] = float(value)
        except ValueError as error:
            raise ConfigurationError(
                f"expected a mesh such as bunny.obj,size=0.07,mass=0.1 (m, kg), got {name!r}: {error}"
            ) from error
    return load_mesh(path, **given)


def load_mesh(path: str | os.PathLike[str], size: float = DEFAULT_SIZE, mass: float | None = None) -> RotatableObject:
    """Make an object of a mesh file, whatever its unit of length.

    The mesh becomes at most MAX_GEOMS convex hulls; that takes seconds to minutes the first time. Its name,
    ``PATH,size=SIZE,mass=MASS``, can be used wherever an object is named in this process.

    Args:
        path: OBJ, STL or PLY file; the mesh has to be closed, or be mendable without a change of the solid
            (``mesh_repair``), of which ``RotatableObject.repairs`` tells.
        size: longest side of the object, m.
        mass: kg; None takes it from the volume, as for built-in objects.

    Raises:
        ConfigurationError: size or mass is out of range, or there is no such file.
        FileFormatError: the file holds no usable mesh; the message says why, and what to try.
        MissingExtraError: the extra ``meshes`` is not installed.
    """
    file = _path(path)
    for what, value, (low, high), unit in (("size", size, SIZES, "m"), ("mass", mass, MASSES, "kg")):
        if not (what == "mass" and value is None) and not (isinstance(value, Real) and low <= float(value) <= high):
            raise ConfigurationError(f"expected a {what} from {low:g} to {high:g} {unit} for {file}, got {value!r}")
    size_given = f",size={size:.12g}" if size != DEFAULT_SIZE else ""
    name = f"{file}{size_given}" + ("" if mass is None else f",mass={mass:.12g}")
    content = _content(file)
    if name in _LOADED and _LOADED[name][0] == content:
        return _LOADED[name][1]
    hulls, repairs = _hulls(file, content)
    if repairs:
        _LOG.info("Mended %s: %s", file, "; ".join(repairs))
    item = replace(assemble(name, hulls, float(size), mass=mass), repairs=repairs)
    _LOADED[name] = (content, item)
    return item


def _path(path: str | os.PathLike[str]) -> Path:
    """The path of a mesh file."""
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else path
    if not isinstance(text, str) or Path(text).suffix.lower() not in SUFFIXES:
        raise ConfigurationError(f"expected a mesh file ({', '.join(SUFFIXES)}), got {text!r}")
    return Path(text)


def _content(path: Path) -> str:
    """Fingerprint of a file."""
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= _MAX_BYTES else b""
    except (OSError, ValueError) as error:  # a path with a NUL in it is a ValueError
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"cannot read the mesh {str(path)!r}: {reason}") from error
    if size > _MAX_BYTES:
        raise _unusable(path, f"is larger than {_MAX_BYTES / 1e6:.0f} MB", _DECIMATE)
    return hashlib.sha256(content).hexdigest()


def _hulls(path: Path, content: str) -> tuple[list[Hull], tuple[str, ...]]:
    """The mesh as hulls, in its own unit of length, and what was mended in it."""
    key = repr((_REPAIR_VERSION, content, path.suffix.lower(), sorted(_SETTINGS.items())))
    with np.load(cached_file("meshes", key, lambda stored: _decompose(path, stored)), allow_pickle=False) as file:
        count = sum(name.startswith("vertices_") for name in file.files)
        parts = [(file[f"vertices_{i}"], file[f"faces_{i}"]) for i in range(count)]
        repairs = tuple(file["repairs"].tolist())
    return [_hull(*part, _COLORS[i % len(_COLORS)]) for i, part in enumerate(parts)], repairs


def _decompose(path: Path, stored: Path) -> None:
    """Write vertices and triangles of the convex parts of a mesh."""
    coacd, trimesh = _libraries()
    vertices, faces, repairs = _read(path)
    coacd.set_log_level("error")
    _LOG.info("Decomposing %s, %d faces, into convex hulls", path, len(faces))
    unit = float(np.ptp(vertices, axis=0).max())
    parts = coacd.run_coacd(coacd.Mesh(vertices / unit, faces), **_SETTINGS)
    solid = [part for part in parts if trimesh.Trimesh(*part).volume > _THINNEST / 100]
    volume, held = _volume(vertices, faces) / unit**3, sum(trimesh.Trimesh(*part).volume for part in solid)
    if abs(held / volume - 1.0) > _OTHER_VOLUME:
        _LOG.warning("%s: %d convex hulls have %.0f %% of its volume", path, len(solid), 100.0 * held / volume)
    arrays: dict[str, Any] = {"repairs": np.array(repairs, dtype=np.str_)}
    for i, (corners, triangles) in enumerate(solid):
        arrays |= {f"vertices_{i}": corners * unit, f"faces_{i}": triangles}
    np.savez_compressed(stored, **arrays)


def _read(path: Path) -> tuple[FloatArray, IntArray, tuple[str, ...]]:
    """Vertices and triangles of the mesh in a file, mended, and what was mended."""
    _, trimesh = _libraries()
    try:
        mesh = trimesh.load_mesh(path, process=False)
        vertices, faces = np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces, dtype=np.int64)
    except Exception as error:  # parsers raise anything on a broken file
        raise _unusable(path, f"is not a mesh ({type(error).__name__}: {error})", "export it again") from error
    if len(faces) == 0:
        raise _unusable(path, "has no triangles", "export faces, not only points or lines")
    if not np.isfinite(vertices).all():
        raise _unusable(path, "has vertices that are not finite numbers", "remove them and export it again")
    if len(faces) > MAX_FACES:
        raise _unusable(path, f"has {len(faces)} faces, at most {MAX_FACES} are taken", _DECIMATE)
    try:
        vertices, faces, repairs = repair_mesh(vertices, faces)
    except FileFormatError as error:
        raise _unusable(path, str(error), _CLOSE if "not closed" in str(error) else "give it thickness") from error
    if _volume(vertices, faces) < _THINNEST * float(np.ptp(vertices, axis=0).max()) ** 3:
        raise _unusable(path, "has next to no volume", "give it thickness")
    if path.suffix.lower() == ".stl":  # in that format every triangle has vertices of its own
        repairs = tuple(repair for repair in repairs if not repair.startswith(SAME_PLACE))
    return vertices, faces, repairs


def _volume(vertices: FloatArray, faces: IntArray) -> float:
    """Volume of a closed mesh, in its own unit of length."""
    _, trimesh = _libraries()
    return float(trimesh.Trimesh(vertices, faces, process=False).volume)


def _libraries() -> tuple[Any, Any]:
    """Modules coacd and trimesh."""
    try:
        import coacd
        import trimesh
    except ImportError as error:
        raise missing_meshes_extra(error) from error
    return coacd, trimesh


_DECIMATE = "decimate it, for example with Blender's Decimate modifier or MeshLab's quadric edge collapse"
_CLOSE = "close its holes, for example with trimesh.repair.fill_holes or Blender's 3D Print Toolbox"


def _unusable(path: Path, what: str, remedy: str) -> FileFormatError:
    return FileFormatError(f"{path} {what}; expected one closed mesh in an OBJ, STL or PLY file: {remedy}")


def _hull(vertices: FloatArray, faces: FloatArray, color: Color) -> Hull:
    _, trimesh = _libraries()
    solid = trimesh.Trimesh(vertices, faces)
    axes = np.array(solid.principal_inertia_vectors).T
    axes[:, 2] = np.cross(axes[:, 0], axes[:, 1])  # right-handed
    quat = np.empty(4)
    mujoco.mju_mat2Quat(quat, axes.flatten())
    w, i, j, k = quat.tolist()
    x, y, z = solid.center_mass.tolist()
    return Hull(
        vertices=tuple(map(tuple, ((vertices - solid.center_mass) @ axes).tolist())),
        content=float(solid.volume),
        moments=tuple((solid.principal_inertia_components / solid.volume).tolist()),
        position=(x, y, z),
        quat=(w, i, j, k),
        color=color,
    )
