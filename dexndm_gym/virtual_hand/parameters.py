"""How one virtual hand differs from the next: hidden parameters, drawn from a seed.

``Spread`` is the one place that says how far apart hands are, and ``Spread.severity`` the one number that scales all of
it. Severity 1 is meant to be what builds of the same hand from the same cheap servos show after some months of use.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import FloatArray
from dexndm_gym.checks import Checked, NotNegative
from dexndm_gym.hand.joints import NUM_JOINTS


@dataclass(frozen=True, kw_only=True, eq=False)
class ServoParameters:
    """What servos are made of: numbers, or arrays that broadcast to the bank's shape.

    The defaults are those of the nominal servo: motor and friction as ``make bench-servo`` fits them to all its logs of
    a real XL330-M288; backlash, delay and heat are not visible there and are typical of the class.
    """

    torque_constant: npt.ArrayLike = 0.375
    """Output torque per winding current, and back-EMF per output speed; N m/A = V s/rad."""

    resistance: npt.ArrayLike = 2.98
    """Winding, brushes and bridge at room temperature, ohm."""

    saturation: npt.ArrayLike = 0.317
    """How fast the torque per current falls off with the current: a current I gives torque_constant I / (1 + saturation
    |I|); 1/A."""

    armature: npt.ArrayLike = 0.00179
    """Inertia of rotor and gears seen at the output, kg m^2."""

    coulomb: npt.ArrayLike = 0.0088
    """Dry friction without load, N m."""

    viscous: npt.ArrayLike = 0.0064
    """Friction per speed, N m s/rad."""

    load_friction: npt.ArrayLike = 0.162
    """Dry friction per load on the teeth, which is |motor torque - external torque|."""

    backlash: npt.ArrayLike = 0.0044
    """Free play of the output against the rotor, rad."""

    encoder_offset: npt.ArrayLike = 0.0
    """What the encoder reads beyond the joint angle (homing error), rad."""

    delay: npt.ArrayLike = 0.010
    """From a goal's arrival at the hand until the firmware acts on it, s."""

    thermal_resistance: npt.ArrayLike = 20.0
    """Final temperature rise per dissipated power, K/W."""

    thermal_time: npt.ArrayLike = 300.0
    """Time constant of warming up and cooling down, s."""


@dataclass(frozen=True, kw_only=True)
class Spread(Checked):
    """How far hands scatter around the nominal one.

    Figures called *log* are standard deviations of the natural logarithm, so 0.1 is about 10 %.
    """

    severity: NotNegative = 1.0
    """Factor on every other figure here: 0 makes all hands nominal."""

    torque_constant: NotNegative = 0.08
    """Log, per joint: strength of magnets. Published fits of this servo lie between 0.34 and 0.39."""

    resistance: NotNegative = 0.92
    """Largest log, per joint, uniform and only upwards (1 to 2.5 times): windings get hot (40 % at 130 degrees
    Celsius), brushes wear, plugs of the daisy chain lose their grip. Published fits of single servos on a bench lie
    between 2.3 and 4.0 ohm; nobody has published what those in a hand come to, so this one is our assumption. Most of
    the gap comes from it, as it weakens joints."""

    saturation: NotNegative = 0.3
    """Log, per joint: iron of the motor. One servo's logs ask for 0.30 to 0.33 1/A; how servos differ is not
    known."""

    armature: NotNegative = 0.04
    """Log, per joint: published fits lie between 0.0018 and 0.0021."""

    coulomb: NotNegative = 0.3
    """Log, per joint: grease, screws, cables that rub. Published fits lie between 0.003 and 0.019 N m."""

    viscous: NotNegative = 0.3
    """Log, per joint: grease and its temperature."""

    load_friction: NotNegative = 0.1
    """Log, per joint: plastic gears wear in, or out. Published fits lie between 0.17 and 0.34."""

    backlash: NotNegative = 1.4
    """Largest log, per joint, uniform and only upwards (0.25 to 1 degree): gears only wear."""

    encoder_offset: NotNegative = 0.004
    """Standard deviation, per joint, rad: what is left (3 encoder steps) once a hand has been homed with care."""

    delay: NotNegative = 0.8
    """Largest log, per hand, uniform (4.5 to 22 ms): USB latency timer, bus speed, host load."""

    wire_torque: NotNegative = 0.015
    """Largest, per joint, uniform, N m: servo cables along the fingers pull this way or that, with a quarter of what a
    stretched finger weighs at its base (0.06 N m)."""

    supply_voltage: NotNegative = 0.12
    """Standard deviation, per hand, V: power supplies set by hand."""

    supply_resistance: NotNegative = 0.5
    """Log, per hand: cable and plugs."""

    object_friction: NotNegative = 0.1
    """Log, per hand: the surfaces of fingertips and objects."""

    object_mass: NotNegative = 0.1
    """Log, per hand: objects are printed with some infill or other."""

    contact_softness: NotNegative = 0.3
    """Log, per hand: age of the rubber."""


SPREAD = Spread()
"""The spread that ``HandParameters.draw`` uses unless told otherwise."""


@dataclass(frozen=True, kw_only=True, eq=False)
class HandParameters:
    """All that is hidden in one virtual hand and its objects."""

    servos: ServoParameters = field(default_factory=ServoParameters)
    """The servos, in motor order: numbers or arrays (16,)."""

    wire_torque: FloatArray = field(default_factory=lambda: np.zeros(NUM_JOINTS))
    """Constant torque of the cables on each joint, (16,), N m."""

    supply_voltage: float = 5.0
    """Voltage of the power supply, V."""

    supply_resistance: float = 0.08
    """Between power supply and servos, all of which share it; ohm."""

    object_friction: float = 1.0
    """Friction coefficient between object and hand."""

    torsional_friction: float = 0.001
    """Friction of a soft contact against turning about its normal, as a length; m."""

    contact_time: float = 0.018
    """Time constant with which a contact gives way, s: rubber is soft."""

    object_mass_scale: float = 1.0
    """True mass of the objects over the nominal one."""

    @classmethod
    def nominal(cls) -> "HandParameters":
        """The hand that the simulator's servo was identified from."""
        return cls()

    @classmethod
    def draw(cls, seed: int, spread: Spread = SPREAD) -> "HandParameters":
        """The hand with that seed; the same seed and spread always give the same hand."""
        rng, base, severity = np.random.default_rng(seed), cls(), spread.severity

        def scatter(nominal: object, log: float, size: int | None = NUM_JOINTS) -> FloatArray:
            return np.asarray(nominal) * np.exp(severity * log * rng.normal(size=size))

        def worn(nominal: object, largest_log: float) -> FloatArray:
            return np.asarray(nominal) * np.exp(severity * largest_log * rng.uniform(size=NUM_JOINTS))

        nominal = base.servos
        servos = ServoParameters(
            torque_constant=scatter(nominal.torque_constant, spread.torque_constant),
            resistance=worn(nominal.resistance, spread.resistance),
            saturation=scatter(nominal.saturation, spread.saturation),
            armature=scatter(nominal.armature, spread.armature),
            coulomb=scatter(nominal.coulomb, spread.coulomb),
            viscous=scatter(nominal.viscous, spread.viscous),
            load_friction=scatter(nominal.load_friction, spread.load_friction),
            backlash=worn(nominal.backlash, spread.backlash),
            encoder_offset=severity * spread.encoder_offset * rng.normal(size=NUM_JOINTS),
            delay=np.asarray(nominal.delay) * np.exp(severity * spread.delay * rng.uniform(-1, 1)),
        )
        return cls(
            servos=servos,
            wire_torque=severity * spread.wire_torque * rng.uniform(-1, 1, NUM_JOINTS),
            supply_voltage=base.supply_voltage + severity * spread.supply_voltage * rng.normal(),
            supply_resistance=float(scatter(base.supply_resistance, spread.supply_resistance, None)),
            object_friction=float(scatter(base.object_friction, spread.object_friction, None)),
            contact_time=float(scatter(base.contact_time, spread.contact_softness, None)),
            object_mass_scale=float(scatter(base.object_mass_scale, spread.object_mass, None)),
        )


def stack_servos(hands: Sequence[HandParameters]) -> ServoParameters:
    """The servos of n hands as one bank: every figure an array (n, 16)."""

    def stacked(name: str) -> FloatArray:
        return np.stack([np.broadcast_to(getattr(hand.servos, name), NUM_JOINTS) for hand in hands]).astype(float)

    return ServoParameters(**{entry.name: stacked(entry.name) for entry in fields(ServoParameters)})


def stack(hands: Sequence[HandParameters], get: Callable[[HandParameters], object]) -> FloatArray:
    """One figure of n hands, (n, ...)."""
    return np.array([get(hand) for hand in hands], dtype=np.float64)
