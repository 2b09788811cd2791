"""The names that users import: where they are, and that they stay."""

import importlib
import subprocess
import sys

import pytest

PUBLIC = {
    "dexndm_gym": ("RotatableObject assemble load_mesh primitive register_object register_object_set "),
    "dexndm_gym.backends": (
        "Backend BackendFactory BackendRequest DynamixelHand DynamixelHandConfig HandState MujocoHand "
        "Operator Randomization SimulatedBackend TorqueHand Tracker VirtualHand WarpArrayHand WarpHand "
        "WeakServos backend_names connect make_backend "
    ),
    "dexndm_gym.distributed": "Workers WorkersConfig map_jobs",
    "dexndm_gym.envs": (
        "LeapRotateEnv LeapRotateTensorEnv LeapRotateVectorEnv make_real_env make_sim_env make_sim_vector_env "
    ),
    "dexndm_gym.filters": ("DeltaActionFilter InverseFilter ResidualFilter TargetFilter TargetNoise TargetWindow "),
    "dexndm_gym.objects": (
        "OBJECTS OBJECT_SETS RotatableObject Scene assemble ball box disc egg load_mesh primitive "
        "register_object register_object_set rod "
    ),
    "dexndm_gym.task": (
        "AXES AXIS_SETS EpisodeOptions PAPER_REWARD REWARD_TERMS RewardFunction RewardWeights "
        "STEP_METRICS StepBatch TaskConfig WRISTS WRIST_SETS "
    ),
    "dexndm_gym.tracking": "CameraTracker CameraTrackerConfig ProprioceptiveTracker TrackerStatus",
    "dexndm_gym.wrappers": (
        "DynamicsCorrectionVectorWrapper DynamicsCorrectionWrapper TargetFilterVectorWrapper TargetFilterWrapper "
    ),
    "dexndm_gym.wrappers.vector": "DynamicsCorrectionVectorWrapper TargetFilterVectorWrapper",
}
"""A name that goes, or moves, breaks programs of users: change this on purpose only."""


@pytest.mark.parametrize("package", PUBLIC)
def test_public_names_are_frozen(package: str) -> None:
    module = importlib.import_module(package)
    assert sorted(module.__all__) == PUBLIC[package].split()
    assert [name for name in module.__all__ if getattr(module, name) is None] == []


@pytest.mark.parametrize("package", PUBLIC)
def test_unknown_names_are_attribute_errors(package: str) -> None:
    with pytest.raises(AttributeError, match=f"{package}.*no_such_name"):
        getattr(importlib.import_module(package), "no_such_name")  # noqa: B009 (as an attribute it is useless)


def test_packages_load_no_simulator_and_no_pytorch() -> None:
    code = f"import sys, {', '.join(PUBLIC)}\nsys.exit(str({{'torch', 'mujoco'}} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stderr.strip() == "set()"
