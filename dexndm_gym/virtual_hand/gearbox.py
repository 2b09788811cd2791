"""Gears between rotor and joint: friction that grows with the load, and backlash.

While teeth are in touch, rotor and link are one body: the joint carries the rotor's inertia and the motor's torque.
When the tooth force would have to pull, the teeth part: the link is free (no torque, next to no friction, no rotor
inertia) and the rotor runs on its own until it meets the other flank, or the same one again, without bouncing.
"""

import numpy as np

from dexndm_gym.arrays import FloatArray, IntArray

FREE_INERTIA = 1e-4
"""Inertia of the output gear, which stays with the link while the teeth are apart; kg m^2."""

FREE_FRICTION = 5e-4
"""Dry friction of the output bearing, which the link feels while the teeth are apart; N m."""


class Gearbox:
    """Gears of a bank of servos; arrays have the bank's shape.

    Attributes:
        torque: torque for the joint, N m.
        frictionloss: dry friction for the joint, N m.
        armature: inertia to add to the joint, kg m^2.
        viscous: viscous friction of the joint, N m s/rad; constant.
        rotor: speed of the rotor seen at the output, rad/s.
        tooth_torque: what the rotor passed on to the link in the last step, N m.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        dt: float,
        *,
        armature: FloatArray,
        link_inertia: FloatArray,
        coulomb: FloatArray,
        viscous: FloatArray,
        load_friction: FloatArray,
        backlash: FloatArray,
    ) -> None:
        """Create gears in touch, at rest; see ``ServoParameters`` for the figures."""
        self._dt, self._rotor_inertia, self._coulomb, self._load_friction = dt, armature, coulomb, load_friction
        self.viscous, self._backlash = viscous, backlash
        self._rotor_share = armature / (armature + link_inertia + FREE_INERTIA)
        self.torque, self.rotor, self.tooth_torque = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.frictionloss, self.armature = coulomb.copy(), armature.copy()
        self._side = np.ones(shape)  # which flank touches: +1 pushes towards positive angles, -1 negative, 0 none
        self._free = np.zeros(shape, dtype=bool)
        self._any_free = False
        self._gap = backlash.copy()  # how far the rotor is ahead of the negative flank
        self._scratch = np.zeros(shape)

    def transmit(self, motor_torque: FloatArray) -> None:
        """Set what the joints get until the next cycle."""
        np.copyto(self.torque, motor_torque)
        np.add(motor_torque, self.tooth_torque, out=self.frictionloss)
        np.abs(self.frictionloss, out=self.frictionloss)
        self.frictionloss *= self._load_friction
        self.frictionloss += self._coulomb
        np.copyto(self.armature, self._rotor_inertia)
        if self._any_free:
            self.torque[self._free] = 0.0
            self.frictionloss[self._free] = FREE_FRICTION
            self.armature[self._free] = FREE_INERTIA

    def follow(
        self, motor_torque: FloatArray, velocity: FloatArray, acceleration: FloatArray, friction: FloatArray
    ) -> bool:
        """Take in what the joints did; see ``ServoBank.follow``."""
        tooth = self.tooth_torque
        np.multiply(self.rotor, -self.viscous, out=tooth)
        tooth += motor_torque
        tooth += friction
        np.multiply(self._rotor_inertia, acceleration, out=self._scratch)
        tooth -= self._scratch
        np.multiply(tooth, self._side, out=self._scratch)
        parting = self._scratch < 0.0  # never where the teeth are apart already: their side is 0
        met = False
        if self._any_free:
            tooth[self._free] = 0.0
            met = self._cross(motor_torque, velocity)
        else:
            np.copyto(self.rotor, velocity)
        self._side[parting] = 0.0
        self.note_free()
        return met

    def _cross(self, motor_torque: FloatArray, velocity: FloatArray) -> bool:
        """Move the free rotors through their gaps; where flanks meet, both sides go on at their common speed."""
        dt, free = self._dt, self._free
        speed = self.rotor + dt / self._rotor_inertia * (motor_torque - self.viscous * self.rotor)
        grip = dt / self._rotor_inertia * self._coulomb
        speed = np.sign(speed) * np.maximum(np.abs(speed) - grip, 0.0)
        np.copyto(self.rotor, velocity)
        self.rotor[free] = speed[free]
        self._gap += dt * (self.rotor - velocity) * free
        ahead, behind = free & (self._gap >= self._backlash), free & (self._gap <= 0.0)
        self._side[ahead], self._side[behind] = 1.0, -1.0
        self._gap[ahead], self._gap[behind] = self._backlash[ahead], 0.0
        met = ahead | behind
        velocity[met] += self._rotor_share[met] * (self.rotor[met] - velocity[met])
        self.rotor[met] = velocity[met]
        return bool(met.any())

    def rest(self, where: IntArray) -> None:
        """Bring the gears of these indices (first axis) to rest with their positive flanks in touch."""
        for array in (self.torque, self.rotor, self.tooth_torque):
            array[where] = 0.0
        self._side[where], self._gap[where] = 1.0, self._backlash[where]
        self.note_free()

    def state(self) -> tuple[FloatArray, ...]:
        """The arrays that carry over from cycle to cycle; after writing to them call ``note_free``."""
        return self.rotor, self.tooth_torque, self._side, self._gap

    def note_free(self) -> None:
        """Bring up to date which teeth are apart."""
        np.equal(self._side, 0.0, out=self._free)
        self._any_free = bool(self._free.any())
