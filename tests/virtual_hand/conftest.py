"""A stand-in for the physics, and the servos and bus on top of it."""

from collections.abc import Callable

import numpy as np
import pytest

from dexndm_gym.virtual_hand.bus import Bus
from dexndm_gym.virtual_hand.clocks import LockStepClock
from dexndm_gym.virtual_hand.packets import Decoder, Packet, encode
from dexndm_gym.virtual_hand.physics_interface import HandPhysics
from dexndm_gym.virtual_hand.servo_chain import ServoChain

BAUD = 4_000_000


class FollowerPhysics(HandPhysics):
    """Joints that go half of the way to their goal in every 50 ms while torque is on, and fall to 1000 without."""

    def __init__(self) -> None:
        super().__init__(1)
        self.position = np.full((1, 16), 2048.0)
        self.velocity, self.current, self.pwm = (np.zeros((1, 16), dtype=np.int64) for _ in range(3))
        self.voltage, self.heat = np.full((1, 16), 50), np.full((1, 16), 30)
        self.profile = np.zeros((1, 16), dtype=np.int64)
        self.advanced: list[float] = []
        self.released = 0
        self.placed: list[tuple[object, float]] = []

    def advance(self, seconds: float) -> None:
        self.advanced.append(seconds)
        goal = np.where(self.torque_enable, self.goal_position, 1000)
        goal = np.where(self.jammed, self.position, goal)
        self.position += (goal - self.position) * (1 - 0.5 ** (seconds / 0.05))

    def present_position(self) -> np.ndarray:
        return np.rint(self.position).astype(np.int64)

    def present_velocity(self) -> np.ndarray:
        return self.velocity

    def present_current(self) -> np.ndarray:
        return self.current

    def present_pwm(self) -> np.ndarray:
        return self.pwm

    def position_trajectory(self) -> np.ndarray:
        return self.goal_position

    def velocity_trajectory(self) -> np.ndarray:
        return np.zeros_like(self.velocity)

    def profile_status(self) -> np.ndarray:
        return self.profile

    def input_voltage(self) -> np.ndarray:
        return np.minimum(self.voltage, self.supply_limit * 10).astype(np.int64)

    def temperature(self) -> np.ndarray:
        return self.heat

    def turn(self, ids, gravity) -> None:
        pass

    def place_object(self, ids, scenes, rng: np.random.Generator) -> None:
        self.placed.append((scenes[0], rng.random()))

    def hold_object(self, ids, scenes, rng: np.random.Generator) -> None:
        self.place_object(ids, scenes, rng)

    def let_go(self, ids) -> None:
        self.released += 1

    def object_pose(self) -> np.ndarray:
        return np.array([[0.1, 0.2, 0.3, 1.0, 0.0, 0.0, 0.0]])


@pytest.fixture
def physics() -> FollowerPhysics:
    return FollowerPhysics()


@pytest.fixture
def chain(physics: FollowerPhysics) -> ServoChain:
    return ServoChain(physics)


@pytest.fixture
def bus(chain: ServoChain) -> Bus:
    """A lock-step bus."""
    return Bus(chain, LockStepClock(chain).goals_written)


@pytest.fixture
def ask(bus: Bus) -> Callable[..., list[Packet]]:
    """Send one instruction to the bus and decode the status packets that come back."""

    def send(servo_id: int, instruction: int, parameters: bytes = b"", baud: int = BAUD) -> list[Packet]:
        packets = Decoder().feed(bus.receive(encode(servo_id, instruction, parameters), baud))
        assert all(isinstance(packet, Packet) and packet.instruction == 0x55 for packet in packets)
        return [packet for packet in packets if isinstance(packet, Packet)]

    return send
