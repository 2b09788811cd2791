"""How a hand takes an object that somebody holds between its open fingers, the same for real and virtual hands.

The fingers close slowly until the hand's command is one from which episodes start in simulation: the object is as wide
as the gap, so that they end up pressing as they do there. A finger that meets the object early stops, and where the
object is smaller than expected they close further.
"""

from functools import cache

import mujoco
import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import FloatArray
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.hand.joints import NUM_JOINTS, clip_to_limits
from dexndm_gym.hand.self_collision import DIGITS, SelfCollision
from dexndm_gym.objects.object_model import RotatableObject

OPENING = np.array([0.0, 0.3, 0.0, 0.0] * 3 + [0.38, -0.29, -0.27, -0.18])
"""How far the hand opens for an object to be held between its fingertips, (16,), rad: in the canonical pose fingers and
thumb move apart by 6 cm, and their middle hardly moves."""
OPENING.flags.writeable = False

CLOSING_SPEED = 0.2
"""Speed of the fastest joint's command while fingers close, rad/s."""

PRESS = 0.15
"""A finger stops closing when a joint is this much farther behind its command than it was in the air, rad: about
0.19 N m. In nine of ten start states no joint is more than 0.13 rad behind."""

TOUCH = 0.06
"""A finger touches something when a joint is this much farther behind, rad."""

_RUN_UP = 0.3
"""Share of the way that the hand opens further than OPENING: closing so far in the air, it learns what its joints are
behind by weight, friction and motion, friction already on the side on which it will be."""

_FARTHEST = 2.0
"""Where fingers that touch nothing give up, as a multiple of the way to the grasp."""

TRIES = 3
"""How often a person holds an object out that nobody keeps hold of, before an episode begins without it."""

_SLIPPED = 0.03
"""An object that is this far from where it was held has slipped out, m."""

HOLDING_SPREAD, HOLDING_TILT = 0.005, 0.12
"""How inaccurately a person holds an object: half width of the scatter of its place along x, y and z, m, and the
largest tilt, rad."""

_STEP = CLOSING_SPEED * CONTROL_PERIOD / float(np.abs(OPENING).max())
_THUMB, _THUMB_DIGIT = 3, DIGITS.index("thumb")


def open_for(grasp: FloatArray) -> FloatArray:
    """The open hand from which fingers close to a grasp; poses (..., 16), rad."""
    return clip_to_limits(grasp - (1.0 + _RUN_UP) * OPENING)


@cache
def fingers() -> SelfCollision:
    """The empty hand, to be asked whether its fingers meet."""
    return SelfCollision()


def thumb_meets_finger(pose: FloatArray) -> bool:
    """Whether with nothing between them the thumb would touch a finger in a pose, (16,), rad."""
    return fingers().overlap(pose)[_THUMB_DIGIT, 1:].max() > 0.0


class Closing:
    """Closes n hands to grasps, finger by finger, one control period at a time.

    Attributes:
        command: what the hands are to be sent, (n, 16), rad; the open hand at first.
    """

    def __init__(self, grasp: FloatArray) -> None:
        """Begin with open hands.

        Args:
            grasp: commands to close to, (n, 16), rad.
        """
        self._grasp = np.asarray(grasp, dtype=np.float64)
        self._way = np.full((len(self._grasp), 4), -_RUN_UP)  # of each finger: 0 is OPENING, 1 is the grasp
        self._moving = np.ones_like(self._way, dtype=np.bool_)
        self._in_air = np.zeros_like(self._grasp)  # how far joints are behind their commands there, rad
        self._pressing = np.zeros_like(self._way)
        self._meets = np.zeros(len(self._grasp), dtype=np.bool_)
        self.command = open_for(self._grasp)

    def advance(self, position: FloatArray) -> None:
        """Take in where the fingers stand, (n, 16), rad, and close those a little that have further to go."""
        behind = self.command - position
        in_the_air = np.repeat(self._way < 0.0, NUM_JOINTS // 4, axis=1)
        self._in_air = np.where(in_the_air, behind, self._in_air)
        self._pressing = np.abs(behind - self._in_air).reshape(-1, 4, 4).max(axis=2)
        self._meets = np.array([thumb_meets_finger(command) for command in self.command])
        there, given_up = self._way >= 1.0, (self.holds | self._meets)[:, None]
        further = there & ~given_up & (self._pressing < TOUCH) & (self._way < _FARTHEST)
        self._moving = further | (~there & (self._pressing < PRESS))
        end = np.where(there, _FARTHEST, 1.0)
        self._way = np.where(self._moving, np.minimum(self._way + _STEP, end), self._way)
        way = np.repeat(self._way, NUM_JOINTS // 4, axis=1)
        self.command = clip_to_limits(self._grasp + (way - 1.0) * OPENING)

    @property
    def done(self) -> bool:
        """Whether no finger of any hand has further to go."""
        return not self._moving.any()

    @property
    def holds(self) -> npt.NDArray[np.bool_]:
        """Which hands have something between thumb and fingers, and not these against each other, (n,)."""
        touching = (self._pressing >= TOUCH) & ~self._meets[:, None]
        return touching[:, _THUMB] & touching[:, :_THUMB].any(axis=1)


def has_slipped(held: FloatArray, now: FloatArray) -> npt.NDArray[np.bool_]:
    """Which objects are no longer about where they were held; poses (n, 7), hand frame."""
    return np.linalg.norm(now[:, :3] - held[:, :3], axis=1) > _SLIPPED


def draw_held_pose(item: RotatableObject, fingertips: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Pose in which a person holds an object between open fingers: upright as in the palm, any heading, nearly so.

    Args:
        item: the object.
        fingertips: where they are, (4, 3), m, the thumb's last.
        rng: source of heading and inaccuracy.

    Returns:
        (7,): position in m and quaternion w x y z, hand frame.
    """
    between = 0.5 * (fingertips[:_THUMB].mean(axis=0) + fingertips[_THUMB])
    place = between + rng.uniform(-HOLDING_SPREAD, HOLDING_SPREAD, 3)
    heading, direction = rng.uniform(-np.pi, np.pi, 2)
    tilt = HOLDING_TILT * np.sqrt(rng.random())
    across = np.array([np.cos(direction), np.sin(direction), 0.0])
    quat, turned = np.empty(4), np.empty(4)
    mujoco.mju_axisAngle2Quat(quat, np.array([0.0, 0.0, 1.0]), heading)
    mujoco.mju_mulQuat(turned, quat, np.array(item.upright))
    mujoco.mju_axisAngle2Quat(quat, across, tilt)
    held = np.empty(4)
    mujoco.mju_mulQuat(held, quat, turned)
    return np.concatenate([place, held])
