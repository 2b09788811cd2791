"""Hands in Isaac Gym Preview 4: runs in a process of its own under the user's own Python 3.8, and is loaded by path.

Imports Isaac Gym and PyTorch and nothing of this package, and nothing of this package imports it. Gravity is zero in
the simulator and a force on every body here, so that each hand has its own. Servos are torques that are computed here in
every physics step, because PhysX's own drive has its damping inside of the torque limit and no dry friction in N m.
"""

from __future__ import annotations

import math
import sys
from typing import Any

from isaacgym import gymapi, gymtorch  # Isaac Gym refuses to be loaded after PyTorch

# isort: split
import torch

_PARKED_DEPTH, _PARKED_APART = -5.0, 0.3
"""Where objects are that their hand does not hold, m: below it, side by side, out of reach and at rest."""

_OBJECT_FILTER = 1 << 5
"""Shapes with a bit in common do not touch: here, objects of one hand."""


def versions() -> dict[str, Any]:
    """What is installed here; ``missing`` lists what Isaac Gym should have and has not."""
    try:
        from importlib.metadata import version

        installed = version("isaacgym")
    except ImportError:  # not installed but found, or a Python before 3.8
        installed = None
    wanted = ("apply_rigid_body_force_tensors", "set_dof_state_tensor_indexed", "find_actor_rigid_body_index")
    missing = [name for name in wanted if not hasattr(gymapi.Gym, name)]
    found = {"python": "{}.{}.{}".format(*sys.version_info[:3]), "torch": torch.__version__}
    return {**found, "isaacgym": installed, "missing": missing}


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
        self._sim = self._gym.create_sim(number, -1, gymapi.SIM_PHYSX, self._parameters(plan["physx"]))
        if self._sim is None:
            raise RuntimeError("create_sim failed")
        self._load_assets(plan)
        ids = [self._add_hand(i, plan) for i in range(len(self._shared["begin"]))]
        self._gym.prepare_sim(self._sim)
        names = ("hand_actors", "dofs", "links", "object_actors", "object_bodies")
        self._ids = {name: self._long([one[name] for one in ids]) for name in names}
        self._allocate(plan)
        self._park_all(plan["open_hand"])
        properties = self._gym.get_actor_rigid_body_properties(ids[0]["env"], ids[0]["handle"])
        by_name = dict(zip(self._gym.get_asset_rigid_body_names(self._hand), (one.mass for one in properties)))
        return {"link_mass": [by_name[link["name"]] for link in plan["links"]]}

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
        self._objects = [
            [self._gym.load_asset(self._sim, plan["folder"], name, options) for name in sizes]
            for sizes in plan["objects"]
        ]
        options.fix_base_link = True
        self._hand = self._gym.load_asset(self._sim, plan["folder"], plan["hand"], options)

    def _add_hand(self, i: int, plan: dict[str, Any]) -> dict[str, Any]:
        """Add hand ``i`` and its objects; returns the places of their states in the simulator's tensors."""
        gym, half = self._gym, 0.125
        lower, upper = gymapi.Vec3(-half, -half, -half), gymapi.Vec3(half, half, half)
        env = gym.create_env(self._sim, lower, upper, math.isqrt(len(self._shared["begin"])))
        # Of one group each: what is in different environments never touches.
        handle = gym.create_actor(env, self._hand, _transform(plan["palm"]), "hand", i, 0)
        self._set_joints(env, handle, plan, plan["armature"][i])
        self._set_links(env, handle, plan, plan["link_factor"][i], plan["friction"][i])
        held = [self._add_object(env, i, k, plan) for k in range(len(self._objects))]
        domain, index = gymapi.DOMAIN_SIM, gym.find_actor_rigid_body_index
        return {
            "env": env,
            "handle": handle,
            "hand_actors": gym.get_actor_index(env, handle, domain),
            "dofs": [gym.find_actor_dof_index(env, handle, name, domain) for name in plan["joints"]],
            "links": [index(env, handle, link["name"], domain) for link in plan["links"]],
            "object_actors": [gym.get_actor_index(env, one, domain) for one in held],
            "object_bodies": [index(env, one, plan["object_body"], domain) for one in held],
        }

    def _set_joints(self, env: gymapi.Env, handle: int, plan: dict[str, Any], armature: list[float]) -> None:
        """Leave the joints to torques; the importer drops limits and rotor inertia."""
        names = self._gym.get_asset_dof_names(self._hand)
        properties = self._gym.get_asset_dof_properties(self._hand)
        properties["driveMode"].fill(gymapi.DOF_MODE_EFFORT)
        for name in ("stiffness", "damping", "friction"):
            properties[name].fill(0.0)
        properties["hasLimits"].fill(True)
        properties["effort"].fill(10.0)  # N m and rad/s: never reached
        properties["velocity"].fill(100.0)
        order = [plan["joints"].index(name) for name in names]
        for name, values in (("lower", plan["lower"]), ("upper", plan["upper"]), ("armature", armature)):
            properties[name] = [values[j] for j in order]
        self._gym.set_actor_dof_properties(env, handle, properties)

    def _set_links(
        self, env: gymapi.Env, handle: int, plan: dict[str, Any], factor: list[float], friction: float
    ) -> None:
        """Set what touches what, friction, and masses where they differ from hand to hand."""
        names, by_name = self._gym.get_asset_rigid_body_names(self._hand), {link["name"]: link for link in plan["links"]}
        shapes = self._gym.get_actor_rigid_shape_properties(env, handle)
        for name, span in zip(names, self._gym.get_asset_rigid_body_shape_indices(self._hand)):
            for shape in shapes[span.start : span.start + span.count]:
                shape.filter, shape.friction = by_name[name]["filter"], friction
        self._gym.set_actor_rigid_shape_properties(env, handle, shapes)
        if any(share != 1.0 for share in factor):
            of_name = {link["name"]: share for link, share in zip(plan["links"], factor)}
            bodies = self._gym.get_actor_rigid_body_properties(env, handle)
            for name, body in zip(names, bodies):
                body.mass *= of_name[name]
            self._gym.set_actor_rigid_body_properties(env, handle, bodies, True)

    def _add_object(self, env: gymapi.Env, i: int, k: int, plan: dict[str, Any]) -> int:
        sizes, gym = self._objects[k], self._gym
        handle = gym.create_actor(env, sizes[i % len(sizes)], _transform(_parked(k)), "object_%d" % k, i, 0)
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
        # Kept, because the simulator borrows their memory.
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
        self._delay, self._gravity = self._long([0] * n), self._zeros(n, 3)
        self._armature = torch.tensor(plan["armature"], device=self._device)
        self._object_mass = torch.tensor(plan["object_mass"], device=self._device)
        nominal = torch.tensor([link["mass"] for link in plan["links"]], device=self._device)
        self._link_mass = torch.tensor(plan["link_factor"], device=self._device) * nominal

    def _park_all(self, joints: list[float]) -> None:
        """Open hands, all objects away: ``prepare_sim`` may have moved anything."""
        shared = self._shared
        shared["begin"].fill_(1.0)
        shared["object"].fill_(-1.0)
        shared["joints"][:] = shared["target"][:] = torch.tensor(joints)
        self.reset()

    def reset(self) -> None:
        """Let the hands begin anew that are marked; their states can be read at once."""
        begin = self._read("begin")[:, 0] > 0
        hands = begin.nonzero()[:, 0]
        for name, setting in self._settings.items():
            setting[hands] = self._read(name)[hands]
        self._delay[hands] = self._read("delay")[hands, 0].long()
        self._gravity[hands] = self._read("gravity")[hands]
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
        count = self._ids["object_actors"].shape[1]
        parked = torch.tensor([_parked(k) for k in range(count)], device=self._device).view(count, 7)
        rest = torch.cat([_xyzw(parked), self._zeros(count, 6)], 1)
        self._root[self._ids["object_actors"][hands]] = rest
        holding = hands[self._object[hands] >= 0]
        self._root[self._held("object_actors", holding), :7] = _xyzw(self._read("pose")[holding])

    def _submit(self) -> None:
        """Hand over the states of all hands reset since the last physics step: a later call replaces an earlier one."""
        hands = self._pending.nonzero()[:, 0]
        objects = self._ids["object_actors"][hands].flatten().to(torch.int32)
        actors = self._ids["hand_actors"][hands].to(torch.int32)
        self._submitted += [objects, actors]  # their memory is only borrowed
        if len(objects):
            self._gym.set_actor_root_state_tensor_indexed(
                self._sim, gymtorch.unwrap_tensor(self._root), gymtorch.unwrap_tensor(objects), len(objects)
            )
        self._gym.set_dof_state_tensor_indexed(
            self._sim, gymtorch.unwrap_tensor(self._dof), gymtorch.unwrap_tensor(actors), len(actors)
        )

    def step(self) -> dict[str, Any]:
        """Advance every hand by one control period; returns how many are no longer finite."""
        self._commands = torch.cat([self._commands[:, 1:], self._read("command")[:, None]], 1)
        self._weigh()
        for substep in range(self._substeps):
            self._drive(substep)
            self._simulate()
        self._gym.refresh_actor_root_state_tensor(self._sim)
        self._publish()
        state = torch.cat([self._shared[name] for name in ("position", "velocity", "object_pose")], 1)
        return {"broken": int((~torch.isfinite(state).all(1)).sum())}

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
        gravity = self._gravity
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
        measured = {"position": position, "velocity": velocity, "torque": torque}
        for name, value in {**measured, "object_pose": pose, "object_velocity": root[:, 7:]}.items():
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


def _parked(k: int) -> list[float]:
    """Pose of object ``k`` where it is out of reach, quaternion w x y z."""
    return [_PARKED_APART * k, 0.0, _PARKED_DEPTH, 1.0, 0.0, 0.0, 0.0]


def _xyzw(pose: torch.Tensor) -> torch.Tensor:
    """Poses with quaternions w x y z, (k, 7), as Isaac Gym has them."""
    return torch.cat([pose[:, :3], pose[:, 4:], pose[:, 3:4]], 1)


def _transform(pose: list[float]) -> gymapi.Transform:
    """A pose with quaternion w x y z as Isaac Gym has it."""
    x, y, z, qw, qx, qy, qz = pose
    return gymapi.Transform(gymapi.Vec3(x, y, z), gymapi.Quat(qx, qy, qz, qw))
