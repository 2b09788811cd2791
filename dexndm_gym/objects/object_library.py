"""Complex objects, drawn for this package from a few convex geoms each: animals, vehicles, household things.

Lengths are in mm before scaling; +x is the front, +z is up.
"""

from dexndm_gym.objects.geoms import Color, ConvexGeom, ball, box, disc, egg, rod
from dexndm_gym.objects.object_model import assemble

_WHITE: Color = (0.95, 0.94, 0.91, 1.0)
_DARK: Color = (0.16, 0.16, 0.18, 1.0)
_GRAY: Color = (0.56, 0.60, 0.66, 1.0)
_BROWN: Color = (0.55, 0.36, 0.22, 1.0)
_TAN: Color = (0.82, 0.66, 0.46, 1.0)
_YELLOW: Color = (0.98, 0.80, 0.22, 1.0)
_ORANGE: Color = (0.93, 0.47, 0.20, 1.0)
_RED: Color = (0.82, 0.22, 0.20, 1.0)
_BLUE: Color = (0.25, 0.45, 0.72, 1.0)
_GREEN: Color = (0.30, 0.58, 0.38, 1.0)
_PINK: Color = (0.92, 0.62, 0.62, 1.0)


def _both_sides(geom: ConvexGeom) -> tuple[ConvexGeom, ConvexGeom]:
    """A geom and its mirror image across the plane y = 0."""
    (x, y, z), (w, i, j, k) = geom.position, geom.quat
    mirrored = ConvexGeom(
        shape=geom.shape, extents=geom.extents, position=(x, -y, z), quat=(w, -i, j, -k), color=geom.color
    )
    return geom, mirrored


def _rabbit() -> tuple[ConvexGeom, ...]:
    return (
        egg((0, 0, 0), (54, 42, 44), _WHITE),
        egg((20, 0, 26), (31, 27, 28), _WHITE),
        *_both_sides(egg((12, 7, 52), (9, 7, 40), _PINK, pitch=-14)),
        ball((-27, 0, 4), 15, _TAN),
        *_both_sides(egg((-4, 16, -16), (32, 13, 14), _TAN)),
        *_both_sides(egg((18, 9, -15), (13, 11, 18), _TAN)),
    )


def _duck() -> tuple[ConvexGeom, ...]:
    return (
        egg((0, 0, 0), (62, 44, 38), _YELLOW),
        egg((18, 0, 16), (22, 20, 28), _YELLOW),
        ball((21, 0, 31), 27, _YELLOW),
        egg((37, 0, 28), (19, 16, 7), _ORANGE),
        egg((-30, 0, 11), (28, 20, 11), _YELLOW, pitch=30),
        *_both_sides(egg((-4, 20, 3), (38, 9, 22), _WHITE, pitch=10)),
    )


def _elephant() -> tuple[ConvexGeom, ...]:
    return (
        egg((0, 0, 0), (62, 44, 44), _GRAY),
        egg((31, 0, 11), (30, 28, 30), _GRAY),
        *_both_sides(egg((25, 19, 12), (8, 22, 29), _PINK)),
        rod((44, 0, 6), (49, 0, -12), 11, _GRAY),
        rod((49, 0, -12), (57, 0, -20), 9, _GRAY),
        *_both_sides(rod((16, 12, -12), (16, 12, -28), 14, _GRAY)),
        *_both_sides(rod((-17, 12, -12), (-17, 12, -28), 14, _GRAY)),
    )


def _cow() -> tuple[ConvexGeom, ...]:
    return (
        box((0, 0, 0), (58, 30, 30), _WHITE),
        box((-8, 0, 3), (22, 31, 25), _DARK),
        box((36, 0, 15), (20, 20, 21), _DARK),
        box((48, 0, 10), (10, 17, 13), _PINK),
        *_both_sides(rod((33, 8, 25), (33, 15, 31), 5, _TAN)),
        *_both_sides(box((22, 10, -24), (10, 9, 20), _WHITE)),
        *_both_sides(box((-22, 10, -24), (10, 9, 20), _WHITE)),
    )


def _bear() -> tuple[ConvexGeom, ...]:
    return (
        egg((0, 0, 0), (36, 42, 46), _BROWN),
        ball((2, 0, 35), 36, _BROWN),
        egg((18, 0, 31), (14, 17, 13), _TAN),
        *_both_sides(ball((0, 15, 51), 14, _TAN)),
        *_both_sides(rod((4, 19, 10), (16, 28, 0), 14, _BROWN)),
        *_both_sides(rod((8, 13, -17), (26, 16, -20), 17, _BROWN)),
    )


def _truck() -> tuple[ConvexGeom, ...]:
    return (
        box((0, 0, -14), (88, 30, 7), _DARK),
        box((-14, 0, 8), (58, 34, 38), _GREEN),
        box((29, 0, 2), (22, 32, 26), _RED),
        box((37, 0, 8), (8, 28, 10), _WHITE),
        *_both_sides(disc((28, 9, -18), (28, 19, -18), 20, _DARK)),
        *_both_sides(disc((-26, 9, -18), (-26, 19, -18), 20, _DARK)),
    )


def _plane() -> tuple[ConvexGeom, ...]:
    return (
        rod((-34, 0, 0), (34, 0, 0), 22, _WHITE),
        egg((36, 0, 6), (18, 15, 12), _BLUE),
        box((2, 0, -3), (25, 100, 5), _BLUE),
        box((-37, 0, 6), (14, 40, 4), _BLUE),
        box((-38, 0, 18), (15, 5, 26), _RED),
        *_both_sides(rod((0, 26, -8), (15, 26, -8), 10, _GRAY)),
    )


def _teapot() -> tuple[ConvexGeom, ...]:
    return (
        egg((0, 0, 0), (60, 60, 48), _BLUE),
        disc((0, 0, -24), (0, 0, -17), 38, _BLUE),
        egg((0, 0, 20), (36, 36, 14), _WHITE),
        ball((0, 0, 29), 10, _ORANGE),
        rod((24, 0, -6), (40, 0, 6), 14, _BLUE),
        rod((40, 0, 6), (46, 0, 20), 9, _BLUE),
        rod((-25, 0, 13), (-43, 0, 12), 7, _ORANGE),
        rod((-43, 0, 12), (-43, 0, -8), 7, _ORANGE),
        rod((-43, 0, -8), (-26, 0, -12), 7, _ORANGE),
    )


def _mug() -> tuple[ConvexGeom, ...]:
    return (
        disc((0, 0, -30), (0, 0, 30), 56, _RED),
        disc((0, 0, 29), (0, 0, 31), 48, _BROWN),
        rod((-26, 0, 18), (-44, 0, 16), 8, _WHITE),
        rod((-44, 0, 16), (-44, 0, -16), 8, _WHITE),
        rod((-44, 0, -16), (-26, 0, -18), 8, _WHITE),
    )


def _chair() -> tuple[ConvexGeom, ...]:
    return (
        box((0, 0, 0), (42, 42, 7), _TAN),
        *_both_sides(box((17, 17, -19), (7, 7, 34), _BROWN)),
        *_both_sides(box((-17, 17, -19), (7, 7, 34), _BROWN)),
        *_both_sides(box((-18, 17, 24), (6, 7, 44), _BROWN)),
        box((-18, 0, 38), (5, 36, 14), _TAN),
        box((-18, 0, 18), (5, 36, 9), _TAN),
    )


COMPLEX = tuple(
    assemble(name, geoms, longest)
    for name, geoms, longest in (
        ("rabbit", _rabbit(), 0.085),
        ("duck", _duck(), 0.080),
        ("elephant", _elephant(), 0.085),
        ("cow", _cow(), 0.080),
        ("bear", _bear(), 0.080),
        ("truck", _truck(), 0.085),
        ("plane", _plane(), 0.090),
        ("teapot", _teapot(), 0.085),
        ("mug", _mug(), 0.075),
        ("chair", _chair(), 0.080),
    )
)
"""The complex objects, 7.5 to 9 cm long."""
