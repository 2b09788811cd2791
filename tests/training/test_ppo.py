"""A run of seconds: it learns to be stored, resumed and distilled, not to turn anything."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO

from dexndm_gym.task.orientations import WRISTS
from dexndm_gym.training.distill import DistillConfig, SampleMemory, distill
from dexndm_gym.training.policy import load_policy
from dexndm_gym.training.ppo import FirstSlowly, TrainConfig, make_teacher_env, train_teacher
from dexndm_gym.virtual_hand.parameters import HandParameters


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return TrainConfig(out=tmp_path_factory.mktemp("teacher"), steps=512, num_envs=16, checkpoint_every=256)


@pytest.fixture(scope="module")
def teacher(config):
    return train_teacher(config, progress=False)


def test_training_leaves_teacher_checkpoints_and_logs(config, teacher):
    assert teacher.is_file()
    assert list(config.out.glob("teacher_*_steps.zip"))
    assert list(config.out.glob("**/events.out.tfevents.*"))


def test_teachers_learn_on_what_they_are_told_to(config):
    wanted = {"object": ("duck", "cube"), "wrist": ("base_up",), "axis": ("-x", "+y")}
    task = make_teacher_env(replace(config, **wanted)).task
    assert set(task.objects) == {"duck", "cube"}
    assert {tuple(task.wrist(i)) for i in range(16)} == {WRISTS["base_up"]}


def test_resume_goes_on_counting(config, teacher, tmp_path):
    again = train_teacher(TrainConfig(out=tmp_path, steps=768, num_envs=16, resume=teacher), progress=False)
    assert PPO.load(again, device="cpu").num_timesteps >= 768


def test_speed_earns_little_at_first(tmp_path):
    config = TrainConfig(out=tmp_path, steps=512, num_envs=16, slow_steps=256, slow_clip=0.125)
    env = make_teacher_env(config)
    clips = []

    class Spy(FirstSlowly):
        def _on_rollout_end(self):
            clips.append(env.get_attr("config")[0].reward.rotation_clip)

    model = PPO("MlpPolicy", env, n_steps=16, batch_size=64, device="cpu")
    model.learn(512, callback=Spy(config.task, config.slow_clip, config.slow_steps))
    assert clips == [0.125, config.task.reward.rotation_clip]


def test_same_seed_same_teacher(config, tmp_path):
    weights = [
        torch.cat(
            [
                p.flatten()
                for p in PPO.load(
                    train_teacher(TrainConfig(out=tmp_path / str(i), steps=512, num_envs=16), progress=False),
                    device="cpu",
                ).policy.parameters()
            ]
        )
        for i in range(2)
    ]
    torch.testing.assert_close(weights[0], weights[1], rtol=0, atol=0)


def test_distillation_writes_a_policy_that_loads(teacher, tmp_path):
    out = distill(
        DistillConfig(teacher=teacher, out=tmp_path / "student.safetensors", rounds=2, steps=5, num_envs=8, updates=2),
        progress=False,
    )
    action, _ = load_policy(out).predict(np.zeros(327, dtype=np.float32))
    assert action.shape == (16,)


def test_terminal_observation_is_the_old_episodes(config):
    env = make_teacher_env(config)
    env.seed(0)
    env.reset()
    actions = np.ones((16, 16), dtype=np.float32)
    for _ in range(400):
        env.step_async(actions)
        observation, _, done, infos = env.step_wait()
        if done.any():
            break
    (i, *_) = np.flatnonzero(done)
    assert not np.allclose(infos[i]["terminal_observation"], observation[i])
    assert infos[i]["time"] > 0


def test_memory_keeps_the_newest():
    memory = SampleMemory(4)
    for value in range(6):
        memory.add(torch.full((1, 327), float(value)), torch.full((1, 16), float(value)))
    observations, actions = memory.draw(200, torch.Generator().manual_seed(0))
    assert set(observations[:, 0].tolist()) == {2.0, 3.0, 4.0, 5.0}
    torch.testing.assert_close(observations[:, :16], actions)


def test_a_virtual_hands_own_physics_can_be_trained_on(config, teacher, tmp_path):
    env = make_teacher_env(replace(config, num_envs=2, hand_seed=3))
    delays = [np.asarray(hand.servos.delay) for hand in (*env.task.backend.physics.parameters, HandParameters.draw(3))]
    assert delays[0] == delays[1] == delays[2]
    out = tmp_path / "student.safetensors"
    distill(
        DistillConfig(teacher=teacher, out=out, rounds=1, steps=2, num_envs=2, updates=1, hand_seed=3), progress=False
    )
    action, _ = load_policy(out).predict(np.zeros(327, dtype=np.float32))
    assert action.shape == (16,)
