"""Draws triangles on the processor: depth buffer, one light with soft shadows, smooth normals.

It needs no graphics library, gives the same picture on every machine, and is fast enough for films.
"""

import numpy as np

from dexndm_gym.arrays import FloatArray, IntArray
from dexndm_gym.compiling import compiled

AMBIENT, DIFFUSE, SPECULAR, SHININESS = 0.50, 0.50, 0.16, 24
"""Shares of light from all around, of the lamp, and of its highlight, and how small that is."""

_SHADOW_BIAS, _SHADOW_OFFSET = 0.0008, 0.0020
"""So that no surface shadows itself: how far behind what the lamp sees it may lie, how far above it one looks, m."""


@compiled
def project(
    vertices: FloatArray, eye: FloatArray, axes: FloatArray, focal: float, width: int, height: int
) -> FloatArray:
    """Points (v, 3) as seen by a camera: column, row, and distance along its view, (v, 3).

    Args:
        vertices: in the frame of the scene, m.
        eye: where the camera is, (3,).
        axes: its right, its up and the direction behind it, (3, 3).
        focal: distance of the picture, pixels.
        width: of the picture, pixels.
        height: of the picture, pixels.
    """
    seen = np.empty((len(vertices), 3))
    for i in range(len(vertices)):
        x, y, z = vertices[i, 0] - eye[0], vertices[i, 1] - eye[1], vertices[i, 2] - eye[2]
        depth = -(axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z)
        scale = focal / max(depth, 1e-6)
        seen[i, 0] = 0.5 * width + scale * (axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z)
        seen[i, 1] = 0.5 * height - scale * (axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z)
        seen[i, 2] = depth
    return seen


@compiled
def depths(seen: FloatArray, faces: IntArray, width: int, height: int) -> tuple[FloatArray, IntArray, FloatArray]:
    """What is nearest in each pixel.

    Args:
        seen: projected vertices, (v, 3).
        faces: triangles, (f, 3).
        width: of the picture, pixels.
        height: of the picture, pixels.

    Returns:
        1 / distance, 0 where there is nothing; the triangle, -1 for none, (height, width) each; the shares of its three
        corners, (height, width, 3).
    """
    near, face, shares = np.zeros((height, width)), np.full((height, width), -1), np.empty((height, width, 3))
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        if min(seen[i, 2], seen[j, 2], seen[k, 2]) < 1e-3:
            continue  # behind the camera
        ax, ay, bx, by, cx, cy = seen[i, 0], seen[i, 1], seen[j, 0], seen[j, 1], seen[k, 0], seen[k, 1]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if area >= 0.0:
            continue  # seen from inside; rows grow downwards
        left, right = max(int(np.ceil(min(ax, bx, cx) - 0.5)), 0), min(int(max(ax, bx, cx) - 0.5), width - 1)
        upper, lower = max(int(np.ceil(min(ay, by, cy) - 0.5)), 0), min(int(max(ay, by, cy) - 0.5), height - 1)
        wa, wb, wc = 1.0 / seen[i, 2], 1.0 / seen[j, 2], 1.0 / seen[k, 2]
        # shares of the corners at the first pixel's center, and how they change from column to column
        a_across, b_across = (by - cy) / area, (cy - ay) / area
        for row in range(upper, lower + 1):
            x, y = left + 0.5, row + 0.5
            a = ((bx - x) * (cy - y) - (cx - x) * (by - y)) / area
            b = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) / area
            for column in range(left, right + 1):
                c = 1.0 - a - b
                if a >= 0.0 and b >= 0.0 and c >= 0.0:
                    w = a * wa + b * wb + c * wc
                    if w > near[row, column]:
                        near[row, column], face[row, column] = w, f
                        shares[row, column, 0] = a * wa / w
                        shares[row, column, 1] = b * wb / w
                        shares[row, column, 2] = c * wc / w
                a += a_across
                b += b_across
    return near, face, shares


@compiled
def shade(
    face: IntArray,
    shares: FloatArray,
    vertices: FloatArray,
    normals: FloatArray,
    faces: IntArray,
    part: IntArray,
    paint: FloatArray,
    eye: FloatArray,
    up: FloatArray,
    lamp: FloatArray,
    lamp_axes: FloatArray,
    lamp_focal: float,
    lamp_near: FloatArray,
    samples: int,
    sky: FloatArray,
) -> FloatArray:
    """The picture: colors of all pixels, each the mean of several samples.

    Where all samples of a pixel show the same part, one of them stands for all: only outlines and the edges between
    parts are worth more.

    Args:
        face: what ``depths`` found, in samples.
        shares: what ``depths`` found, in samples.
        vertices: (v, 3), m.
        normals: (v, 3).
        faces: triangles, (f, 3).
        part: which part each triangle belongs to, (f,).
        paint: colors of the parts, (parts, 3), 0 to 1.
        eye: where the camera is, (3,).
        up: direction that more light comes from, (3,).
        lamp: where the lamp is, (3,).
        lamp_axes: as of a camera at the lamp.
        lamp_focal: as of a camera at the lamp.
        lamp_near: what ``depths`` found from there.
        samples: along each side of a pixel.
        sky: color of the background at the top and at the bottom, (2, 3), 0 to 1.

    Returns:
        (height, width, 4), 0 to 1: red, green, blue, and the share of each pixel that is not sky.
    """
    height, width = face.shape[0] // samples, face.shape[1] // samples
    picture = np.zeros((height, width, 4))
    whole = samples * samples
    for row in range(height):
        fade = (row + 0.5) / height
        for column in range(width):
            first = face[row * samples, column * samples]
            same = True
            for k in range(1, whole):
                f = face[row * samples + k // samples, column * samples + k % samples]
                same &= f == first if f < 0 or first < 0 else part[f] == part[first]
            count = 1 if same else whole
            for k in range(count):
                r, c = row * samples + k // samples, column * samples + k % samples
                f = face[r, c]
                if f < 0:
                    for n in range(3):
                        picture[row, column, n] += (sky[0, n] * (1.0 - fade) + sky[1, n] * fade) / count
                    continue
                brightness, glance = _light(
                    shares[r, c], vertices, normals, faces[f], eye, up, lamp, lamp_axes, lamp_focal, lamp_near
                )
                for n in range(3):
                    color = paint[part[f], n] * brightness + glance
                    picture[row, column, n] += min(max(color, 0.0), 1.0) / count
                picture[row, column, 3] += 1.0 / count
    return picture


@compiled
def _light(
    shares: FloatArray,
    vertices: FloatArray,
    normals: FloatArray,
    corners: IntArray,
    eye: FloatArray,
    up: FloatArray,
    lamp: FloatArray,
    lamp_axes: FloatArray,
    lamp_focal: float,
    lamp_near: FloatArray,
) -> tuple[float, float]:
    """How bright a point of a triangle is, and how bright the highlight on it."""
    px, py, pz = _mean(shares, vertices, corners)
    nx, ny, nz = _unit(*_mean(shares, normals, corners))
    lx, ly, lz = _unit(lamp[0] - px, lamp[1] - py, lamp[2] - pz)
    facing, above = nx * lx + ny * ly + nz * lz, nx * up[0] + ny * up[1] + nz * up[2]
    ambient = AMBIENT * (0.72 + 0.28 * above)
    if facing <= 0.0:
        return ambient, 0.0
    o = _SHADOW_OFFSET
    lit = _share_lit(
        px + o * nx - lamp[0], py + o * ny - lamp[1], pz + o * nz - lamp[2], lamp_axes, lamp_focal, lamp_near
    )
    rx, ry, rz = _unit(px - eye[0], py - eye[1], pz - eye[2])
    hx, hy, hz = _unit(lx - rx, ly - ry, lz - rz)
    glance = max(nx * hx + ny * hy + nz * hz, 0.0) ** SHININESS
    return ambient + DIFFUSE * lit * facing, SPECULAR * lit * glance


@compiled
def _share_lit(x: float, y: float, z: float, axes: FloatArray, focal: float, near: FloatArray) -> float:
    """How much of the lamp is seen from a point beside it, 0 to 1: the mean of nine looks at the shadows' map."""
    size = near.shape[0]
    depth = -(axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z)
    scale = focal / depth
    column = int(0.5 * size + scale * (axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z))
    row = int(0.5 * size - scale * (axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z))
    if row < 1 or column < 1 or row >= size - 1 or column >= size - 1:
        return 1.0
    lit = 0
    for r in range(row - 1, row + 2):
        for c in range(column - 1, column + 2):
            lit += near[r, c] * (depth - _SHADOW_BIAS) <= 1.0
    return lit / 9.0


@compiled
def _mean(shares: FloatArray, values: FloatArray, corners: IntArray) -> tuple[float, float, float]:
    a, b, c = shares[0], shares[1], shares[2]
    i, j, k = corners[0], corners[1], corners[2]
    return (
        a * values[i, 0] + b * values[j, 0] + c * values[k, 0],
        a * values[i, 1] + b * values[j, 1] + c * values[k, 1],
        a * values[i, 2] + b * values[j, 2] + c * values[k, 2],
    )


@compiled
def _unit(x: float, y: float, z: float) -> tuple[float, float, float]:
    length = np.sqrt(x * x + y * y + z * z)
    return x / length, y / length, z / length
