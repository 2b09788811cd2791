"""Hands in Isaac Gym Preview 4: runs in a process of its own under the user's own Python 3.8, and is loaded by path.

It imports Isaac Gym and PyTorch and nothing of this package, and nothing imports it. Gravity is zero in the simulator
and a force on every body here, so that each hand has its own. Servos are torques, computed here in every physics step:
PhysX's own drive has its damping inside of the torque limit, and no dry friction in N m.
"""

from __future__ import annotations

import math
from typing import Any

# Isaac Gym refuses to be loaded after PyTorch.
from isaacgym import gymapi, gymtorch  # pyright: ignore[reportMissingModuleSource]

# isort: split
import torch

_OBJECT_FILTER = 1 << 5
"""Shapes with a bit in common do not touch: here, objects of one hand."""


def versions() -> dict[str, Any]:
    """What is installed here."""
    try:
        from importlib.metadata import version

        installed = version("isaacgym")
    except ImportError:  # found without being installed, or a Python before 3.8
        installed = None
    return {"torch": str(torch.__version__), "isaacgym": installed}


class Hands:
    """n hands, one in each of Isaac Gym's environments, and in each of these one actor for every object."""

    def __init__(self, arrays: dict[str, Any]) -> None:
        """Take the arrays in shared memory."""
        self._shared = {name: torch.from_numpy(array) for name, array in arrays.items()}
        self._gym = gymapi.acquire_gym()

    def build(self, plan: dict[str, Any]) -> dict[str, Any]:
        """Make the simulation; returns the masses of the links of the first hand, kg, as the importer read them."""
        self._device, self._timestep, self._substeps = plan["device"], plan["timestep"], plan["substeps"]
        self._torque_limit = plan["torque_limit"]
        number = int(self._device.partition(":")[2] or 0)
        sim = self._gym.create_sim(number, -1, gymapi.SIM_PHYSX, self._parameters(plan["physx"]))
        if sim is None:
            raise RuntimeError("create_sim failed")
        self._sim = sim
        self._load_assets(plan)
        ids = [self._add_hand(i, plan) for i in range(len(self._shared["begin"]))]
        self._gym.prepare_sim(sim)
        names = ("hand_actors", "dofs", "links", "object_actors", "object_bodies")
        self._ids = {name: self._long([one[name] for one in ids]) for name in names}
        self._allocate(plan)
        return {"link_mass": ids[0]["link_mass"]}

    def _parameters(self, physx: dict[str, Any]) -> gymapi.SimParams:
        params = gymapi.SimParams()
        params.dt, params.substeps = self._timestep, 1
        params.up_axis, params.gravity = gymapi.UP_AXIS_Z, gymapi.Vec3(0.0, 0.0, 0.0)
        params.use_gpu_pipeline = params.physx.use_gpu = self._device != "cpu"
        params.physx.contact_collection = gymapi.CC_LAST_SUBSTEP
        for name, value in physx.items():
            setattr(params.physx, name, value)
        return params

    def _load_assets(self, plan: dict[str, Any]) -> None:
        options = gymapi.AssetOptions()
        options.linear_damping = options.angular_damping = 0.0
        options.collapse_fixed_joints = False
        options.slices_per_cylinder = 32
        gym, sim, folder = self._gym, self._sim, plan["folder"]
        self._objects = [[gym.load_asset(sim, folder, name, options) for name in sizes] for sizes in plan["objects"]]
        options.fix_base_link = True
        self._hand = gym.load_asset(sim, folder, plan["hand"], options)

    def _add_hand(self, i: int, plan: dict[str, Any]) -> dict[str, Any]:
        """Add hand ``i`` and its objects; returns the places of their states in the simulator's tensors."""
        gym, domain = self._gym, gymapi.DOMAIN_SIM
        lower, upper = gymapi.Vec3(-0.125, -0.125, -0.125), gymapi.Vec3(0.125, 0.125, 0.125)
        env = gym.create_env(self._sim, lower, upper, math.isqrt(len(self._shared["begin"])))
        # Of one group each: what is in different environments never touches.
        hand = gym.create_actor(env, self._hand, _transform(plan["palm"]), "hand", i, 0)
        self._set_joints(env, hand, plan, plan["armature"][i])
        mass = self._set_links(env, hand, plan["links"], plan["link_factor"][i], plan["friction"][i])
        objects = [self._add_object(env, i, k, plan) for k in range(len(self._objects))]
        body = gym.find_actor_rigid_body_index
        return {
            "link_mass": mass,
            "hand_actors": gym.get_actor_index(env, hand, domain),
            "dofs": [gym.find_actor_dof_index(env, hand, name, domain) for name in plan["joints"]],
            "links": [body(env, hand, link["name"], domain) for link in plan["links"]],
            "object_actors": [gym.get_actor_index(env, one, domain) for one in objects],
            "object_bodies": [body(env, one, plan["object_body"], domain) for one in objects],
        }

    def _set_joints(self, env: gymapi.Env, hand: int, plan: dict[str, Any], armature: list[float]) -> None:
        """Leave the joints to torques; the importer drops limits and rotor inertia."""
        order = [plan["joints"].index(name) for name in self._gym.get_asset_dof_names(self._hand)]
        properties = self._gym.get_asset_dof_properties(self._hand)
        properties["driveMode"].fill(gymapi.DOF_MODE_EFFORT)
        for name in ("stiffness", "damping", "friction"):
            properties[name].fill(0.0)
        properties["hasLimits"].fill(True)
        properties["effort"].fill(10.0)  # N m and rad/s: never reached
        properties["velocity"].fill(100.0)
        for name, values in (("lower", plan["lower"]), ("upper", plan["upper"]), ("armature", armature)):
            properties[name] = [values[j] for j in order]
        self._gym.set_actor_dof_properties(env, hand, properties)

    def _set_links(
        self, env: gymapi.Env, hand: int, links: list[dict[str, Any]], factor: list[float], friction: float
    ) -> list[float]:
        """Set what touches what, friction, and masses where they differ from hand to hand; returns masses, kg."""
        gym, names = self._gym, self._gym.get_asset_rigid_body_names(self._hand)
        shapes = gym.get_actor_rigid_shape_properties(env, hand)
        bodies = gym.get_actor_rigid_body_properties(env, hand)
        spans = gym.get_asset_rigid_body_shape_indices(self._hand)
        for link, share in zip(links, factor):
            at = names.index(link["name"])
            bodies[at].mass *= share
            for shape in shapes[spans[at].start : spans[at].start + spans[at].count]:
                shape.filter, shape.friction = link["filter"], friction
        gym.set_actor_rigid_shape_properties(env, hand, shapes)
        if any(share != 1.0 for share in factor):
            gym.set_actor_rigid_body_properties(env, hand, bodies, True)
        return [bodies[names.index(link["name"])].mass for link in links]

    def _add_object(self, env: gymapi.Env, i: int, k: int, plan: dict[str, Any]) -> int:
        sizes, gym = self._objects[k], self._gym
        handle = gym.create_actor(env, sizes[i % len(sizes)], _transform(plan["parked"][k]), f"object_{k}", i, 0)
        shapes = gym.get_actor_rigid_shape_properties(env, handle)
        for shape in shapes:  # PhysX takes the mean of both, so hand and object have the same
            shape.filter, shape.friction = _OBJECT_FILTER, plan["friction"][i]
        gym.set_actor_rigid_shape_properties(env, handle, shapes)
        bodies = gym.get_actor_rigid_body_properties(env, handle)
        bodies[0].mass = plan["object_mass"][i][k]
        gym.set_actor_rigid_body_properties(env, handle, bodies, True)
        return handle

    def _allocate(self, plan: dict[str, Any]) -> None:
        gym, sim, n = self._gym, self._sim, len(self._shared["begin"])
        # What the simulator is given is kept, because it borrows the memory.
        self._root = gymtorch.wrap_tensor(gym.acquire_actor_root_state_tensor(sim)).view(-1, 13)
        self._dof = gymtorch.wrap_tensor(gym.acquire_dof_state_tensor(sim)).view(-1, 2)
        gym.refresh_actor_root_state_tensor(sim)
        gym.refresh_dof_state_tensor(sim)
        self._effort = self._zeros(len(self._dof))
        self._forces = self._zeros(gym.get_sim_rigid_body_count(sim), 3)
        self._object, self._pending = self._long([-1] * n), self._long([0] * n) > 0
        self._submitted: list[torch.Tensor] = []
        self._commands = self._zeros(n, plan["kept_commands"], 16)  # oldest first
        self._bristle = self._zeros(n, 16)
        self._settings = {name: self._zeros(n, 16) for name in ("stiffness", "damping", "frictionloss")}
        self._delay = self._long([0] * n)
        parked = torch.tensor(plan["parked"], device=self._device).view(-1, 7)
        self._parked = torch.cat([_xyzw(parked), self._zeros(len(parked), 6)], 1)
        self._armature = torch.tensor(plan["armature"], device=self._device)
        self._object_mass = torch.tensor(plan["object_mass"], device=self._device)
        nominal = torch.tensor([link["mass"] for link in plan["links"]], device=self._device)
        self._link_mass = torch.tensor(plan["link_factor"], device=self._device) * nominal

    def reset(self) -> None:
        """Let the hands begin anew that are marked; their states can be read at once."""
        begin = self._read("begin")[:, 0] > 0
        hands = begin.nonzero()[:, 0]
        for name, setting in self._settings.items():
            setting[hands] = self._read(name)[hands]
        self._delay[hands] = self._read("delay")[hands, 0].long()
        self._commands[hands] = self._read("target")[hands, None]
        self._bristle[hands] = 0.0
        self._object[hands] = self._read("object")[hands, 0].long()
        self._dof[self._ids["dofs"][hands]] = torch.stack([self._read("joints"), self._zeros(len(begin), 16)], 2)[hands]
        self._place_objects(hands)
        self._pending |= begin
        self._submit()
        self._publish()

    def _place_objects(self, hands: torch.Tensor) -> None:
        """Write the states of all objects of some hands: one in the hand, the others parked."""
        self._root[self._ids["object_actors"][hands]] = self._parked
        holding = hands[self._object[hands] >= 0]
        self._root[self._held("object_actors", holding), :7] = _xyzw(self._read("pose")[holding])

    def _submit(self) -> None:
        """Hand over the states of all hands reset since the last physics step: a later call replaces an earlier one."""
        hands = self._pending.nonzero()[:, 0]
        objects = self._ids["object_actors"][hands].flatten().to(torch.int32)
        actors = self._ids["hand_actors"][hands].to(torch.int32)
        self._submitted += [objects, actors]  # their memory is only borrowed
        sim, unwrap = self._sim, gymtorch.unwrap_tensor
        if len(objects):
            self._gym.set_actor_root_state_tensor_indexed(sim, unwrap(self._root), unwrap(objects), len(objects))
        self._gym.set_dof_state_tensor_indexed(sim, unwrap(self._dof), unwrap(actors), len(actors))

    def step(self) -> dict[str, Any]:
        """Advance every hand by one control period; returns how many are no longer finite."""
        self._commands = torch.cat([self._commands[:, 1:], self._read("command")[:, None]], 1)
        self._weigh()
        for substep in range(self._substeps):
            self._drive(substep)
            self._simulate()
        self._gym.refresh_actor_root_state_tensor(self._sim)
        self._publish()
        finite = [torch.isfinite(self._shared[name]).all(1) for name in ("position", "velocity", "object_pose")]
        return {"broken": int((~torch.stack(finite).all(0)).sum())}

    def _simulate(self) -> None:
        # Forces act for one physics step and have to be given in each.
        gym, sim = self._gym, self._sim
        gym.set_dof_actuation_force_tensor(sim, gymtorch.unwrap_tensor(self._effort))
        gym.apply_rigid_body_force_tensors(sim, gymtorch.unwrap_tensor(self._forces), None, gymapi.ENV_SPACE)
        gym.simulate(sim)
        if self._device == "cpu":
            gym.fetch_results(sim, True)
        gym.refresh_dof_state_tensor(sim)
        self._pending.fill_(False)
        self._submitted.clear()

    def _weigh(self) -> None:
        """Forces of gravity on all links and on the objects that are held, and the push on these."""
        gravity = self._read("gravity")  # anew each time, as wrists turn within episodes
        self._forces.zero_()
        self._forces[self._ids["links"]] = self._link_mass[:, :, None] * gravity[:, None]
        hands = (self._object >= 0).nonzero()[:, 0]
        mass = self._object_mass[hands, self._object[hands]]
        self._forces[self._held("object_bodies", hands)] = mass[:, None] * gravity[hands] + self._read("push")[hands]

    def _drive(self, substep: int) -> None:
        """Torques of the servos: spring within its limit, damping, dry friction."""
        late = torch.div(substep - self._delay, self._substeps, rounding_mode="floor").clamp(max=0)
        command = self._commands[torch.arange(len(late), device=late.device), late - 1]
        position, velocity = self._joints()
        damping = self._settings["damping"]
        torque = self._spring(command, position) - damping * velocity - self._dry_friction(velocity, damping)
        self._effort[self._ids["dofs"]] = torque

    def _spring(self, command: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        spring = self._settings["stiffness"] * (command - position)
        return spring.clamp(-self._torque_limit, self._torque_limit)

    def _dry_friction(self, velocity: torch.Tensor, damping: torch.Tensor) -> torch.Tensor:
        """Friction as a short stiff bristle, so that a loaded joint sticks instead of creeping.

        Its spring and damping are as stiff as an explicit step bears: critically damped where the rotor is all the
        inertia that there is, and softer in proportion where links add theirs.
        """
        limit, per_step = self._settings["frictionloss"], self._armature / self._timestep
        stiffness = 0.25 * per_step / self._timestep
        longest = limit / stiffness
        self._bristle = torch.min(torch.max(self._bristle + velocity * self._timestep, -longest), longest)
        sticking = stiffness * self._bristle + (0.75 * per_step - damping).clamp(min=0.0) * velocity
        return torch.min(torch.max(sticking, -limit), limit)

    def _publish(self) -> None:
        """Copy what the hands measure into shared memory."""
        position, velocity = self._joints()
        hands = (self._object >= 0).nonzero()[:, 0]
        root = self._zeros(len(self._object), 13)
        root[hands] = self._root[self._held("object_actors", hands)]
        pose = torch.cat([root[:, :3], root[:, 6:7], root[:, 3:6]], 1)
        torque = self._spring(self._commands[:, -1], position)
        names = ("position", "velocity", "torque", "object_pose", "object_velocity")
        for name, value in zip(names, (position, velocity, torque, pose, root[:, 7:])):
            self._shared[name].copy_(value)

    def _joints(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Positions and velocities in motor order, (n, 16) each."""
        state = self._dof[self._ids["dofs"]]
        return state[:, :, 0], state[:, :, 1]

    def _held(self, name: str, hands: torch.Tensor) -> torch.Tensor:
        """Ids of the actors or bodies of the objects that some hands hold."""
        return self._ids[name][hands, self._object[hands]]

    def _read(self, name: str) -> torch.Tensor:
        return self._shared[name].to(self._device)

    def _zeros(self, *shape: int) -> torch.Tensor:
        return torch.zeros(shape, device=self._device)

    def _long(self, values: Any) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.long, device=self._device)


def _xyzw(pose: torch.Tensor) -> torch.Tensor:
    """Poses with quaternions w x y z, (k, 7), as Isaac Gym has them."""
    return torch.cat([pose[:, :3], pose[:, 4:], pose[:, 3:4]], 1)


def _transform(pose: list[float]) -> gymapi.Transform:
    """A pose with quaternion w x y z as Isaac Gym has it."""
    x, y, z, qw, qx, qy, qz = pose
    return gymapi.Transform(gymapi.Vec3(x, y, z), gymapi.Quat(qx, qy, qz, qw))
