"""Videos of episodes and recordings, drawn from what was measured; they need no graphics library."""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import imageio.v3 as iio
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.evaluation.episodes import EpisodeRecord
from dexndm_gym.objects.catalog import NO_OBJECT, OBJECTS
from dexndm_gym.rendering.renderer import HandRenderer

Picture = npt.NDArray[np.uint8]

FPS = 25
SPEED = 2.5
"""How much faster than it happened."""

STEPS_PER_FRAME = 2
"""Control steps of 50 ms from frame to frame: 25 of them show 2.5 s."""


def draw_episode(
    episode: EpisodeRecord,
    renderer: HandRenderer,
    *,
    length: int,
    title: str = "",
    drawn: Callable[[], Any] | None = None,
) -> list[Picture]:
    """Draw an episode, its last picture held until ``length`` frames are there.

    Args:
        episode: what happened.
        renderer: draws.
        length: number of frames.
        title: what to write below them.
        drawn: told after each frame.

    Returns:
        Frames (height, width, 3), RGB, with the rotation so far in a corner.
    """
    frames = []
    for index in range(0, len(episode) + 1, STEPS_PER_FRAME)[:length]:
        picture = _draw(renderer, episode.position[index], episode.object_pose, index, episode.object)
        frames.append(_write(picture, rt=f"{episode.rotation[index]:.1f} rad", lb=title))
        if drawn is not None:
            drawn()
    if episode.dropped:
        frames[-1] = _write(frames[-1], rb="lost")
    return frames + [frames[-1]] * (length - len(frames))


def draw_trajectory(trajectory: Trajectory, renderer: HandRenderer, *, length: int) -> list[Picture]:
    """Draw the first ``length`` frames of a recording, its last picture held; the object where it is known."""
    item = str(trajectory.metadata.get("object", NO_OBJECT))
    poses = trajectory.object_pose if item in OBJECTS else None
    frames = []
    for index in range(0, len(trajectory) + 1, STEPS_PER_FRAME)[:length]:
        picture = _draw(renderer, trajectory.position[index], poses, index, item)
        frames.append(_write(picture, rt=f"{index * CONTROL_PERIOD:.0f} s"))
    return frames + [frames[-1]] * (length - len(frames))


def side_by_side(runs: Sequence[Sequence[Picture]]) -> list[Picture]:
    """Frames of several videos of equal size and length, next to each other."""
    return [np.concatenate(frames, axis=1) for frames in zip(*runs, strict=True)]


def encode(frames: Sequence[Picture]) -> bytes:
    """An mp4 (H.264) that browsers play.

    Raises:
        OSError: ffmpeg is missing or failed.
    """
    with TemporaryDirectory(prefix="dexndm-") as folder:
        path = Path(folder) / "video.mp4"
        options = {"fps": FPS, "codec": "libx264", "quality": 7, "pixelformat": "yuv420p"}
        iio.imwrite(path, np.stack(frames), plugin="FFMPEG", **options)
        return path.read_bytes()


def _draw(renderer: HandRenderer, position: FloatArray, poses: FloatArray | None, index: int, item: str) -> Picture:
    seen = poses is not None and bool(np.isfinite(poses[index]).all())
    return renderer.draw(position, poses[index] if poses is not None and seen else None, item)


def _write(picture: Picture, **texts: str) -> Picture:
    """Write into corners, which are named by the first letters of left or right and top or bottom."""
    image = Image.fromarray(picture)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    for corner, text in texts.items():
        place = (10 if corner[0] == "l" else image.width - 10, 10 if corner[1] == "t" else image.height - 10)
        draw.text(place, text, fill=(31, 41, 55), font=font, anchor=corner.replace("b", "s"))
    return np.asarray(image)
