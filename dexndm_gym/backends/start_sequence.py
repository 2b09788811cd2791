"""What happens between a hand with servos and the person beside it until an episode begins."""

import logging
from collections.abc import Callable

import numpy as np

from dexndm_gym.arrays import FloatArray
from dexndm_gym.backends.dynamixel_config import DynamixelHandConfig, Operator
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.errors import NothingHeldError
from dexndm_gym.grasps.closing import TRIES, Closing, has_slipped, open_for
from dexndm_gym.grasps.hand_starts import HandStarts
from dexndm_gym.grasps.palm_rest import SETTLE_TIME, START_POSE
from dexndm_gym.hardware.driver import HandDriver, Reading
from dexndm_gym.objects.catalog import NO_OBJECT
from dexndm_gym.objects.scene import Scene

_LOG = logging.getLogger(__name__)

_NUM_SEEDS = 2**31
"""Number of different seeds that an operator may get."""


class StartSequence:
    """Brings the hand to where an episode begins: cupped with the object in it, or its fingers closed on the object.

    Everything moves through the driver, so within its limits, checks and stops; while the hand waits for somebody it
    goes on sending, so that the servos' watchdog sees that it is there.
    """

    def __init__(
        self,
        driver: HandDriver,
        config: DynamixelHandConfig,
        starts: HandStarts,
        *,
        operator: Operator | None,
        prompt: Callable[[str], object],
        see: Callable[[], FloatArray | None],
    ) -> None:
        """Describe who takes part; nothing moves yet.

        Args:
            driver: moves the servos.
            config: speeds and times.
            starts: how episodes begin.
            operator: who places or holds the object; None for somebody who reads prompts.
            prompt: shows somebody beside the hand what to do now.
            see: the object's pose, (1, 7), NaN where it is not seen; None where nothing tracks it.
        """
        self._driver, self._config, self._starts = driver, config, starts
        self._operator, self._prompt, self._see = operator, prompt, see
        self.confirm: Callable[[], bool] | None = None
        """Whether somebody has done what the last prompt said, asked in every control period; None goes by times."""

    def run(self, scene: Scene, rng: np.random.Generator) -> tuple[FloatArray, Reading]:
        """Get ready for an episode; the command that is held now, (16,), rad, and the last measurement.

        Raises:
            HardwareError: the hand failed, or was stopped.
            NothingHeldError: nobody put anything between the fingers, as often as it was asked for.
        """
        self._driver.look_after_pauses()
        begin = self._driver.measure().position
        if scene.object == NO_OBJECT:
            pose = self._starts.empty_pose
            self._move_to(pose, begin)
            if self._operator is not None:
                self._operator.place_object(scene, _seed(rng))
            return pose, self._hold(pose, SETTLE_TIME)
        grasp = self._starts.draw(scene, rng)
        if grasp is None:
            self._move_to(START_POSE, begin)
            return START_POSE, self._have_object_placed(scene, rng)
        self._move_to(open_for(grasp), begin)
        return self._grasp(scene, grasp, rng)

    def _move_to(self, pose: FloatArray, begin: FloatArray | None = None) -> None:
        self._driver.move_to(pose, self._config.ramp_speed, begin)

    def _have_object_placed(self, scene: Scene, rng: np.random.Generator) -> Reading:
        if self._operator is not None:
            self._operator.place_object(scene, _seed(rng))
        else:
            self._ask(f"Put the {scene.object} into the hand", self._config.placement_time, START_POSE)
        return self._hold(START_POSE, SETTLE_TIME)

    def _grasp(self, scene: Scene, grasp: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, Reading]:
        attempt = 0
        while True:
            attempt += 1
            closing = self._close_on_held(scene, grasp, rng)
            held = self._see()
            self._have_object_released(scene, closing.command[0])
            reading = self._hold(closing.command[0], SETTLE_TIME)
            seen = _slipped(held, self._see())
            lost = not closing.holds[0] if seen is None else seen
            if lost and attempt == TRIES and seen is None:
                raise NothingHeldError(
                    f"The fingers closed {TRIES} times and felt nothing between the thumb and a finger; hold the "
                    f"{scene.object} between the fingertips until you are told to let go"
                )
            if not lost or attempt == TRIES:  # where a tracker sees that it is lost, so will the episode
                return closing.command[0], reading
            _LOG.info("The fingers do not hold the %s; once more (%d of %d)", scene.object, attempt + 1, TRIES)
            self._move_to(open_for(grasp))

    def _close_on_held(self, scene: Scene, grasp: FloatArray, rng: np.random.Generator) -> Closing:
        """Have the object held between the open fingers, and close them until they press."""
        closing = Closing(grasp[None])
        open_pose = closing.command[0]
        if self._operator is not None:
            self._operator.hold_object(scene, _seed(rng))
        else:
            request = f"Hold the {scene.object} upright between the open fingertips"
            self._ask(request, self._config.placement_time, open_pose)
        reading = self._hold(open_pose, SETTLE_TIME)
        while not closing.done:
            closing.advance(reading.position[None])
            reading = self._driver.send(closing.command[0])
        self._hold(closing.command[0], SETTLE_TIME)
        return closing

    def _have_object_released(self, scene: Scene, pose: FloatArray) -> None:
        if self._operator is not None:
            self._operator.let_go()
        else:
            self._ask(f"Let go of the {scene.object}", self._config.release_time, pose)

    def _ask(self, request: str, seconds: float, pose: FloatArray) -> None:
        """Hold a pose until somebody has done what is asked for, or has had the time to."""
        if self.confirm is not None:
            self._prompt(f"{request}, then press Enter.")
            while not self.confirm():
                self._driver.send(pose)
        elif seconds > 0.0:
            self._prompt(f"{request} within {seconds:g} s.")
            self._hold(pose, seconds)

    def _hold(self, pose: FloatArray, seconds: float) -> Reading:
        for _ in range(round(seconds / CONTROL_PERIOD) - 1):
            self._driver.send(pose)
        return self._driver.send(pose)


def _slipped(held: FloatArray | None, now: FloatArray | None) -> bool | None:
    """Whether the object moved away when it was let go of; None where it was not seen before or after."""
    if held is None or now is None or np.isnan([held, now]).any():
        return None
    return bool(has_slipped(held, now)[0])


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(_NUM_SEEDS))
