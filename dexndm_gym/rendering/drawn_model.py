"""Hand and object as a MuJoCo model that is only looked at, made of the surfaces that all pictures show."""

import mujoco
import numpy as np

from dexndm_gym.objects.object_choice import Choice, the_object
from dexndm_gym.objects.scene_model import build_spec
from dexndm_gym.rendering.camera import View
from dexndm_gym.rendering.hand_parts import Part, hand_parts
from dexndm_gym.rendering.scene import object_parts

CAMERA = "view"
"""Name of the camera in the model."""

_SKY = (0.93, 0.945, 0.965)


def drawn_model(item: Choice, view: View) -> mujoco.MjModel:
    """A model to draw.

    Args:
        item: the object, by name or itself.
        view: where the camera and the lamp are.
    """
    spec = build_spec(None, first_object=the_object(item))
    for geom in list(spec.geoms):
        spec.delete(geom)
    for mesh in list(spec.meshes):
        spec.delete(mesh)
    for index, part in enumerate([*hand_parts(), *object_parts(item)]):
        _add_part(spec, f"part_{index}", part)
    _add_stage(spec, view)
    return spec.compile()


def _add_part(spec: mujoco.MjSpec, name: str, part: Part) -> None:
    surface = part.surface
    faces = surface.faces.flatten()
    spec.add_mesh(
        name=name,
        uservert=surface.vertices.flatten(),
        usernormal=surface.normals.flatten(),
        userface=faces,
        userfacenormal=faces,
        inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX,
    )
    spec.body(part.body).add_geom(
        type=mujoco.mjtGeom.mjGEOM_MESH, meshname=name, rgba=[*part.color, 1.0], contype=0, conaffinity=0, mass=0.0
    )


def _add_stage(spec: mujoco.MjSpec, view: View) -> None:
    spec.visual.headlight.ambient = [0.38, 0.38, 0.38]
    spec.visual.headlight.diffuse = [0.16, 0.16, 0.16]
    spec.visual.headlight.specular = [0.0, 0.0, 0.0]
    spec.visual.quality.shadowsize = 4096
    # a mesh smaller than a wide scene: planes of the camera and reach of the shadows follow the hand
    spec.stat.extent, spec.stat.center = 0.25, view.target
    spec.add_texture(
        name="sky", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX, builtin=mujoco.mjtBuiltin.mjBUILTIN_FLAT, rgb1=_SKY,
        rgb2=_SKY, width=16, height=16,
    )  # fmt: skip
    spec.worldbody.add_light(
        pos=view.lamp, dir=view.target - view.lamp, diffuse=[0.58, 0.58, 0.57], specular=[0.25, 0.25, 0.25], cutoff=14.0
    )
    turn = np.empty(4)
    mujoco.mju_mat2Quat(turn, view.axes.T.flatten())
    spec.worldbody.add_camera(name=CAMERA, pos=view.eye, quat=turn, fovy=float(np.degrees(view.angle)))
