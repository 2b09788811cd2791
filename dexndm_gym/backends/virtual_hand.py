"""Virtual hands as a batched ``Backend`` in this process: the door for evaluations of thousands of episodes."""

from collections.abc import Sequence

import numpy as np

from dexndm_gym.constants import CONTROL_PERIOD, SIDE_JOINTS
from dexndm_gym.errors import ModelMismatchError
from dexndm_gym.grasps.palm_rest import SETTLE_TIME, START_POSE
from dexndm_gym.hand.joints import NUM_JOINTS, FloatArray, IntArray
from dexndm_gym.hand.state import HandState
from dexndm_gym.objects.scene import FREE, Scene
from dexndm_gym.virtual_hand.firmware import CURRENT_BASED_POSITION_MODE
from dexndm_gym.virtual_hand.hand_physics import VirtualHandPhysics
from dexndm_gym.virtual_hand.motor_bank import TICKS_PER_RAD, ZERO_TICK
from dexndm_gym.virtual_hand.parameters import HandParameters

P_GAIN, SIDE_P_GAIN, D_GAIN, SIDE_D_GAIN = 800, 600, 200, 150
GOAL_CURRENT = 500
"""mA."""


class VirtualHand:
    """n virtual hands set up as the hardware driver sets up a hand: mode 5, its gains, targets as whole ticks."""

    def __init__(
        self, hands: Sequence[int | HandParameters], *, num_threads: int = 0, surroundings: str = FREE
    ) -> None:
        """Build the hands, torque on, joints in the start pose.

        Args:
            hands: a seed, or explicit parameters, per hand; the same may occur often.
            num_threads: threads that step them, 0 for all processors; results do not depend on it.
            surroundings: what surrounds each hand, a name of ``dexndm_gym.objects.scene.SURROUNDINGS``.
        """
        self.physics = VirtualHandPhysics(hands, num_threads=num_threads, surroundings=surroundings)
        self.num_hands = self.physics.num_hands
        physics, side = self.physics, list(SIDE_JOINTS)
        physics.operating_mode[...] = CURRENT_BASED_POSITION_MODE
        physics.p_gain[...], physics.d_gain[...] = P_GAIN, D_GAIN
        physics.p_gain[:, side], physics.d_gain[:, side] = SIDE_P_GAIN, SIDE_D_GAIN
        physics.goal_current[...] = GOAL_CURRENT
        physics.torque_enable[...] = 1
        self._to_start_pose(np.arange(self.num_hands))

    def reset(self, ids: IntArray, scenes: Sequence[Scene], rng: np.random.Generator) -> FloatArray:
        """Put the hands ``ids`` into the start pose, place their objects and wait until they lie still."""
        ids = np.asarray(ids, dtype=np.int64)
        self._to_start_pose(ids)
        self.physics.place_object(ids, scenes, rng)
        self.physics.advance(SETTLE_TIME, ids)
        return np.tile(START_POSE, (len(ids), 1))

    def _to_start_pose(self, ids: IntArray) -> None:
        start = ticks_from_angles(START_POSE)
        self.physics.torque_enable[ids] = 1
        self.physics.goal_position[ids] = start
        self.physics.set_joints(ids, start)

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
            position=angles_from_ticks(self.physics.present_position()),
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
