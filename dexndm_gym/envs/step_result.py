"""What one control step gave."""

from typing import Any, NamedTuple

from dexndm_gym.arrays import BoolArray, FloatArray
from dexndm_gym.task.metrics import STEP_METRICS


class StepResult(NamedTuple):
    """What one control step gave on n hands."""

    reward: FloatArray
    terminated: BoolArray
    truncated: BoolArray
    values: FloatArray
    """In the order of ``STEP_METRICS``, (len(STEP_METRICS), n); speeds and terms of the reward are 0 where nothing is
    tracked."""
    other: dict[str, Any]
    """What else there is to tell, arrays (n, ...) by name."""

    def info(self) -> dict[str, Any]:
        """All of it by name, arrays (n, ...)."""
        return self.other | dict(zip(STEP_METRICS, self.values, strict=True))

    def info_of(self, i: int) -> dict[str, Any]:
        """All of it by name, of hand ``i``."""
        info = {name: value[i] for name, value in self.other.items()}
        info.update(zip(STEP_METRICS, self.values[:, i].tolist(), strict=True))
        return info
