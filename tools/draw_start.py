"""Draw how a hand takes an object from a person, palm down: held out between the open fingers, and held by them.

python tools/draw_start.py docs/images/handing_over.png
"""

import sys

import imageio.v3 as imageio
import numpy as np

from dexndm_gym.backends.virtual_hand import VirtualHand, ticks_from_angles
from dexndm_gym.constants import CONTROL_PERIOD, GRAVITY
from dexndm_gym.grasps.closing import Closing
from dexndm_gym.grasps.palm_rest import CANONICAL_POSE, SETTLE_TIME
from dexndm_gym.objects.scene import Scene
from dexndm_gym.rendering.renderer import Camera, HandRenderer
from dexndm_gym.virtual_hand.parameters import HandParameters

OBJECT = "cylinder_62x56"
CAMERA = Camera(eye=(0.12, -0.42, 0.22), target=(0.01, 0.02, 0.09), angle=28.0)


def main(path: str) -> None:
    """Play the person on the nominal virtual hand, and draw both moments side by side."""
    hand, ids = VirtualHand([HandParameters.nominal()], num_threads=1), np.array([0])
    physics, closing = hand.physics, Closing(CANONICAL_POSE[None])
    renderer = HandRenderer(width=420, height=360, camera=CAMERA, up=(0.0, 0.0, -1.0))
    physics.goal_position[...] = ticks_from_angles(closing.command)
    physics.set_joints(ids, ticks_from_angles(closing.command))
    physics.advance(CONTROL_PERIOD)
    physics.hold_object(ids, [Scene(object=OBJECT, gravity=(0.0, 0.0, GRAVITY))], np.random.default_rng(0))
    physics.advance(SETTLE_TIME)
    pictures = [renderer.draw(hand.state().position[0], physics.object_pose()[0], OBJECT)]
    while not closing.done:
        closing.advance(hand.state().position)
        physics.goal_position[...] = ticks_from_angles(closing.command)
        physics.advance(CONTROL_PERIOD)
    physics.let_go(ids)
    physics.advance(SETTLE_TIME)
    pictures.append(renderer.draw(hand.state().position[0], physics.object_pose()[0], OBJECT))
    imageio.imwrite(path, np.concatenate(pictures, axis=1))


if __name__ == "__main__":
    main(sys.argv[1])
