import numpy as np
import pytest

from dexndm_gym.backends.virtual_hand import VirtualHand
from dexndm_gym.constants import GRAVITY
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.palm_rest import PALM_REST_CENTER, START_POSE
from dexndm_gym.objects.catalog import NO_OBJECT
from dexndm_gym.objects.scene import BALLS, FREE, TIED_BALL, Scene
from dexndm_gym.virtual_hand.client import VirtualHandProcess
from dexndm_gym.virtual_hand.hand_physics import VirtualHandPhysics
from dexndm_gym.virtual_hand.surroundings import BALL_RADIUS, BOX, NUM_BALLS

DOWN = [(0.0, 0.0, -GRAVITY), (0.0, 0.0, GRAVITY), (GRAVITY, 0.0, 0.0), (0.0, -GRAVITY, 0.0)]


def reset(surroundings: str, gravity: tuple[float, ...]) -> VirtualHand:
    hand = VirtualHand([3], num_threads=1, surroundings=surroundings)
    hand.reset(np.array([0]), [Scene(object=NO_OBJECT, gravity=gravity)], np.random.default_rng(0))
    return hand


def play(hand: VirtualHand, steps: int = 25) -> np.ndarray:
    """Positions while the fingers close and open, (steps, 16)."""
    swing = 0.4 * np.sin(np.arange(steps) / 8)[:, None] * (np.abs(START_POSE) > 0.5)
    rows = []
    for offset in swing:
        hand.step(START_POSE[None] + offset)
        rows.append(hand.state().position[0])
    return np.array(rows)


def bodies(hand: VirtualHand, names: list[str]) -> np.ndarray:
    plant = hand.physics._plant
    place = plant._batch.bind("xpos")
    plant._batch.forward()
    return np.array([place[0, plant._model.body(name).id] for name in names])


@pytest.mark.parametrize("gravity", DOWN)
def test_balls_stay_in_and_load_the_fingers(gravity: tuple[float, ...]) -> None:
    hand = reset(BALLS, gravity)
    loaded, free = play(hand), play(reset(FREE, gravity))
    balls = bodies(hand, [f"ball_{number}" for number in range(NUM_BALLS)])
    # Stops give way like the foam that the balls are made of.
    assert (balls > BOX[:, 0] - BALL_RADIUS).all()
    assert (balls < BOX[:, 1] + BALL_RADIUS).all()
    assert np.abs(loaded - free).max() > np.deg2rad(1.0)


@pytest.mark.parametrize("gravity", DOWN)
def test_tied_ball_stays_between_the_fingers(gravity: tuple[float, ...]) -> None:
    hand = VirtualHand([3], num_threads=1, surroundings=TIED_BALL)
    hand.physics.place_object(np.array([0]), [Scene(object=NO_OBJECT, gravity=gravity)], np.random.default_rng(0))
    hand.physics.set_joints(np.array([0]), np.full(16, 2048))
    for share in np.linspace(0.0, 1.0, 40):
        hand.step(share * START_POSE[None])
    play(hand)
    assert np.linalg.norm(bodies(hand, ["tied_ball"])[0] - PALM_REST_CENTER) < 0.05


def test_the_wrist_turns_an_empty_hand_as_well() -> None:
    up, down = (reset(FREE, (0.0, 0.0, z)).state().position for z in (-GRAVITY, GRAVITY))
    assert np.abs(up - down).max() > np.deg2rad(1.0)


def test_unknown_surroundings_are_refused_at_both_doors() -> None:
    with pytest.raises(ConfigurationError, match="tied_ball"):
        VirtualHandPhysics([0], surroundings="water")
    with pytest.raises(ConfigurationError, match="tied_ball"):
        VirtualHandProcess(surroundings="water")


def test_the_serial_door_has_them_too() -> None:
    rests = {}
    for surroundings in (FREE, BALLS):
        with VirtualHandProcess(seed=3, surroundings=surroundings) as process:
            process.pass_time(0.5)
            rests[surroundings] = process.command("status")["position"]
    assert rests[FREE] != rests[BALLS], "limp fingers lie on what is there"
