"""Draw the six named wrist orientations, seen from one place in the world, with the frames of hand and world.

python tools/draw_wrists.py docs/images/wrists.png
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from dexndm_gym.arrays import FloatArray, Vector
from dexndm_gym.grasps.palm_rest import CANONICAL_POSE
from dexndm_gym.rendering.camera import Camera, View
from dexndm_gym.rendering.rasterizer import project
from dexndm_gym.rendering.renderer import HandRenderer
from dexndm_gym.task.orientations import WRISTS, up_in_hand
from dexndm_gym.task.quaternions import conjugate, rotate

SIZE = 420
MIDDLE = (0.0, 0.0, 0.05)
"""What is in the middle of each picture, hand frame, m."""
BACK = (0.32, -0.50, 0.30)
"""Way from there to the camera, world frame, m."""
COLORS = {"x": "#c0392b", "y": "#1e8449", "z": "#1f4e9e"}


def draw_arrows(axes: Axes, view: View, origin: FloatArray, frame: FloatArray, names: str, *, own: bool) -> None:
    """Draw the axes of a frame, rows of (3, 3) in the hand frame, from a point on."""
    for name, axis in zip(names, frame, strict=True):
        ends = np.stack([origin, origin + 0.07 * axis, origin + 0.082 * axis])
        seen = project(ends, view.eye, view.axes, view.focal(SIZE), SIZE, SIZE)[:, :2]
        color = COLORS[name] if own else "black"
        (x, y), (to_x, to_y) = seen[:2].tolist()
        axes.annotate("", (to_x, to_y), (x, y), arrowprops={"arrowstyle": "-|>", "color": color, "lw": 1.8})
        text = axes.text(seen[2, 0], seen[2, 1], f"${name}_h$" if own else name, color=color, ha="center", va="center")
        text.set_path_effects([withStroke(linewidth=3.0, foreground="white")])


def draw_wrist(axes: Axes, name: str, wrist: tuple[float, ...]) -> None:
    """Draw one hand as a camera sees it that stands still in the world."""
    w, x, y, z = wrist

    def in_hand(vector: Vector) -> FloatArray:
        return np.array(rotate(conjugate((w, x, y, z)), vector))

    eye = np.add(MIDDLE, in_hand(BACK))
    camera, up = Camera(eye=(eye[0], eye[1], eye[2]), target=MIDDLE, angle=27.0), up_in_hand(np.array(wrist))
    view = View(camera, up)
    axes.imshow(HandRenderer(width=SIZE, height=SIZE, camera=camera, up=up).draw(CANONICAL_POSE, None, "cylinder"))
    draw_arrows(axes, view, np.array([0.0, 0.0, 0.01]), np.eye(3), "xyz", own=True)
    world = np.stack([in_hand((1.0, 0.0, 0.0)), in_hand((0.0, 1.0, 0.0)), in_hand((0.0, 0.0, 1.0))])
    right, above, _ = view.axes
    draw_arrows(axes, view, np.array(MIDDLE) - 0.11 * right - 0.115 * above, 0.5 * world, "xyz", own=False)
    axes.set_title(name, family="monospace")
    axes.set_axis_off()


def main(path: str) -> None:
    """Write the picture."""
    figure, grid = plt.subplots(2, 3, figsize=(9.6, 6.9), layout="constrained")
    for axes, (name, wrist) in zip(grid.flat, WRISTS.items(), strict=True):
        draw_wrist(axes, name, wrist)
    caption = "colored: hand frame, x to the fingertips, z out of the palm, thumb at -y; black: world frame, z is up"
    figure.supxlabel(caption, fontsize=10)
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main(*sys.argv[1:])
