"""What can surround a virtual hand besides the one object in it: a box of soft balls, or a ball tied to its fingers.

Both only load the fingers. Nobody sees where the balls are, and they stay where they are from episode to episode.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any

import mujoco
import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.palm_rest import PALM_REST_CENTER
from dexndm_gym.objects.scene import BALLS, FREE, SURROUNDINGS, TIED_BALL

BOX = np.array([(-0.05, 0.13), (-0.09, 0.11), (-0.01, 0.125)])
"""Where the centers of the balls may be, (3, 2), m, hand frame. The box turns with the hand and has a lid, so that
there are balls between the fingers in every wrist orientation."""

NUM_BALLS, BALL_RADIUS, BALL_MASS = 32, 0.022, 0.005
"""Foam balls for practicing golf: number, radius in m, mass in kg each."""

TIED_RADIUS, TIED_MASS = 0.03, 0.03
"""A foam ball of 6 cm that is tied to the fingers; m and kg."""

_PALM_REST = "palm_rest"
STRINGS = {"if_tip": (0.03, 25.0), "mf_tip": (0.03, 25.0), "th_tip": (0.03, 25.0), _PALM_REST: (0.005, 150.0)}
"""Elastic strings from the ball's center to three fingertips, and to where it lies in the cupped hand, lest it slips
behind the open fingers: length beyond which they pull, m, and stiffness, N/m."""

STRING_DAMPING = 0.3
"""N s/m."""

# Foam gives way: a ball of 5 g that two fingers squeeze pushes back with about 1 N per cm.
_SOFT = [0.03, 1.0]
_FRICTION = [0.5, 0.005, 0.0001]
# Contact classes: hand and object are in the first (see dexndm_gym.hand.model).
_TOUCHES_HAND = 1


def surround(spec: mujoco.MjSpec, surroundings: str) -> None:
    """Add surroundings to a hand.

    Args:
        spec: from ``build_spec``.
        surroundings: a name of ``SURROUNDINGS``.

    Raises:
        ConfigurationError: there are no such surroundings.
    """
    if surroundings == BALLS:
        for number, place in enumerate(_places()):
            _add_loose_ball(spec, number, place)
    elif surroundings == TIED_BALL:
        _add_tied_ball(spec)
    elif surroundings != FREE:
        raise ConfigurationError(f"expected surroundings out of {', '.join(SURROUNDINGS)}, got {surroundings!r}")


def _places() -> Iterator[FloatArray]:
    """Where the balls are at first: on a grid in the box, those farthest from the palm."""
    axes = [np.arange(low, high + 1e-9, 2 * BALL_RADIUS) for low, high in BOX]
    grid = sorted(product(*axes), key=lambda place: -place[2])
    return (np.array(place) for place in grid[:NUM_BALLS])


def _add_loose_ball(spec: mujoco.MjSpec, number: int, place: FloatArray) -> None:
    """A ball that slides and does not roll: among balls without friction nobody can tell, and it halves the cost."""
    body = spec.worldbody.add_body(name=f"ball_{number}", pos=place.tolist())
    for axis, (low, high) in enumerate(BOX - place[:, None]):
        body.add_joint(
            type=mujoco.mjtJoint.mjJNT_SLIDE,
            axis=np.eye(3)[axis].tolist(),
            limited=mujoco.mjtLimited.mjLIMITED_TRUE,
            range=[low, high],
            damping=[0.01, 0, 0],  # air, and what foam swallows
            solref_limit=_SOFT,
        )
    _add_sphere(body, BALL_RADIUS, BALL_MASS, condim=1)


def _add_tied_ball(spec: mujoco.MjSpec) -> None:
    body = spec.worldbody.add_body(name="tied_ball", pos=PALM_REST_CENTER.tolist())
    body.add_freejoint()
    body.add_site(name="tied_ball")
    _add_sphere(body, TIED_RADIUS, TIED_MASS, condim=3)
    spec.worldbody.add_site(name=_PALM_REST, pos=PALM_REST_CENTER.tolist())
    for end, (length, stiffness) in STRINGS.items():
        string = spec.add_tendon(
            name=f"string_{end}",
            stiffness=[stiffness, 0, 0],
            damping=[STRING_DAMPING, 0, 0],
            springlength=[0.0, length],
        )
        string.wrap_site("tied_ball")
        string.wrap_site(end)


def _add_sphere(body: Any, radius: float, mass: float, *, condim: int) -> None:
    body.mass, body.inertia, body.explicitinertial = mass, [0.4 * mass * radius**2] * 3, True
    body.ipos, body.iquat = [0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]  # without them MuJoCo takes the body's own place
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_SPHERE,
        size=[radius, 0, 0],
        contype=_TOUCHES_HAND,
        conaffinity=_TOUCHES_HAND,
        condim=condim,  # against the hand its own, larger number counts
        friction=_FRICTION,
        solref=_SOFT,
        rgba=[0.95, 0.75, 0.25, 1.0],
    )
