"""Virtual hands as a batched ``Backend`` in this process: the door for evaluations of thousands of episodes."""

from collections.abc import Sequence

import numpy as np

from dexndm_gym.arrays import FloatArray, IntArray
from dexndm_gym.constants import CONTROL_PERIOD, D_GAIN, GOAL_CURRENT, P_GAIN, SIDE_GAIN, SIDE_JOINTS
from dexndm_gym.errors import ModelMismatchError
from dexndm_gym.grasps.closing import TRIES, Closing, has_slipped
from dexndm_gym.grasps.hand_starts import HandStarts
from dexndm_gym.grasps.palm_rest import SETTLE_TIME, START_POSE
from dexndm_gym.hand.joints import NUM_JOINTS
from dexndm_gym.hand.state import HandState
from dexndm_gym.objects.catalog import NO_OBJECT
from dexndm_gym.objects.scene import FREE, Scene
from dexndm_gym.virtual_hand.firmware import CURRENT_BASED_POSITION_MODE
from dexndm_gym.virtual_hand.hand_physics import VirtualHandPhysics
from dexndm_gym.virtual_hand.motor_bank import TICKS_PER_RAD, ZERO_TICK
from dexndm_gym.virtual_hand.parameters import HandParameters


class VirtualHand:
    """n virtual hands set up as the hardware driver sets up a hand: mode 5, its gains, targets as whole ticks."""

    def __init__(
        self,
        hands: Sequence[int | HandParameters],
        *,
        num_threads: int = 0,
        surroundings: str = FREE,
        starts: HandStarts | None = None,
    ) -> None:
        """Build the hands, torque on, joints in the start pose.

        Args:
            hands: a seed, or explicit parameters, per hand; the same may occur often.
            num_threads: threads that step them, 0 for all processors; results do not depend on it.
            surroundings: what surrounds each hand, a name of ``dexndm_gym.objects.scene.SURROUNDINGS``.
            starts: how episodes begin; None for the open hand palm up, and for grasps in other wrists.
        """
        self._starts = starts if starts is not None else HandStarts()
        self.physics = VirtualHandPhysics(hands, num_threads=num_threads, surroundings=surroundings)
        self.num_hands = self.physics.num_hands
        physics, side = self.physics, list(SIDE_JOINTS)
        physics.operating_mode[...] = CURRENT_BASED_POSITION_MODE
        physics.p_gain[...], physics.d_gain[...] = P_GAIN, D_GAIN
        physics.p_gain[:, side], physics.d_gain[:, side] = round(SIDE_GAIN * P_GAIN), round(SIDE_GAIN * D_GAIN)
        physics.goal_current[...] = GOAL_CURRENT
        physics.torque_enable[...] = 1
        self._put_joints(np.arange(self.num_hands), START_POSE)

    def reset(self, ids: IntArray, scenes: Sequence[Scene], rng: np.random.Generator) -> FloatArray:
        """Let the hands ``ids`` begin anew, until their objects lie in them or are held by their fingers.

        A person puts an object into the open hand, or holds it between the fingers while they close.
        """
        ids = np.asarray(ids, dtype=np.int64)
        targets = np.tile(START_POSE, (len(ids), 1))
        grasps = [None if scene.object == NO_OBJECT else self._starts.draw(scene, rng) for scene in scenes]
        grasped = np.array([grasp is not None for grasp in grasps])
        empty = np.array([scene.object == NO_OBJECT for scene in scenes])
        targets[empty] = self._starts.empty_pose
        if (lying := np.flatnonzero(~grasped)).size:
            self._put_joints(ids[lying], targets[lying])
            self.physics.place_object(ids[lying], [scenes[int(k)] for k in lying], rng)
            self.physics.advance(SETTLE_TIME, ids[lying])
        if (held := np.flatnonzero(grasped)).size:
            wanted = np.array([grasp for grasp in grasps if grasp is not None])
            targets[held] = self._take(ids[held], [scenes[int(k)] for k in held], wanted, rng)
        return targets

    def _take(self, ids: IntArray, scenes: Sequence[Scene], grasps: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Have the hands ``ids`` grasp their objects, some of them more than once; their commands, (len(ids), 16)."""
        commands, left = np.empty_like(grasps), np.arange(len(ids))
        for _ in range(TRIES):
            commands[left] = self._close_on_held(ids[left], [scenes[int(k)] for k in left], grasps[left], rng)
            held = self.physics.object_pose()
            self.physics.let_go(ids[left])
            self.physics.advance(SETTLE_TIME, ids[left])
            left = left[has_slipped(held, self.physics.object_pose())[ids[left]]]
            if not left.size:
                break
        return commands

    def _close_on_held(
        self, ids: IntArray, scenes: Sequence[Scene], grasps: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """Close the hands ``ids`` around objects that a person holds; their commands, (len(ids), 16)."""
        closing = Closing(grasps)
        self._put_joints(ids, closing.command)
        self.physics.advance(CONTROL_PERIOD, ids)
        self.physics.hold_object(ids, scenes, rng)
        self.physics.advance(SETTLE_TIME, ids)
        while not closing.done:
            closing.advance(self._position()[ids])
            self.physics.goal_position[ids] = ticks_from_angles(closing.command)
            self.physics.advance(CONTROL_PERIOD, ids)
        self.physics.advance(SETTLE_TIME, ids)
        return closing.command

    def _put_joints(self, ids: IntArray, pose: FloatArray) -> None:
        ticks = ticks_from_angles(pose)
        self.physics.torque_enable[ids] = 1
        self.physics.goal_position[ids] = ticks
        self.physics.set_joints(ids, ticks)

    def _position(self) -> FloatArray:
        return angles_from_ticks(self.physics.present_position())

    def turn(self, ids: IntArray, gravity: FloatArray) -> None:
        """From now on gravity, (len(ids), 3) m/s^2 in the hand frame, pulls at the hands ``ids``."""
        self.physics.turn(ids, gravity)

    def step(self, command: FloatArray) -> None:
        """Send commands, (n, 16) rad, and let a control period pass.

        Raises:
            ModelMismatchError: ``command`` has another shape.
        """
        if np.shape(command) != (self.num_hands, NUM_JOINTS):
            raise ModelMismatchError(f"expected commands ({self.num_hands}, {NUM_JOINTS}), got {np.shape(command)}")
        self.physics.goal_position[...] = ticks_from_angles(command)
        self.physics.advance(CONTROL_PERIOD)

    def state(self) -> HandState:
        """Encoder positions, object poses and winding currents now."""
        return HandState(
            position=self._position(),
            object_pose=self.physics.object_pose(),
            current=self.physics.present_current() / 1000.0,
        )

    def privileged(self) -> dict[str, FloatArray]:
        """What only a simulator knows; see ``MujocoHand.privileged``. A policy that has it knows this very hand."""
        return self.physics.privileged()

    def close(self) -> None:
        """Switch the torque off."""
        self.physics.torque_enable[...] = 0


def ticks_from_angles(angles: FloatArray) -> IntArray:
    """Register values of joint angles in rad; the flat hand is 2048."""
    return np.rint(ZERO_TICK + np.asarray(angles) * TICKS_PER_RAD).astype(np.int64)


def angles_from_ticks(ticks: IntArray) -> FloatArray:
    """Joint angles in rad of register values."""
    return (ticks - ZERO_TICK) / TICKS_PER_RAD
