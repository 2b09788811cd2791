"""Quaternions w x y z, (n, 4), and vectors, (n, 3), as tensors: what ``quaternions`` has for one at a time."""

import torch
from torch import Tensor


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """Hamilton products a b, (n, 4): first turn by b, then by a."""
    aw, ax, ay, az = a.unbind(1)
    bw, bx, by, bz = b.unbind(1)
    return torch.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        dim=1,
    )


def conjugate(a: Tensor) -> Tensor:
    """Inverses of unit quaternions, (n, 4)."""
    return torch.cat([a[:, :1], -a[:, 1:]], dim=1)


def rotate(a: Tensor, v: Tensor) -> Tensor:
    """Vectors, (n, 3), turned by unit quaternions, (n, 4)."""
    w, u = a[:, :1], a[:, 1:]
    across = 2.0 * torch.cross(u, v, dim=1)
    return v + w * across + torch.cross(u, across, dim=1)


def rotation_vector(a: Tensor) -> Tensor:
    """Axis times angle, rad, of unit quaternions, (n, 3); angles are at most pi."""
    w, v = a[:, :1], a[:, 1:]
    # The floor makes angle / sin(angle / 2) what it tends to, 2, where there is no turn.
    sine = v.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return v * torch.copysign(2.0 * torch.atan2(sine, w.abs()) / sine, w)


def turn(axis: Tensor, angle: Tensor) -> Tensor:
    """The rotations by angles, (n, 1), in rad about unit vectors, (n, 3), as quaternions."""
    return torch.cat([torch.cos(0.5 * angle), torch.sin(0.5 * angle) * axis], dim=1)


def canonical(a: Tensor) -> Tensor:
    """Of the two quaternions of each orientation the one whose first number that is not zero is positive, (n, 4)."""
    first = (a != 0.0).to(torch.uint8).argmax(dim=1, keepdim=True)
    return torch.where(a.gather(1, first) < 0.0, -a, a)
