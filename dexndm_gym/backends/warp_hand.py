"""n simulated hands on a GPU: MujocoHand's physics in MuJoCo Warp, tensors in and tensors out."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from dexndm_gym.backends.mujoco_hand import PUSH_DECAY, SUBSTEPS
from dexndm_gym.backends.randomization import Randomization
from dexndm_gym.backends.warp_objects import ObjectTable, resolve
from dexndm_gym.backends.warp_physics import WorldPhysics
from dexndm_gym.backends.warp_starts import Starts, StartTable
from dexndm_gym.backends.warp_worlds import CONTACTS, ROWS, WarpWorlds, find_device
from dexndm_gym.checks import check_count
from dexndm_gym.constants import GRAVITY, PHYSICS_TIMESTEP
from dexndm_gym.grasps.start_states import PALM_UP, StartStates
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.hand.model import TIP_NAMES, joint_indices
from dexndm_gym.hand.servo import SIM_SERVO
from dexndm_gym.objects.object_choice import Choice
from dexndm_gym.objects.scene_model import OBJECT_BODY, build_spec, object_indices

_LIMIT = 1e10
"""A world whose state is beyond this has diverged, as in C MuJoCo."""


class WarpHand:
    """n simulated hands, each with its own object, gravity and, if wanted, randomized physics.

    All tensors are float32 on one device, rows are hands. Within ``step`` and ``reset`` nothing is copied to the host
    and nothing waits for the device: which hands begin anew is said by masks. Work is queued on Warp's stream, which
    is ordered with PyTorch's default stream; on any other stream the caller has to synchronize.

    Attributes:
        num_hands: n.
        objects: names of the objects of this run; ``object_index`` counts in it.
        randomization: what is drawn at each reset; None keeps everything nominal.
        device: where everything is.
        object_index: object of each hand, (n,) long.
        start_target: joint targets that running episodes began with, (n, 16), rad.
        broken: hands whose state diverged in the last step, (n,) bool; they lie at their start state again, at rest,
            and the caller should end their episodes and reset them.
        nan_worlds: how often that has happened, () long.
    """

    def __init__(
        self,
        num_hands: int,
        *,
        objects: Sequence[Choice],
        starts: StartStates,
        randomization: Randomization | None = None,
        device: str | torch.device = "cuda:0",
        seed: int = 0,
        sparse: bool = True,
        deterministic: bool = False,
        contacts: int = CONTACTS,
        rows: int = ROWS,
    ) -> None:
        """Build the simulations; hand i holds object i modulo their number, palm up.

        Args:
            num_hands: how many.
            objects: what episodes may have, by name or itself; no meshes.
            starts: states that episodes start from.
            randomization: what to vary from episode to episode.
            device: ``"cuda:0"``, or ``"cpu"`` for trying things out.
            seed: of all draws.
            sparse: as in ``WarpWorlds``.
            deterministic: as in ``WarpWorlds``.
            contacts: as in ``WarpWorlds``.
            rows: as in ``WarpWorlds``.

        Raises:
            ConfigurationError: there is no such device, or an object cannot be simulated here, or has no start states
                for all wrist orientations.
            MissingExtraError: MuJoCo Warp is not installed.
        """
        check_count("num_hands", num_hands)
        items = resolve(objects)
        self.objects = tuple(item.name for item in items)
        self.num_hands, self.randomization = num_hands, randomization
        self.device = find_device(device)  # before anything is put on it
        table = ObjectTable(items, self.device)
        model = build_spec(SIM_SERVO, first_object=table.container).compile()
        self._starts = StartTable(self.objects, starts, model, self.device)
        self._worlds = WarpWorlds(
            model,
            num_hands,
            SUBSTEPS,
            device=self.device,
            sparse=sparse,
            deterministic=deterministic,
            contacts=contacts,
            rows=rows,
        )
        self._physics = WorldPhysics(model, self._worlds, table, randomization)
        self._joint_qpos, self._joint_dof = (self._index(x) for x in joint_indices(model))
        self._object_qpos, self._object_dof = (slice(x[0], x[-1] + 1) for x in object_indices(model))
        self._object_body = model.body(OBJECT_BODY).id
        self._tip_sites = self._index([model.site(name).id for name in TIP_NAMES])
        self._generator = torch.Generator(device=self.device).manual_seed(seed)
        self._allocate()
        down = torch.tensor(PALM_UP, device=self.device).expand(num_hands, 3)
        every = torch.ones(num_hands, dtype=torch.bool, device=self.device)
        self.reset(every, torch.arange(num_hands, device=self.device) % len(self.objects), down * GRAVITY)

    def _index(self, values: object) -> Tensor:
        return torch.as_tensor(values, dtype=torch.long, device=self.device)

    def _allocate(self) -> None:
        n, device = self.num_hands, self.device
        self.object_index = torch.zeros(n, dtype=torch.long, device=device)
        self.broken = torch.zeros(n, dtype=torch.bool, device=device)
        self.nan_worlds = torch.zeros((), dtype=torch.long, device=device)
        self._start = Starts(*(torch.zeros((n, k), device=device) for k in (16, 16, 7, 1, 12)))
        self._push = torch.zeros((n, 3), device=device)
        longest = 0.0 if self.randomization is None else self.randomization.delay[1]
        kept = 1 + math.ceil(round(longest / PHYSICS_TIMESTEP) / SUBSTEPS)
        self._commands = torch.zeros((n, kept, NUM_JOINTS), device=device)  # oldest first

    @property
    def worlds(self) -> WarpWorlds:
        """The underlying MuJoCo Warp simulations, for advanced use."""
        return self._worlds

    @property
    def position(self) -> Tensor:
        """Joint positions, (n, 16), rad; a copy, as are all that follow."""
        return self._worlds.qpos[:, self._joint_qpos]

    @property
    def velocity(self) -> Tensor:
        """Joint velocities, (n, 16), rad/s."""
        return self._worlds.qvel[:, self._joint_dof]

    @property
    def torque(self) -> Tensor:
        """Joint torques of the servos, (n, 16), N m."""
        return self._worlds.actuator_force.clone()

    @property
    def object_pose(self) -> Tensor:
        """Object pose in the hand frame, (n, 7): position in m, quaternion w x y z."""
        return self._worlds.qpos[:, self._object_qpos].clone()

    @property
    def object_velocity(self) -> Tensor:
        """(n, 6): m/s in the hand frame, rad/s in the object's."""
        return self._worlds.qvel[:, self._object_dof].clone()

    @property
    def start_target(self) -> Tensor:
        """Joint targets that running episodes began with, (n, 16), rad."""
        return self._start.target.clone()

    @property
    def gravity(self) -> Tensor:
        """(n, 3), m/s^2, hand frame."""
        return self._worlds.gravity.clone()

    def seed(self, seed: int) -> None:
        """Begin all draws anew."""
        self._generator.manual_seed(seed)

    def set_gravity(self, gravity: Tensor) -> None:
        """Let gravity, (n, 3) m/s^2 in the hand frame, pull from now on."""
        self._worlds.gravity.copy_(gravity)

    def privileged(self) -> dict[str, Tensor]:
        """What only a simulator knows, (n, k) by name; the same as ``MujocoHand.privileged``."""
        tips = self._worlds.site_xpos[:, self._tip_sites] - self._worlds.qpos[:, None, self._object_qpos][..., :3]
        return {
            "gravity": self._worlds.gravity / GRAVITY,
            "object_velocity": self.object_velocity,
            "fingertips": tips.flatten(1),
            "joint_velocity": self.velocity,
            "size": self._physics.shape[:, :3].clone(),
            "shape": self._physics.shape[:, 3:].clone(),
            "mass": self._physics.mass.clone(),
            "friction": self._physics.friction.clone(),
            "stiffness": self._physics.stiffness.mean(dim=1, keepdim=True),
            "frictionloss": self._physics.frictionloss.mean(dim=1, keepdim=True),
        }

    def reset(self, mask: Tensor, object_index: Tensor, gravity: Tensor, start_gravity: Tensor | None = None) -> None:
        """Let the hands of ``mask`` begin anew; rows of other hands are not looked at.

        Args:
            mask: (n,) bool.
            object_index: their objects, (n,) long, positions in ``objects``.
            gravity: (n, 3), m/s^2, hand frame.
            start_gravity: gravity that start states are chosen for, (n, 3); None for ``gravity``. Where no state was
                found for just this direction, it is one of those that hold in any.
        """
        chance = torch.rand(self.num_hands, generator=self._generator, device=self.device)
        drawn = self._starts.draw(object_index, gravity if start_gravity is None else start_gravity, chance)
        off_center = self._physics.redraw(mask, object_index, drawn.scale, self._generator, PHYSICS_TIMESTEP)
        position, quat = drawn.object_pose.split((3, 4), dim=1)
        pose = torch.cat([position + _rotated(quat, off_center), quat], dim=1)
        self._start = drawn._replace(object_pose=pose).where(mask, self._start)
        self.object_index = torch.where(mask, object_index, self.object_index)
        self._worlds.gravity.copy_(torch.where(mask[:, None], gravity, self._worlds.gravity))
        self._put_to_start(mask)

    def _put_to_start(self, mask: Tensor) -> None:
        """Put the hands of ``mask`` at rest in the states that their episodes started from."""
        worlds, start, rows = self._worlds, self._start, mask[:, None]
        worlds.qpos[:, self._joint_qpos] = torch.where(rows, start.joints, self.position)
        worlds.qpos[:, self._object_qpos] = torch.where(rows, start.object_pose, self.object_pose)
        for moving in (worlds.qvel, worlds.warm_start, self._push):
            moving.masked_fill_(rows, 0.0)
        self._commands.copy_(torch.where(rows[:, None], start.target[:, None], self._commands))
        limit = SIM_SERVO.torque_limit
        torque = (self._physics.stiffness * (start.target - start.joints)).clamp(-limit, limit)
        worlds.actuator_force.copy_(torch.where(rows, torque, worlds.actuator_force))
        tips = worlds.site_xpos[:, self._tip_sites]
        worlds.site_xpos[:, self._tip_sites] = torch.where(rows[:, None], start.tips.unflatten(1, (4, 3)), tips)

    def step(self, command: Tensor) -> None:
        """Advance every simulation by one control period towards its command, (n, 16) rad."""
        if self.randomization is not None:
            self._push_objects(self.randomization)
        self._plan(command)
        self._worlds.advance()
        state = torch.cat([self._worlds.qpos, self._worlds.qvel], dim=1)
        self.broken = ~(state.abs() < _LIMIT).all(dim=1)
        self.nan_worlds += self.broken.sum()
        self._put_to_start(self.broken)

    def _plan(self, command: Tensor) -> None:
        """Lay out the commands that act in each physics step, after the delay of each hand."""
        if self._commands.shape[1] == 1:  # none is ever delayed
            self._worlds.controls.copy_(command.expand_as(self._worlds.controls))
            return
        self._commands = torch.cat([self._commands[:, 1:], command[:, None]], dim=1)
        hands = torch.arange(self.num_hands, device=self.device)
        for step in range(SUBSTEPS):
            late = torch.div(step - self._physics.delay, SUBSTEPS, rounding_mode="floor")
            self._worlds.controls[step] = self._commands[hands, late.clamp(max=0) - 1]

    def _push_objects(self, r: Randomization) -> None:
        shape, options = (self.num_hands, 1), {"generator": self._generator, "device": self.device}
        fresh = torch.rand(shape, **options) < r.push_probability
        draw = torch.randn((self.num_hands, 3), **options) * (r.push_scale * self._physics.mass)
        self._push = torch.where(fresh, draw, self._push * PUSH_DECAY)
        self._worlds.applied[:, self._object_body, :3] = self._push


def _rotated(quat: Tensor, vector: Tensor) -> Tensor:
    """Vectors, (n, 3), turned by quaternions w x y z, (n, 4)."""
    w, axis = quat[:, :1], quat[:, 1:]
    across = 2.0 * torch.cross(axis, vector, dim=1)
    return vector + w * across + torch.cross(axis, across, dim=1)
