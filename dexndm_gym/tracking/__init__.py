"""Where the object is: a camera and printed tags, or an estimate from the joints alone."""

from typing import TYPE_CHECKING

from dexndm_gym.lazy import lazy_names

if TYPE_CHECKING:
    from dexndm_gym.tracking.camera_tracker import CameraTracker
    from dexndm_gym.tracking.config import CameraTrackerConfig
    from dexndm_gym.tracking.proprioception import ProprioceptiveTracker
    from dexndm_gym.tracking.tag_tracker import TrackerStatus

__all__ = ["CameraTracker", "CameraTrackerConfig", "ProprioceptiveTracker", "TrackerStatus"]

__getattr__ = lazy_names(
    __name__,
    {
        "CameraTracker": "dexndm_gym.tracking.camera_tracker",
        "CameraTrackerConfig": "dexndm_gym.tracking.config",
        "ProprioceptiveTracker": "dexndm_gym.tracking.proprioception",
        "TrackerStatus": "dexndm_gym.tracking.tag_tracker",
    },
)
