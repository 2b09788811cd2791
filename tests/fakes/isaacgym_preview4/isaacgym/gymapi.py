"""The part of ``gymapi`` that the worker uses. Signatures are those of typings/isaacgym, which a test compares."""

import copy
import os
import weakref

import numpy as np
import torch

from .structs import (
    AssetOptions,
    ContactCollection,
    CoordinateSpace,
    DofDriveMode,
    IndexDomain,
    IndexRange,
    PhysXParams,
    Quat,
    RigidBodyProperties,
    RigidShapeProperties,
    SimParams,
    SimType,
    Transform,
    UpAxis,
    Vec3,
    expect,
)
from .world import Actor, Asset, World

CC_LAST_SUBSTEP = ContactCollection.CC_LAST_SUBSTEP
CC_ALL_SUBSTEPS = ContactCollection.CC_ALL_SUBSTEPS
DOF_MODE_EFFORT = DofDriveMode.DOF_MODE_EFFORT
DOF_MODE_POS = DofDriveMode.DOF_MODE_POS
DOMAIN_ENV, DOMAIN_SIM = IndexDomain.DOMAIN_ENV, IndexDomain.DOMAIN_SIM
ENV_SPACE, LOCAL_SPACE = CoordinateSpace.ENV_SPACE, CoordinateSpace.LOCAL_SPACE
SIM_FLEX, SIM_PHYSX = SimType.SIM_FLEX, SimType.SIM_PHYSX
UP_AXIS_Y, UP_AXIS_Z = UpAxis.UP_AXIS_Y, UpAxis.UP_AXIS_Z

__all__ = ["AssetOptions", "PhysXParams", "Quat", "SimParams", "Transform", "Vec3"]

sims = []
"""All that were made in this process: one at most."""


class Tensor:
    """Memory: the simulator's own, or borrowed from a tensor that has to live until it is read."""

    def __init__(self, owned=None, borrowed=None):
        self.owned = owned
        self._borrowed = None if borrowed is None else weakref.ref(borrowed)

    def read(self, shape, kind=torch.float32):
        tensor = self._borrowed()
        if tensor is None:
            raise RuntimeError("the tensor was freed before the simulator read it")
        if tensor.dtype != kind or tensor.numel() != int(np.prod(shape)):
            raise TypeError(f"expected {kind} of shape {shape}, got {tensor.dtype} {tuple(tensor.shape)}")
        return tensor.numpy().reshape(shape)


class Env:
    def __init__(self, sim, index):
        self.sim, self.index, self.actors = sim, index, []


class Sim:
    def __init__(self, params):
        self.params, self.envs, self.worlds, self.prepared, self.fetched = copy.deepcopy(params), [], [], False, True
        self.num_actors = self.num_dofs = self.num_bodies = 0
        self.pending = {}  # by setter: buffer and ids
        self.efforts = self.forces = None

    def actors(self):
        return [(world, k) for world in self.worlds for k in range(len(world.actors))]

    def is_open(self):
        if self.prepared:
            raise RuntimeError("nothing can be added or scaled after prepare_sim")

    def is_prepared(self):
        if not self.prepared:
            raise RuntimeError("prepare_sim comes first")


def acquire_gym():
    return Gym()


class Gym:
    def create_sim(self, compute_device=0, graphics_device=0, type=SIM_FLEX, params=None):
        expect(compute_device, int), expect(graphics_device, int), expect(type, SimType), expect(params, SimParams)
        print("Not connected to PVD\nPhysics Engine: PhysX")
        if sims:
            raise RuntimeError("one simulation per process")
        if type is not SIM_PHYSX or graphics_device != -1 or params.use_gpu_pipeline or params.physx.use_gpu:
            raise RuntimeError("this stand-in has PhysX on the CPU, without pictures")
        if params.substeps > 1 and params.physx.contact_collection is CC_ALL_SUBSTEPS:
            raise RuntimeError("contact forces are wrong with CC_ALL_SUBSTEPS and substeps")
        if params.physx.max_gpu_contact_pairs < 8 * 1024 * 1024:
            raise RuntimeError("contacts would be lost without a word")
        if params.up_axis is not UP_AXIS_Z:
            raise RuntimeError("environments would be laid out along y")
        sims.append(Sim(params))
        return sims[0]

    def load_asset(self, sim, rootpath, filename, options=None):
        expect(sim, Sim), expect(rootpath, str), expect(filename, str), expect(options, AssetOptions)
        sim.is_open()
        return Asset(os.path.join(rootpath, filename), options)

    def create_env(self, arg0, arg1, arg2, arg3, /):
        expect(arg0, Sim), expect(arg1, Vec3), expect(arg2, Vec3), expect(arg3, int)
        arg0.is_open()
        arg0.envs.append(Env(arg0, len(arg0.envs)))
        return arg0.envs[-1]

    def create_actor(self, env, asset, pose, name=None, group=-1, filter=-1, segmentationId=0):  # noqa: N803
        expect(env, Env), expect(asset, Asset), expect(pose, Transform), expect(name, str), expect(filter, int)
        env.sim.is_open()
        if group != env.index:
            raise AssertionError("actors of different environments would touch, or of one would not")
        actor = Actor(asset, copy.deepcopy(pose), name, group, filter)
        actor.id, actor.first_dof, actor.first_body = env.sim.num_actors, env.sim.num_dofs, env.sim.num_bodies
        env.sim.num_actors += 1
        env.sim.num_dofs += len(asset.dofs)
        env.sim.num_bodies += len(asset.bodies)
        env.actors.append(actor)
        return len(env.actors) - 1

    def get_asset_dof_names(self, arg0, /):
        expect(arg0, Asset)
        return list(arg0.dofs)

    def get_asset_dof_properties(self, arg0, /):
        expect(arg0, Asset)
        properties = np.zeros(len(arg0.dofs), Actor(arg0, None, "", 0, 0).dofs.dtype)
        properties["lower"], properties["upper"] = np.finfo("f4").min, np.finfo("f4").max
        properties["stiffness"], properties["damping"], properties["friction"] = 1.0, 0.1, 0.1  # whatever it read
        return properties

    def get_asset_rigid_body_names(self, arg0, /):
        expect(arg0, Asset)
        return list(arg0.body_names)

    def get_asset_rigid_body_shape_indices(self, arg0, /):
        expect(arg0, Asset)
        ranges, start = [], 0
        for names in arg0.shapes:
            one = IndexRange()
            one.start, one.count = start, len(names)
            ranges.append(one)
            start += len(names)
        return ranges

    def get_actor_index(self, arg0, arg1, arg2, /):
        return _only_sim(arg2, _actor(arg0, arg1).id)

    def find_actor_dof_index(self, arg0, arg1, arg2, arg3, /):
        actor = _actor(arg0, arg1)
        return _only_sim(arg3, actor.first_dof + actor.asset.dofs.index(arg2))

    def find_actor_rigid_body_index(self, arg0, arg1, arg2, arg3, /):
        actor = _actor(arg0, arg1)
        return _only_sim(arg3, actor.first_body + actor.asset.body_names.index(arg2))

    def get_sim_rigid_body_count(self, arg0, /):
        expect(arg0, Sim)
        return arg0.num_bodies

    def set_actor_dof_properties(self, arg0, arg1, arg2, /):
        actor = _actor(arg0, arg1)
        if arg2.dtype != actor.dofs.dtype or arg2.shape != actor.dofs.shape:
            raise TypeError("expected the structured array of get_asset_dof_properties")
        actor.dofs = arg2.copy()
        return True

    def get_actor_rigid_body_properties(self, arg0, arg1, /):
        properties = []
        for mass in _actor(arg0, arg1).masses:
            properties.append(RigidBodyProperties())
            properties[-1].mass = mass
        return properties

    def set_actor_rigid_body_properties(self, env, actorHandle, props, recomputeInertia=False):  # noqa: N803
        actor = _actor(env, actorHandle)
        env.sim.is_open()  # masses count on being set before, see docs/domain_randomization.md of IsaacGymEnvs
        for i, one in enumerate(props):
            expect(one, RigidBodyProperties)
            if recomputeInertia:
                actor.inertia_factor[i] *= one.mass / actor.masses[i]
            actor.masses[i] = one.mass
        return True

    def get_actor_rigid_shape_properties(self, arg0, arg1, /):
        return copy.deepcopy(_actor(arg0, arg1).shapes)

    def set_actor_rigid_shape_properties(self, arg0, arg1, arg2, /):
        actor = _actor(arg0, arg1)
        for one in arg2:
            expect(one, RigidShapeProperties)
        actor.shapes = copy.deepcopy(arg2)
        return True

    def prepare_sim(self, arg0, /):
        expect(arg0, Sim)
        arg0.is_open()
        arg0.worlds = [World(env.actors, arg0.params) for env in arg0.envs]
        arg0.root = torch.full((arg0.num_actors, 13), np.nan)
        arg0.dof = torch.full((arg0.num_dofs, 2), np.nan)
        arg0.prepared = True
        for world, k in arg0.actors():  # it may move what was placed
            world.set_root(k, np.array([0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], dtype=np.float32))
            world.set_dof(k, np.full((len(world.actors[k].asset.dofs), 2), 0.3))
        return True

    def acquire_actor_root_state_tensor(self, arg0, /):
        arg0.is_prepared()
        return Tensor(owned=arg0.root.view(-1))

    def acquire_dof_state_tensor(self, arg0, /):
        arg0.is_prepared()
        return Tensor(owned=arg0.dof.view(-1))

    def refresh_actor_root_state_tensor(self, arg0, /):
        arg0.is_prepared()
        _need_results(arg0)
        for world, k in arg0.actors():
            arg0.root[world.actors[k].id] = torch.from_numpy(world.root(k))
        return True

    def refresh_dof_state_tensor(self, arg0, /):
        arg0.is_prepared()
        _need_results(arg0)
        for world, k in arg0.actors():
            first = world.actors[k].first_dof
            arg0.dof[first : first + len(world.places[k].dof)] = torch.from_numpy(world.dof(k))
        return True

    def set_actor_root_state_tensor_indexed(self, arg0, arg1, arg2, arg3, /):
        _set_indexed(arg0, "root", arg1, arg2, arg3)
        return True

    def set_dof_state_tensor_indexed(self, arg0, arg1, arg2, arg3, /):
        ids = _set_indexed(arg0, "dof", arg1, arg2, arg3)
        actors = arg0.actors()
        if any(not actors[i][0].actors[actors[i][1]].asset.dofs for i in ids):
            raise RuntimeError("illegal memory access: an actor without joints among the ids")
        return True

    def set_dof_actuation_force_tensor(self, arg0, arg1, /):
        expect(arg0, Sim), expect(arg1, Tensor)
        arg0.efforts = arg1
        return True

    def apply_rigid_body_force_tensors(self, sim, forceTensor=None, torqueTensor=None, space=ENV_SPACE):  # noqa: N803
        expect(sim, Sim), expect(space, CoordinateSpace)
        if torqueTensor is not None or space is not ENV_SPACE:
            raise NotImplementedError("this stand-in has forces in the environment's frame")
        sim.forces = forceTensor
        return True

    def simulate(self, arg0, /):
        expect(arg0, Sim)
        arg0.is_prepared()
        actors = arg0.actors()
        for kind, (buffer, ids, count) in arg0.pending.items():
            rows = buffer.read((arg0.num_actors, 13) if kind == "root" else (arg0.num_dofs, 2))
            for i in ids.read((count,), torch.int32):
                world, k = actors[i]
                first = world.actors[k].first_dof
                if kind == "root":
                    world.set_root(k, rows[i])
                else:
                    world.set_dof(k, rows[first : first + len(world.places[k].dof)])
        none = np.zeros((arg0.num_bodies, 3))
        efforts = none[:0] if arg0.efforts is None else arg0.efforts.read((arg0.num_dofs,))
        forces = none if arg0.forces is None else arg0.forces.read((arg0.num_bodies, 3))
        for world in arg0.worlds:
            world.advance(np.zeros(arg0.num_dofs) if arg0.efforts is None else efforts, forces, arg0.params.substeps)
        arg0.pending, arg0.efforts, arg0.forces, arg0.fetched = {}, None, None, False
        arg0.root.fill_(np.nan)
        arg0.dof.fill_(np.nan)

    def fetch_results(self, arg0, arg1, /):
        expect(arg0, Sim), expect(arg1, bool)
        arg0.fetched = True


def _actor(env, handle):
    expect(env, Env), expect(handle, int)
    return env.actors[handle]


def _only_sim(domain, index):
    expect(domain, IndexDomain)
    return index if domain is DOMAIN_SIM else 0


def _need_results(sim):
    if not sim.fetched:
        raise RuntimeError("on the CPU pipeline fetch_results comes before refresh")


def _set_indexed(sim, kind, buffer, ids, count):
    """One call counts for each simulate: a later one drops what an earlier one asked for."""
    expect(sim, Sim), expect(buffer, Tensor), expect(ids, Tensor), expect(count, int)
    sim.is_prepared()
    numbers = ids.read((count,), torch.int32)
    if len(set(numbers.tolist())) < count or not all(0 <= i < sim.num_actors for i in numbers):
        raise RuntimeError("ids of actors must be in range and differ")
    sim.pending[kind] = (buffer, ids, count)
    return numbers
