"""Draws triangles on the processor: depth buffer, one light with soft shadows, smooth normals.

It needs no graphics library, gives the same picture on every machine, and is fast enough for films.
"""

import numpy as np

from dexndm_gym.compiling import compiled
from dexndm_gym.hand.joints import FloatArray, IntArray

AMBIENT, DIFFUSE, SPECULAR, SHININESS = 0.50, 0.50, 0.16, 24
"""Shares of light from all around, of the lamp, and of its highlight, and how small that is."""

_SHADOW_BIAS = 0.0012
"""How far a surface may lie behind what the lamp sees without being in the shadow, m."""


@compiled
def project(vertices: FloatArray, eye: FloatArray, axes: FloatArray, focal: float, width: int, height: int) -> FloatArray:
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
        for row in range(upper, lower + 1):
            y = row + 0.5
            for column in range(left, right + 1):
                x = column + 0.5
                a = ((bx - x) * (cy - y) - (cx - x) * (by - y)) / area
                b = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) / area
                c = 1.0 - a - b
                if a < 0.0 or b < 0.0 or c < 0.0:
                    continue
                w = a * wa + b * wb + c * wc
                if w > near[row, column]:
                    near[row, column], face[row, column] = w, f
                    shares[row, column, 0] = a * wa / w
                    shares[row, column, 1] = b * wb / w
                    shares[row, column, 2] = c * wc / w
    return near, face, shares


@compiled
def shade(
    colors: FloatArray,
    face: IntArray,
    shares: FloatArray,
    vertices: FloatArray,
    normals: FloatArray,
    faces: IntArray,
    paint: FloatArray,
    eye: FloatArray,
    up: FloatArray,
    lamp: FloatArray,
    lamp_axes: FloatArray,
    lamp_focal: float,
    lamp_near: FloatArray,
) -> None:
    """Color every pixel that shows a triangle.

    Args:
        colors: the picture, (height, width, 3), 0 to 1; written to.
        face: what ``depths`` found.
        shares: what ``depths`` found.
        vertices: (v, 3), m.
        normals: (v, 3).
        faces: triangles, (f, 3).
        paint: colors of the triangles, (f, 3), 0 to 1.
        eye: where the camera is, (3,).
        up: direction that more light comes from, (3,).
        lamp: where the lamp is, (3,).
        lamp_axes: as of a camera at the lamp.
        lamp_focal: as of a camera at the lamp.
        lamp_near: what ``depths`` found from there.
    """
    height, width = face.shape
    size = lamp_near.shape[0]
    point, normal, ray, light = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    for row in range(height):
        for column in range(width):
            f = face[row, column]
            if f < 0:
                continue
            a, b, c = shares[row, column, 0], shares[row, column, 1], shares[row, column, 2]
            i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
            for n in range(3):
                point[n] = a * vertices[i, n] + b * vertices[j, n] + c * vertices[k, n]
                normal[n] = a * normals[i, n] + b * normals[j, n] + c * normals[k, n]
                ray[n], light[n] = point[n] - eye[n], lamp[n] - point[n]
            normal /= np.sqrt(np.sum(normal * normal))
            ray /= np.sqrt(np.sum(ray * ray))
            light /= np.sqrt(np.sum(light * light))
            facing, sky, glance = np.sum(normal * light), np.sum(normal * up), 0.0
            lit = 0.0
            if facing > 0.0:
                x, y, z = point[0] - lamp[0], point[1] - lamp[1], point[2] - lamp[2]
                depth = -(lamp_axes[2, 0] * x + lamp_axes[2, 1] * y + lamp_axes[2, 2] * z)
                scale = lamp_focal / depth
                u = 0.5 * size + scale * (lamp_axes[0, 0] * x + lamp_axes[0, 1] * y + lamp_axes[0, 2] * z)
                v = 0.5 * size - scale * (lamp_axes[1, 0] * x + lamp_axes[1, 1] * y + lamp_axes[1, 2] * z)
                limit = depth - _SHADOW_BIAS
                for down in range(-1, 2):
                    for across in range(-1, 2):
                        r, q = int(v) + down, int(u) + across
                        if r < 0 or q < 0 or r >= size or q >= size or lamp_near[r, q] * limit <= 1.0:
                            lit += 1.0 / 9.0
                half = light - ray
                half /= np.sqrt(np.sum(half * half))
                glance = lit * max(np.sum(normal * half), 0.0) ** SHININESS
            brightness = AMBIENT * (0.72 + 0.28 * sky) + DIFFUSE * lit * max(facing, 0.0)
            for n in range(3):
                colors[row, column, n] = min(max(paint[f, n] * brightness + SPECULAR * glance, 0.0), 1.0)
