"""How an object is followed with a camera."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from dexndm_gym.checks import Bound, Checked, NotNegative, Positive
from dexndm_gym.tracking.tags import BASE_CENTER, Vector

VIRTUAL_CAMERA = "virtual"
"""Name of the camera that looks at a virtual hand."""


@dataclass(frozen=True, kw_only=True)
class CameraTrackerConfig(Checked):
    """A camera, and what it looks at."""

    camera: str = "0"
    """Number of the camera, such as 0 for /dev/video0, or path of a device or stream; of no meaning for a virtual hand,
    at which a virtual camera looks."""

    calibration: Path = Path("camera.json")
    """File that ``dexndm tracker calibrate`` wrote for this camera."""

    delay: NotNegative = 0.03
    """From exposure until a picture can be read, s: what a camera with a rolling shutter and USB takes at 30 Hz."""

    base: Vector = BASE_CENTER
    """Where the middle of the base's card is, hand frame, m."""

    oldest: Positive = 0.15
    """Age of the newest picture, s, from which on the object counts as not seen."""

    start_timeout: Annotated[float, Bound(above=0.0, most=600.0)] = 30.0
    """How long the camera may take to give its first picture, s."""

    blur: NotNegative = 0.8
    """Of a virtual camera: standard deviation of its blur, pixels."""

    noise: NotNegative = 3.0
    """Of a virtual camera: standard deviation of its noise, of 255 shades of gray."""
