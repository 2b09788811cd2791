"""The physics of n virtual hands, seen from their servos' registers; no bus, no packets.

It is the same code behind the serial port (``python -m dexndm_gym.virtual_hand``) and in process
(``backends/virtual_hand.py``).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import FloatArray, IntArray
from dexndm_gym.constants import VIRTUAL_TIMESTEP
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.closing import draw_held_pose
from dexndm_gym.grasps.palm_rest import draw_object_pose
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.objects.catalog import NO_OBJECT
from dexndm_gym.objects.object_choice import Choice, object_of, own_objects
from dexndm_gym.objects.object_model import shape_code
from dexndm_gym.objects.scene import FREE, Scene
from dexndm_gym.virtual_hand.firmware import (
    CURRENT_BASED_POSITION_MODE,
    CURRENT_MODE,
    PWM_FULL,
    PWM_MODE,
    VELOCITY_MODE,
    VELOCITY_UNIT,
    is_position_mode,
)
from dexndm_gym.virtual_hand.motion_profile import PROFILE_ONGOING, TICKS_PER_VELOCITY
from dexndm_gym.virtual_hand.motor_bank import ZERO_TICK, ServoBank
from dexndm_gym.virtual_hand.parameters import HandParameters, stack, stack_servos
from dexndm_gym.virtual_hand.physics_interface import HandPhysics
from dexndm_gym.virtual_hand.plant import HandPlant
from dexndm_gym.virtual_hand.power_supply import PowerSupply

_JAMMED_FRICTION = 10.0
"""Dry friction of a joint that is held fast, N m: many times what a servo can do."""


class VirtualHandPhysics(HandPhysics):
    """n virtual hands in lock-step.

    Attributes:
        parameters: what is hidden in each hand.
    """

    def __init__(
        self,
        hands: Sequence[int | HandParameters],
        *,
        num_threads: int = 1,
        surroundings: str = FREE,
        objects: Sequence[Choice] = (),
    ) -> None:
        """Build the hands, flat and without torque, palm up, their objects put away.

        Args:
            hands: a seed, or explicit parameters, per hand.
            num_threads: threads that step the simulations, 0 for all processors; results do not depend on it.
            surroundings: what surrounds each hand, a name of ``dexndm_gym.objects.scene.SURROUNDINGS``.
            objects: what may be placed, by name or itself; needed for objects from mesh files.

        Raises:
            ConfigurationError: ``hands`` is empty, or there are no such surroundings.
        """
        if not hands:
            raise ConfigurationError("expected at least one hand (a seed or HandParameters each), got none")
        drawn = [hand if isinstance(hand, HandParameters) else HandParameters.draw(hand) for hand in hands]
        super().__init__(len(drawn))
        self.parameters = tuple(drawn)
        self._own = {item.name: item for item in own_objects(objects)}
        meshes = [item for item in self._own.values() if item.has_hulls]
        self._plant = HandPlant(drawn, num_threads, surroundings, meshes)
        servo_parameters = stack_servos(drawn)
        shape = (self.num_hands, NUM_JOINTS)
        self._servos = ServoBank(servo_parameters, shape, VIRTUAL_TIMESTEP, self._plant.link_inertia)
        source = stack(drawn, lambda hand: hand.supply_voltage)
        self._supply = PowerSupply(source, stack(drawn, lambda hand: hand.supply_resistance))
        self.supply_limit = self._supply.limit
        self._shape = np.zeros((self.num_hands, 6))
        self._make_delay_line(np.rint(np.asarray(servo_parameters.delay) / VIRTUAL_TIMESTEP).astype(np.int64))

    def _make_delay_line(self, delay: IntArray) -> None:
        """Goals of the last substeps, oldest overwritten first; each servo reads its own delay back."""
        self._delay_line = np.full((int(delay.max()) + 1, *delay.shape), float(ZERO_TICK))
        self._delay, self._newest = delay, 0
        self._servos.firmware.profile.trajectory[...] = ZERO_TICK
        self._enabled = self._were_enabled = np.zeros(delay.shape, dtype=np.bool_)
        self._applied = self._settings - 1
        self._hand_index, self._servo_index = np.indices(delay.shape)

    def advance(self, seconds: float, ids: IntArray | None = None) -> None:
        """Let time pass.

        Args:
            seconds: a whole number of physics steps of 5 ms.
            ids: the hands for which it passes; None for all.

        Raises:
            ConfigurationError: ``seconds`` is negative or not a whole number of steps.
            SimulationDivergedError: the simulation failed.
        """
        steps = round(seconds / VIRTUAL_TIMESTEP)
        if steps < 0 or abs(steps * VIRTUAL_TIMESTEP - seconds) > 1e-9:
            raise ConfigurationError(f"expected a whole number of steps of {VIRTUAL_TIMESTEP} s, got {seconds} s")
        if steps == 0:
            return
        if ids is not None and len(ids) < self.num_hands:
            with self._frozen(np.setdiff1d(np.arange(self.num_hands), ids)):
                self._run(steps, ids)
        else:
            self._run(steps, None)
        self._plant.park_lost_objects()
        self._plant.check()

    def _run(self, steps: int, ids: IntArray | None) -> None:
        changed = not np.array_equal(self._settings, self._applied)
        if changed:
            self._apply_settings()
        if changed or self.at_once.any() or not self._enabled.all():
            self._take_goals()
        goal, jam = self.goals(), bool(self.jammed.any())
        for _ in range(steps):
            self._substep(goal, ids, jam)
        self._servos.warm(steps * VIRTUAL_TIMESTEP)

    @contextmanager
    def _frozen(self, ids: IntArray) -> Iterator[None]:
        """Undo afterwards what happens to the servos of the hands ``ids`` meanwhile."""
        arrays = (self._supply.voltage, *self._servos.state())
        kept = [array[ids] for array in arrays]
        kept_goals = np.roll(self._delay_line[:, ids], -self._newest, axis=0)
        yield
        for array, values in zip(arrays, kept, strict=True):
            array[ids] = values
        self._servos.gearbox.note_free()
        self._delay_line[:, ids] = np.roll(kept_goals, self._newest, axis=0)

    def _apply_settings(self) -> None:
        np.copyto(self._applied, self._settings)
        mode = self.operating_mode
        known = is_position_mode(mode) | (mode == CURRENT_MODE) | (mode == VELOCITY_MODE) | (mode == PWM_MODE)
        self._enabled = known & (self.torque_enable != 0)
        current = np.where(mode == CURRENT_MODE, self.current_limit, np.inf)
        capped = np.minimum(np.abs(self.goal_current), self.current_limit)
        current = np.where(mode == CURRENT_BASED_POSITION_MODE, capped, current)
        goal_pwm = np.where(mode == PWM_MODE, self.pwm_limit, np.abs(self.goal_pwm))
        self._servos.configure(
            p_gain=self.p_gain,
            i_gain=self.i_gain,
            d_gain=self.d_gain,
            pwm_limit=np.minimum(goal_pwm, self.pwm_limit),
            current_limit=current / 1000.0,
            enable=self._enabled,
            mode=mode,
            velocity_p_gain=self.velocity_p_gain,
            velocity_i_gain=self.velocity_i_gain,
        )
        self._servos.firmware.profile.configure(
            self.profile_velocity, self.profile_acceleration, self.time_based, mode == VELOCITY_MODE
        )

    def _take_goals(self) -> None:
        """Let goals act at once that the servos have set themselves, or that have long arrived before torque came on.

        Torque may have gone off and on again since the last call, so both the way down and the way up count.
        """
        fresh = self.at_once | ~(self._enabled & self._were_enabled)
        np.copyto(self._delay_line, self.goals(), where=fresh)
        self._servos.firmware.profile.restart(fresh)
        self._were_enabled = self._enabled
        self.at_once[...] = False

    def _substep(self, goal: FloatArray, ids: IntArray | None, jam: bool) -> None:
        plant, servos, gears = self._plant, self._servos, self._servos.gearbox
        self._newest = (self._newest + 1) % len(self._delay_line)
        self._delay_line[self._newest] = goal
        sent = (self._newest - self._delay) % len(self._delay_line)
        acting = self._delay_line[sent, self._hand_index, self._servo_index]
        servos.drive(plant.position, acting, self._supply.voltage)
        self._supply.follow(servos.duty, servos.current, servos.resistance)
        friction = np.where(self.jammed, _JAMMED_FRICTION, gears.frictionloss) if jam else gears.frictionloss
        plant.step(gears.torque, friction, gears.armature, ids)
        if servos.follow(plant.velocity, plant.acceleration, plant.friction):
            plant.write_velocity(ids)

    def present_position(self) -> IntArray:
        """Encoder positions, (n, 16), ticks."""
        return self._servos.ticks(self._plant.position).astype(np.int64)

    def present_velocity(self) -> IntArray:
        """Joint velocities, (n, 16), units of 0.229 rev/min."""
        return np.rint(self._plant.velocity / VELOCITY_UNIT).astype(np.int64)

    def present_current(self) -> IntArray:
        """Winding currents, (n, 16), mA."""
        return np.rint(self._servos.current * 1000.0).astype(np.int64)

    def present_pwm(self) -> IntArray:
        """Duty of the bridges, (n, 16), 1/885."""
        return np.rint(self._servos.duty * PWM_FULL).astype(np.int64)

    def position_trajectory(self) -> IntArray:
        """Where the profiles are, (n, 16), ticks; outside the position modes the encoder positions."""
        trajectory = np.rint(self._servos.firmware.profile.trajectory).astype(np.int64)
        apart = np.isin(self.operating_mode, (CURRENT_MODE, VELOCITY_MODE, PWM_MODE))
        return np.where(apart, self.present_position(), trajectory)

    def velocity_trajectory(self) -> IntArray:
        """How fast the profiles move, (n, 16), units of 0.229 rev/min; without a profile 0."""
        profile = self._servos.firmware.profile
        moving = profile.speed / TICKS_PER_VELOCITY * (profile.kind != 0)
        velocity = np.where(self.operating_mode == VELOCITY_MODE, profile.trajectory, moving)
        return np.rint(velocity).astype(np.int64)

    def profile_status(self) -> IntArray:
        """The bits of Moving Status that are about profiles, (n, 16)."""
        profile = self._servos.firmware.profile
        return (profile.kind | PROFILE_ONGOING * profile.ongoing()) * (self.operating_mode != VELOCITY_MODE)

    def input_voltage(self) -> IntArray:
        """Supply voltage at the servos, (n, 16), 0.1 V."""
        return np.broadcast_to(np.rint(self._supply.voltage * 10.0).astype(np.int64), self.p_gain.shape).copy()

    def temperature(self) -> IntArray:
        """Servo temperatures, (n, 16), degrees Celsius."""
        return np.rint(self._servos.temperature).astype(np.int64)

    def object_pose(self) -> FloatArray:
        """True pose of the objects, (n, 7): position in m, quaternion w x y z, hand frame."""
        return self._plant.object_pose()

    def privileged(self) -> dict[str, FloatArray]:
        """What only a simulator knows; names and units are those of ``MujocoHand.privileged``."""
        stiffness = self._servos.stiffness(self.p_gain, self._supply.voltage)
        return self._plant.privileged() | {
            "size": self._shape[:, :3].copy(),
            "shape": self._shape[:, 3:].copy(),
            "stiffness": stiffness.mean(axis=1, keepdims=True),
        }

    def place_object(self, ids: IntArray, scenes: Sequence[Scene], rng: np.random.Generator) -> None:
        """Put into each hand of ``ids`` the object of its scene, as a person would, and turn the wrist as it says.

        The fingers stay as they are: bring them to the start pose first.
        """
        for i, scene in zip(ids, scenes, strict=True):
            if scene.object == NO_OBJECT:
                self._plant.park(np.array([i]))
                self._plant.turn(int(i), scene.gravity)
                continue
            item = object_of(scene, self._own)
            self._shape[i] = shape_code(item)
            self._plant.put_object(int(i), item, draw_object_pose(item, rng), scene.gravity)

    def hold_object(self, ids: IntArray, scenes: Sequence[Scene], rng: np.random.Generator) -> None:
        """Hold between the open fingers of each hand of ``ids`` the object of its scene, as a person would.

        It stays there, hardly moved by the fingers, until ``let_go``. The wrist is turned as the scene says.
        """
        for i, scene in zip(ids, scenes, strict=True):
            item = object_of(scene, self._own)
            self._shape[i] = shape_code(item)
            pose = draw_held_pose(item, self._plant.fingertips(int(i)), rng)
            self._plant.put_object(int(i), item, pose, scene.gravity)
            self._plant.hold_object(int(i))

    def let_go(self, ids: IntArray) -> None:
        """Let go of the objects that are held."""
        self._plant.let_go(ids)

    def turn(self, ids: IntArray, gravity: FloatArray) -> None:
        """Turn the wrists of the hands ``ids``: gravity in the hand frame, (len(ids), 3), m/s^2."""
        for i, pull in zip(ids, gravity, strict=True):
            self._plant.turn(int(i), pull.tolist())

    def set_joints(self, ids: IntArray, ticks: npt.ArrayLike) -> None:
        """Put the joints of the hands ``ids`` to rest where their encoders read ``ticks``, (16,) or (len(ids), 16).

        Goals still on their way are forgotten: what ``goal_position`` holds acts at once.
        """
        everywhere = np.broadcast_to(np.asarray(ticks, dtype=np.float64), (len(ids), NUM_JOINTS))
        whole = np.zeros((self.num_hands, NUM_JOINTS))
        whole[ids] = everywhere
        self._plant.set_joints(ids, self._servos.position_at(whole)[ids])
        self._servos.rest(ids)
        self._delay_line[:, ids] = self.goals()[ids]
