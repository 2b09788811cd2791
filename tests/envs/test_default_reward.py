"""The ids' default reward: turning pays, idling does not."""

import gymnasium
import mujoco
import numpy as np
import pytest

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.backends import MujocoHand
from dexndm_gym.envs import LeapRotateVectorEnv
from dexndm_gym.hand.state import HandState
from dexndm_gym.objects.catalog import OBJECT_SETS
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.task.orientations import WRISTS, down_in_hand
from dexndm_gym.training.policy import load_policy


@pytest.mark.parametrize("item", OBJECT_SETS["basic"])
def test_turning_earns_far_more_than_idling(item: str) -> None:
    policy, rng = load_policy(), np.random.default_rng(0)
    actions = {
        "turning": lambda observation: policy.predict(observation)[0],
        "still": lambda observation: np.zeros((len(observation), 16), dtype=np.float32),
        "noise": lambda observation: rng.uniform(-1.0, 1.0, (len(observation), 16)).astype(np.float32),
    }
    returns = {}
    for name, act in actions.items():
        env = gymnasium.make_vec("LeapRotate-Sim-v0", num_envs=6, object=item)
        observation, _ = env.reset(seed=0)
        alive, earned = np.ones(6, dtype=bool), np.zeros(6)
        for _ in range(400):
            observation, reward, terminated, truncated, _ = env.step(act(observation))
            earned += np.where(alive, reward, 0.0)
            alive &= ~(terminated | truncated)
        env.close()
        returns[name] = earned.mean()
    assert returns["turning"] > 50.0 > 10.0 > returns["still"] > returns["noise"]


class TurnedObject(MujocoHand):
    """Hands in which the fingers do as told and the object turns about the vertical, whatever they do."""

    def __init__(self, num_hands: int, objects: tuple[str, ...], speed: float) -> None:
        super().__init__(num_hands, objects=objects)
        self._periods, self._speed = 0, speed

    def step(self, command: np.ndarray) -> None:
        super().step(command)
        self._periods += 1

    def state(self) -> HandState:
        state, axis = super().state(), -np.asarray(down_in_hand(np.array(WRISTS["palm_up"])))
        if self._periods == 0:
            self._start = state.object_pose.copy()
        time, pose = self._periods / 20, self._start.copy()
        half = self._speed * time / 2
        turn = np.array([np.cos(half), *np.sin(half) * axis])
        for row in pose:
            turned = np.empty(4)
            mujoco.mju_mulQuat(turned, turn, row[3:])
            row[3:] = turned
        pose[:, :3] += 0.002 * np.sin(2 * np.pi * time + np.arange(3))  # it never lies quite still
        return state._replace(object_pose=pose)


def gait(time: float, hands: int) -> np.ndarray:
    """Fingers that go to and fro by 0.13 rad once a second, one after the other."""
    return np.tile(np.sin(2 * np.pi * (time + np.arange(16) // 4 / 4)), (hands, 1))


@pytest.mark.parametrize("objects", ["normal_cylinders", "normal_cuboids", "real_small", "real_long", "complex"])
def test_turning_earns_far_more_than_idling_with_every_class(objects: str) -> None:
    hands, names, rng = 4, OBJECT_SETS[objects], np.random.default_rng(0)
    played = {
        "turning": (TurnedObject(hands, names, speed=0.5), lambda time: gait(time, hands)),
        "fidgeting": (TurnedObject(hands, names, speed=0.0), lambda time: gait(time, hands)),
        "still": (MujocoHand(hands, objects=names), lambda time: np.zeros((hands, 16))),
        "noise": (MujocoHand(hands, objects=names), lambda time: rng.uniform(-1.0, 1.0, (hands, 16))),
    }
    returns = {}
    for name, (backend, act) in played.items():
        env = LeapRotateVectorEnv(backend, options=EpisodeOptions(objects=names))
        env.reset(seed=0)
        alive, earned = np.ones(hands, dtype=bool), np.zeros(hands)
        for step in range(200):
            _, reward, terminated, truncated, _ = env.step(act(step / 20).astype(np.float32))
            earned += np.where(alive, reward, 0.0)
            alive &= ~(terminated | truncated)
        env.close()
        returns[name] = earned.mean()
    assert returns["turning"] > 50.0 > 10.0 > max(returns["fidgeting"], returns["still"], returns["noise"]), returns
