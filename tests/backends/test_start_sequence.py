"""The start of an episode on servos, with the real SDK on a virtual hand in a process of its own."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from dexndm_gym.backends.dynamixel_config import DynamixelHandConfig
from dexndm_gym.backends.dynamixel_hand import DynamixelHand
from dexndm_gym.constants import GRAVITY
from dexndm_gym.errors import NothingHeldError, StopRequestedError
from dexndm_gym.grasps.closing import CLOSING_SPEED, OPENING, TRIES
from dexndm_gym.grasps.hand_starts import hand_starts
from dexndm_gym.grasps.palm_rest import CANONICAL_POSE, FINGERTIP_CENTER, START_POSE
from dexndm_gym.hardware.bus import DynamixelBus
from dexndm_gym.hardware.pacing import NoPacer
from dexndm_gym.hardware.units import RAD_PER_TICK, rad_from_ticks
from dexndm_gym.objects.catalog import NO_OBJECT
from dexndm_gym.objects.scene import Scene
from dexndm_gym.task.orientations import WRISTS, down_in_hand
from dexndm_gym.virtual_hand.client import VirtualHandProcess

SCENES = {
    wrist: Scene(object="cylinder", gravity=tuple(GRAVITY * x for x in down_in_hand(np.array(quat))))  # type: ignore
    for wrist, quat in WRISTS.items()
}
STARTS = hand_starts("grasps")


@pytest.fixture(scope="module")
def process() -> Iterator[VirtualHandProcess]:
    with VirtualHandProcess(seed=0) as process:
        yield process


@pytest.fixture
def make(process: VirtualHandProcess) -> Iterator[Callable[..., DynamixelHand]]:
    hands: list[DynamixelHand] = []

    def make_hand(**options: Any) -> DynamixelHand:
        # Some grasps press so hard that joints would be eased off, which is not what is looked at here.
        config = DynamixelHandConfig(
            reply_timeout=0.02, placement_time=1.0, release_time=0.5, ramp_speed=2.0, lasting_current=10.0
        )
        usual = {"operator": process, "tracker": process, "starts": STARTS, "config": config, "pacer": NoPacer()}
        hands.append(DynamixelHand(process.port, confirm_silence=process.settle, **(usual | options)))
        return hands[-1]

    yield make_hand
    for hand in hands:
        hand.close()


@pytest.fixture
def goals(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """What is sent to the servos, (16,), rad each."""
    sent, sync_write = [], DynamixelBus.sync_write

    def spy(bus: DynamixelBus, name: str, values: Any) -> None:
        if name == "goal_position":
            sent.append(rad_from_ticks(values))
        sync_write(bus, name, values)

    monkeypatch.setattr(DynamixelBus, "sync_write", spy)
    return sent


def reset(hand: DynamixelHand, scene: Scene = SCENES["palm_down"], seed: int = 0) -> np.ndarray:
    return hand.reset(np.array([0]), [scene], np.random.default_rng(seed))[0]


def torque(process: VirtualHandProcess) -> bool:
    return any(process.command("status")["torque_enable"])


@pytest.mark.parametrize("wrist", WRISTS)
def test_fingers_hold_the_object_in_every_wrist(make: Callable[..., DynamixelHand], wrist: str) -> None:
    hand = make()
    start = reset(hand, SCENES[wrist])
    for _ in range(10):
        hand.step(start[None])
    state = hand.state()
    assert state.object_pose is not None
    assert np.linalg.norm(state.object_pose[0, :3] - FINGERTIP_CENTER) < 0.04
    np.testing.assert_allclose(hand.command[0], start, atol=RAD_PER_TICK / 2)


def test_the_hand_opens_then_closes_slowly(make: Callable[..., DynamixelHand], goals: list[np.ndarray]) -> None:
    hand = make()
    reset(hand)
    before = len(goals)
    start = reset(hand)
    way = np.array(goals[before:])
    thumb = way[:, 12]
    opened = int(np.flatnonzero(thumb == thumb.min())[-1])
    assert start[12] - thumb[opened] > 0.7 * OPENING[12]
    steps = np.abs(np.diff(way[opened:], axis=0))
    assert steps.max() <= CLOSING_SPEED * 0.05 + RAD_PER_TICK
    np.testing.assert_allclose(way[-1], start, atol=RAD_PER_TICK / 2)


def test_somebody_is_told_what_to_do(make: Callable[..., DynamixelHand], process: VirtualHandProcess) -> None:
    said: list[str] = []

    def person(text: str) -> None:
        """Does what it reads."""
        said.append(text)
        if text.startswith("Hold"):
            process.hold_object(SCENES["base_up"], seed=3)
        else:
            process.let_go()

    reset(make(operator=None, tracker=None, prompt=person), SCENES["base_up"])
    assert said == [
        "Hold the cylinder upright between the open fingertips within 1 s.",
        "Let go of the cylinder within 0.5 s.",
    ]


def test_the_hand_waits_for_who_confirms(
    make: Callable[..., DynamixelHand], process: VirtualHandProcess, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[tuple[str, float]] = []
    waited: list[float] = []

    def person(text: str) -> None:
        said.append((text, process.command("status")["time_s"]))
        waited.clear()
        process.hold_object(SCENES["palm_down"], seed=0) if text.startswith("Hold") else process.let_go()

    def confirm() -> bool:
        waited.append(0.0)
        return len(waited) > 100

    hand = make(operator=None, prompt=person)
    hand.confirm_with(confirm)
    reset(hand)
    assert [text for text, _ in said] == [
        "Hold the cylinder upright between the open fingertips, then press Enter.",
        "Let go of the cylinder, then press Enter.",
    ]
    assert said[1][1] - said[0][1] > 100 * 0.05
    assert "stopped after a pause" not in caplog.text


def test_nothing_between_the_fingers_is_an_error(
    make: Callable[..., DynamixelHand], process: VirtualHandProcess
) -> None:
    process.place_object(Scene(object=NO_OBJECT), seed=0)
    said: list[str] = []
    with pytest.raises(NothingHeldError, match="cylinder") as caught:
        reset(make(operator=None, tracker=None, prompt=said.append))
    assert len(said) == 2 * TRIES
    assert caught.value.torque_off
    assert not torque(process)


def test_what_slips_out_is_held_again(make: Callable[..., DynamixelHand], process: VirtualHandProcess) -> None:
    class Clumsy:
        """Lets go of the first object before the fingers are there."""

        held = 0

        def place_object(self, scene: Scene, seed: int) -> None:
            raise AssertionError("nothing is placed")

        def hold_object(self, scene: Scene, seed: int) -> None:
            self.held += 1
            process.hold_object(scene, seed)

        def let_go(self) -> None:
            if self.held == 1:
                process.place_object(Scene(object=NO_OBJECT, gravity=SCENES["palm_down"].gravity), seed=0)
            process.let_go()

    operator, hand = Clumsy(), make()
    hand = make(operator=operator)
    reset(hand)
    assert operator.held == 2
    assert np.linalg.norm(process.object_pose()[:3] - FINGERTIP_CENTER) < 0.04


@pytest.mark.parametrize("error", [KeyboardInterrupt, "stop"])
def test_torque_goes_off_wherever_it_is_interrupted(
    make: Callable[..., DynamixelHand], process: VirtualHandProcess, goals: list[np.ndarray], error: Any
) -> None:
    hand = make()
    reset(hand)
    hand.close()
    whole = len(goals)
    for moment in (5, whole // 3, whole // 2, whole - 2):
        hand, sent = make(), 0

        def interrupt(period: Callable[[], None], hand: DynamixelHand = hand, moment: int = moment) -> None:
            nonlocal sent
            sent += 1
            if sent == moment:
                if error == "stop":
                    hand.stop("a key was pressed")
                else:
                    raise error
            period()

        pacer = NoPacer()
        wait = pacer.wait
        pacer.wait = lambda wait=wait: interrupt(wait)  # type: ignore[method-assign]
        hand.pacer = pacer
        with pytest.raises(StopRequestedError if error == "stop" else error):
            reset(hand)
        assert sent == moment
        assert not torque(process)
        hand.close()


@pytest.mark.parametrize(("starts", "pose"), [(STARTS, CANONICAL_POSE), (None, START_POSE)])
def test_an_empty_hand_begins_where_episodes_do(
    make: Callable[..., DynamixelHand], starts: Any, pose: np.ndarray
) -> None:
    start = reset(make(starts=starts), Scene(object=NO_OBJECT, gravity=SCENES["palm_down"].gravity))
    np.testing.assert_array_equal(start, pose)
