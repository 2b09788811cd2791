"""What differs from episode to episode in the training simulation."""

from dataclasses import dataclass

from dexndm_gym.checks import Checked, NotNegative, Positive, Share
from dexndm_gym.errors import ConfigurationError

Range = tuple[NotNegative, NotNegative]
PositiveRange = tuple[Positive, Positive]


@dataclass(frozen=True, kw_only=True)
class Randomization(Checked):
    """What differs from episode to episode, drawn uniformly per hand; factors multiply the nominal value.

    The size differs too, from start state to start state (0.95 to 1.05), and ``TaskConfig.joint_pos_noise`` is added to
    what is observed. What comes after the pushes is off unless it is asked for.
    """

    mass: PositiveRange = (0.01, 0.05)
    """Object's mass, kg (paper, table 9)."""

    friction: Range = (0.5, 2.0)
    """Friction coefficient of the object against the hand (the paper's 0.3-3.0, narrowed)."""

    torsional_friction: Range = (0.0005, 0.003)
    """Friction of the same contacts against turning about their normal, as a length, m."""

    stiffness: PositiveRange = (0.8, 1.25)
    """Factor on the servo's stiffness, per joint."""

    damping: Range = (0.7, 1.4)
    """Factor on the servo's damping, per joint."""

    frictionloss: Range = (0.5, 2.0)
    """Factor on the servo's dry friction, per joint."""

    push_scale: NotNegative = 2.0
    """Random force on the object: standard deviation per axis in N per kg of its mass (paper, table 9)."""

    push_probability: Share = 0.25
    """Chance, each control step, that a new push is drawn (paper, table 9); between draws it decays."""

    center_of_mass: NotNegative = 0.0
    """How far the object's center of mass is off, half width along each of its axes, m (HORA: 0.01)."""

    armature: PositiveRange = (1.0, 1.0)
    """Factor on the rotor inertia, per joint (playground: 1 to 1.05)."""

    link_mass: PositiveRange = (1.0, 1.0)
    """Factor on mass and inertia, per link of the hand (playground: 0.9 to 1.1)."""

    delay: Range = (0.0, 0.0)
    """Time from a target to its effect, s, rounded to physics steps (the vendor's training: 0 to 3 control steps)."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigurationError: a value is out of range, or a range ends before it begins.
        """
        super().__post_init__()
        for name, values in vars(self).items():
            if isinstance(values, tuple) and values[0] > values[1]:
                raise ConfigurationError(f"{name} must begin before it ends, such as (0.5, 2.0); got {values!r}")
