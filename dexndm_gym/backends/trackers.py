"""Which tracker is meant by a name, a configuration or an object."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from dexndm_gym.backends.dynamixel_config import Tracker
from dexndm_gym.errors import ConfigurationError, MissingExtraError
from dexndm_gym.task.config_json import config_of
from dexndm_gym.task.import_paths import is_reference, resolve
from dexndm_gym.tracking.config import CameraTrackerConfig

CAMERA, PROPRIOCEPTION = "camera", "proprioception"

TrackerChoice: TypeAlias = Tracker | CameraTrackerConfig | Mapping[str, Any] | str | None
"""A tracker; ``"camera"``, or how the camera is to work, a ``CameraTrackerConfig`` or its fields by name;
``"proprioception"``; ``"module:name"`` of what makes one; None for none."""


def needs_real_time(choice: TrackerChoice) -> bool:
    """Whether it is a camera, which takes its pictures at its own rate."""
    return choice == CAMERA or isinstance(choice, CameraTrackerConfig | Mapping)


def make_tracker(choice: TrackerChoice, virtual_hand: str | None = None) -> Tracker | None:
    """The tracker that is meant; one with a camera is started.

    Args:
        choice: what was handed over.
        virtual_hand: socket of the side channel of a virtual hand, at which a virtual camera then looks.

    Raises:
        ConfigurationError: there is no such tracker.
        CameraError: its camera cannot be used.
        MissingExtraError: OpenCV is not installed.
    """
    if needs_real_time(choice):
        try:
            from dexndm_gym.tracking.camera_tracker import CameraTracker
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                f'{error.name} is not installed; run: pip install "dexndm_gym[tracking]"'
            ) from error
        wanted: Any = None if choice == CAMERA else choice
        config = config_of(CameraTrackerConfig, wanted)
        return CameraTracker(config, virtual_hand=virtual_hand)
    if choice == PROPRIOCEPTION:
        from dexndm_gym.tracking.proprioception import ProprioceptiveTracker

        return ProprioceptiveTracker()
    if isinstance(choice, str) and is_reference(choice):
        choice = resolve(choice, "tracker")()
    if choice is not None and not hasattr(choice, "object_pose"):
        raise ConfigurationError(
            f"Expected tracker to be {CAMERA!r} or its configuration, {PROPRIOCEPTION!r}, module:name of what makes a "
            f"tracker, or an object with object_pose(), got {choice!r:.60}"
        )
    return choice  # type: ignore[return-value]  (it has what a Tracker has)
