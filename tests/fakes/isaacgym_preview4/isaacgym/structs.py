"""Structures and enumerations of ``gymapi``: unknown names and wrong types are errors, as in compiled bindings."""

import enum
from typing import ClassVar


class ContactCollection(enum.Enum):
    CC_NEVER, CC_LAST_SUBSTEP, CC_ALL_SUBSTEPS = range(3)


class CoordinateSpace(enum.Enum):
    ENV_SPACE, LOCAL_SPACE, GLOBAL_SPACE = range(3)


class DofDriveMode(enum.IntEnum):  # bound ones turn into numbers of NumPy's arrays
    DOF_MODE_NONE, DOF_MODE_POS, DOF_MODE_VEL, DOF_MODE_EFFORT = range(4)


class IndexDomain(enum.Enum):
    DOMAIN_ACTOR, DOMAIN_ENV, DOMAIN_SIM = range(3)


class SimType(enum.Enum):
    SIM_PHYSX, SIM_FLEX = range(2)


class UpAxis(enum.Enum):
    UP_AXIS_Y, UP_AXIS_Z = range(2)


class Record:
    """Named fields, each of one type."""

    defaults: ClassVar = {}

    def __init__(self):
        for name, value in self.defaults.items():
            object.__setattr__(self, name, value() if isinstance(value, type) else value)

    def __setattr__(self, name, value):
        if name not in self.defaults:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        expect(value, kind_of(self.defaults[name]))
        object.__setattr__(self, name, value)


def kind_of(default):
    return default if isinstance(default, type) else type(default)


def expect(value, kind):
    """Refuse what a compiled binding refuses."""
    kinds = (int, float) if kind is float else kind
    if not isinstance(value, kinds) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"incompatible arguments: expected {kind.__name__}, got {value!r}")


class Vec3(Record):
    defaults: ClassVar = {"x": 0.0, "y": 0.0, "z": 0.0}

    def __init__(self, x=0.0, y=0.0, z=0.0):
        self.x, self.y, self.z = x, y, z


class Quat(Record):
    defaults: ClassVar = {"x": 0.0, "y": 0.0, "z": 0.0, "w": 1.0}

    def __init__(self, x=0.0, y=0.0, z=0.0, w=1.0):
        self.x, self.y, self.z, self.w = x, y, z, w


class Transform(Record):
    defaults: ClassVar = {"p": Vec3, "r": Quat}

    def __init__(self, p=None, r=None):
        self.p, self.r = p or Vec3(), r or Quat()


class AssetOptions(Record):
    defaults: ClassVar = {
        "angular_damping": 0.5,
        "collapse_fixed_joints": False,
        "fix_base_link": False,
        "linear_damping": 0.0,
        "slices_per_cylinder": 20,
    }


class PhysXParams(Record):
    defaults: ClassVar = {
        "bounce_threshold_velocity": 0.2,
        "contact_collection": ContactCollection.CC_ALL_SUBSTEPS,
        "contact_offset": 0.02,
        "default_buffer_size_multiplier": 2.0,
        "max_depenetration_velocity": 100.0,
        "max_gpu_contact_pairs": 1024 * 1024,
        "num_position_iterations": 4,
        "num_velocity_iterations": 1,
        "rest_offset": 0.0,
        "solver_type": 1,
        "use_gpu": False,
    }


class SimParams(Record):
    defaults: ClassVar = {
        "dt": 1.0 / 60.0,
        "gravity": Vec3,
        "physx": PhysXParams,
        "substeps": 2,
        "up_axis": UpAxis.UP_AXIS_Y,
        "use_gpu_pipeline": False,
    }

    def __init__(self):
        super().__init__()
        self.gravity = Vec3(0.0, -9.8, 0.0)


class RigidBodyProperties(Record):
    defaults: ClassVar = {"mass": 0.0}


class RigidShapeProperties(Record):
    defaults: ClassVar = {"filter": 0, "friction": 1.0, "torsion_friction": 0.0}


class IndexRange(Record):
    defaults: ClassVar = {"start": 0, "count": 0}
