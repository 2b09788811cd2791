"""Collection through an environment: replays of simulated episodes, or the policy itself, on any hand."""

from collections.abc import Generator, Mapping
from typing import Any

import gymnasium
import numpy as np

from dexndm_gym.data.collection import Plan, TargetNoise, Tick
from dexndm_gym.data.recording import RecordingWriter
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.envs.make import make_sim_vector_env
from dexndm_gym.envs.vector_env import LeapRotateVectorEnv
from dexndm_gym.evaluation.episodes import Step, play_steps
from dexndm_gym.evaluation.rollout import Policy, Progress
from dexndm_gym.leap.grasps import START_POSE
from dexndm_gym.leap.joints import FloatArray
from dexndm_gym.task.config import TaskConfig


class ReplayPolicy:
    """Asks for the targets of a recorded trajectory, whatever it observes."""

    def __init__(self, targets: FloatArray, action_scale: float) -> None:
        """Replay targets (T, 16), rad, through actions that move a target by ``action_scale`` rad at most."""
        steps = np.diff(targets, axis=0, prepend=START_POSE[None])
        self._actions = np.clip(steps / action_scale, -1.0, 1.0)
        self._next = 0

    def __len__(self) -> int:
        """Number of control steps."""
        return len(self._actions)

    def predict(self, observation: Any, *, deterministic: bool = True) -> tuple[FloatArray, None]:
        """The next action, (16,); the last target is held when the trajectory is over."""
        self._next += 1
        over = self._next > len(self._actions)
        return (np.zeros(len(START_POSE)) if over else self._actions[self._next - 1]), None


class EnvPlayer:
    """Plays the plans of a collection on a single env; make one per env, it puts a noise filter into it."""

    def __init__(self, env: gymnasium.Env[Any, Any], policy: Policy) -> None:
        """Play on ``env``; ``policy`` acts where a plan replays nothing."""
        self._env, self._policy = env, policy
        self._noise = TargetNoise()
        env.unwrapped.add_target_filter(self._noise)  # type: ignore[attr-defined]
        self._scale = float(env.unwrapped.task.config.action_scale)  # type: ignore[attr-defined]

    def __call__(self, plan: Plan) -> Generator[Tick, None, None]:
        """Play one plan until it is over or the object is lost."""
        self._noise.set(plan.noise, plan.seed)
        policy, options, length = self._policy, None, None
        if plan.replay is not None:
            policy = ReplayPolicy(plan.replay.target, self._scale)
            options, length = {"object": plan.replay.metadata["object"]}, len(policy)
        try:
            position = None
            for index, step in enumerate(play_steps(policy, self._env, seed=plan.seed, options=options)):
                if position is not None:
                    yield position, step.info["sent_target"]
                position = step.position
                if index == length:
                    break
            if position is not None:
                yield position, None
        finally:
            self._noise.set(0.0, 0)


class StepRecorder:
    """Writes every step of the episodes that it watches into a recording, one trajectory per episode."""

    def __init__(self, writer: RecordingWriter, metadata: Mapping[str, Any]) -> None:
        """Record into ``writer``; ``metadata`` goes with every trajectory."""
        self._writer, self._metadata = writer, dict(metadata)
        self._position: FloatArray | None = None

    def __call__(self, step: Step) -> None:
        """Record a step; a reset ends the trajectory before and begins the next."""
        if step.is_reset:
            self.end()
            self._writer.begin_trajectory(self._metadata | {"object": step.info["object"]})
        elif self._position is not None:
            self._writer.append(self._position, step.info["sent_target"])
        self._position = step.position

    def end(self) -> None:
        """End the last trajectory."""
        if self._position is not None:
            self._writer.end_trajectory(self._position)
        self._position = None


def simulate(
    policy: Policy,
    episodes: int,
    *,
    seed: int,
    noise: float = 0.0,
    noise_probability: float = 0.5,
    randomise: bool = False,
    config: TaskConfig | None = None,
    progress: Progress | None = None,
) -> list[Trajectory]:
    """Episodes of a policy on simulated hands, all at once, each with one of the basic objects.

    Args:
        policy: acts.
        episodes: how many, and so many hands.
        seed: of everything that is drawn.
        noise: standard deviation of the noise on the targets of some episodes, rad.
        noise_probability: chance that an episode is one of them.
        randomise: vary the physics from episode to episode.
        config: figures of the task; None for the usual ones.
        progress: told after each control step how many hands made it.

    Returns:
        Positions and sent targets of each episode until its end, with the object's name as metadata.
    """
    env = make_sim_vector_env(num_envs=episodes, randomise=randomise, config=config)
    try:
        target_noise = TargetNoise()
        noisy = np.random.default_rng(seed).random(episodes) < noise_probability
        target_noise.set(np.where(noisy, noise, 0.0), seed)
        env.add_target_filter(target_noise)
        return _roll_out(policy, env, seed, progress)
    finally:
        env.close()


def _roll_out(policy: Policy, env: LeapRotateVectorEnv, seed: int, progress: Progress | None) -> list[Trajectory]:
    observation, _ = env.reset(seed=seed)
    items = [str(item) for item in env.task.objects]
    positions, targets = [env.task.state().position], []
    steps = env.task.config.episode_steps
    lengths = np.full(env.num_envs, steps)
    for step in range(steps):
        action, _ = policy.predict(observation, deterministic=True)
        observation, _, terminated, _, info = env.step(action)
        positions.append(info["position"])
        targets.append(info["sent_target"])
        lengths[terminated] = np.minimum(lengths[terminated], step + 1)
        if progress is not None:
            progress(env.num_envs)
        if lengths.max() <= step + 1:
            break
    position, target = np.array(positions), np.array(targets)
    return [
        Trajectory(position[: length + 1, hand], target[:length, hand], {"object": items[hand], "episode": hand})
        for hand, length in enumerate(lengths)
    ]
