from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from scipy.spatial.transform import Rotation

from dexndm_gym.errors import FileFormatError
from dexndm_gym.grasps.palm_rest import START_POSE
from dexndm_gym.objects.scene import Scene
from dexndm_gym.tracking.proprioception import ProprioceptiveTracker
from dexndm_gym.tracking.rotation_estimator import KIND, NUM_FEATURES, RotationEstimator, load_estimator


def constant(spin: tuple[float, float, float]) -> RotationEstimator:
    """Says the same, whatever it sees."""
    weights = np.zeros((3, NUM_FEATURES), dtype=np.float32)
    return RotationEstimator(weights=(weights,), biases=(np.array(spin, dtype=np.float32),))


def test_estimates_add_up_to_an_orientation() -> None:
    tracker = ProprioceptiveTracker(constant((0.0, 0.0, 0.5)))
    tracker.begin(Scene())
    assert tracker.object_pose() is None
    for _ in range(41):
        tracker.observe(START_POSE, START_POSE)
    pose = tracker.object_pose()
    assert pose is not None
    assert Rotation.from_quat(pose[[4, 5, 6, 3]]).as_rotvec() == pytest.approx([0.0, 0.0, 1.0], abs=1e-6)
    assert tracker.info()["tracker_estimated"] is True


def test_the_empty_hand_has_nothing_to_turn() -> None:
    tracker = ProprioceptiveTracker(constant((0.0, 0.0, 0.5)))
    tracker.begin(Scene(object="none"))
    tracker.observe(START_POSE, START_POSE)
    assert tracker.object_pose() is None


def test_still_fingers_turn_little_with_the_shipped_estimator() -> None:
    tracker = ProprioceptiveTracker()
    tracker.begin(Scene(object="cube"))
    for _ in range(21):
        tracker.observe(START_POSE, START_POSE)
    pose = tracker.object_pose()
    assert pose is not None
    assert Rotation.from_quat(pose[[4, 5, 6, 3]]).magnitude() < 0.3


@pytest.mark.parametrize("bad", ["not finite", "does not fit"])
def test_weights_that_give_no_rotation_are_refused(bad: str, tmp_path: Path) -> None:
    bias = np.full(3, np.nan) if bad == "not finite" else np.zeros(4)
    tensors = {"0.weight": np.zeros((3, NUM_FEATURES)), "0.bias": bias}
    save_file(tensors, tmp_path / "x.safetensors", {"kind": KIND, "layers": "1"})
    with pytest.raises(FileFormatError, match=bad):
        load_estimator(tmp_path / "x.safetensors")


def test_other_files_are_no_estimator(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"x")
    save_file({"a": np.zeros(3)}, tmp_path / "y.safetensors")
    for name in ("x", "y"):
        with pytest.raises(FileFormatError, match="not an estimator"):
            load_estimator(tmp_path / f"{name}.safetensors")
    with pytest.raises(FileNotFoundError, match="tracker learn"):
        load_estimator(tmp_path / "z.safetensors")
