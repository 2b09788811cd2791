"""Distillation: a student that sees only what a real hand measures learns the teacher's actions."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from dexndm_gym.distributed.workers import Workers
from dexndm_gym.distributed.workers_config import IN_THIS_PROCESS, WorkersConfig
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.outputs import check_outputs
from dexndm_gym.training.distill_config import DistillConfig
from dexndm_gym.training.learner import Learner
from dexndm_gym.training.lesson import Lesson, LessonStep, play_round
from dexndm_gym.training.policy import WIDTH, StudentPolicy, load_policy
from dexndm_gym.training.process_group import ProcessGroup, process_group
from dexndm_gym.training.sample_memory import SampleMemory
from dexndm_gym.training.survivors import Survivors
from dexndm_gym.training.torch_threads import one_torch_thread

_NOTHING = "nothing was learned yet and nothing written"


@one_torch_thread()
def distill(config: DistillConfig, *, workers: WorkersConfig = IN_THIS_PROCESS, progress: bool = True) -> Path:
    """Distill, by DAgger or by cloning the behavior of whole episodes.

    The paper clones surviving trajectories, since DAgger failed for it in reality; on virtual hands DAgger is better
    (docs/experiments.md). Teachers act without noise: the paper says of none. Processes that torchrun has started share
    lessons and batches.

    Args:
        config: what to distill.
        workers: where lessons are played; the student does not depend on it.
        progress: whether to show a bar.

    Returns:
        The file of the student.

    Raises:
        ConfigurationError: ``config.out`` cannot be written; the student to go on from has other layers than wanted; no
            episode lasted to its end, so that there was nothing to clone.
        FileNotFoundError: there is no such teacher, or no longer the start states that it was trained from.
        FileFormatError: a teacher's file is something else.
        ModelMismatchError: a teacher sees something else than these hands show.
        KeyboardInterrupt: says what was kept.
    """
    check_outputs(config)
    with process_group() as group:
        if group.size > 1 and workers.cluster is None:
            workers = WorkersConfig(processes=1, cpus_per_job=group.cpus)
        with Workers(workers) as pool:
            _distill(config, group, pool, progress=progress and group.rank == 0)
    return config.out


def _distill(config: DistillConfig, group: ProcessGroup, pool: Workers, *, progress: bool) -> None:
    torch.manual_seed(config.seed)
    student = _student(config)
    lessons = dict(group.mine(_lessons(config)))
    collected = _Collected(config)
    learner = Learner(
        student,
        group,
        rounds=config.learning_rounds,
        learning_rate=config.learning_rate,
        batch_size=config.batch_size,
        seed=config.seed,
    )
    bar = tqdm(range(config.rounds), desc="distill", unit="round", disable=not progress)
    written = False
    try:
        for index in bar:
            share = _share(config, index)
            found = dict(pool.run(partial(play_round, student, share, config.steps), lessons))
            lessons = {name: found[name].lesson for name in lessons}
            rounds = group.together([found[name].steps for name in lessons])
            collected.add(rounds)
            speeds = " ".join(f"{np.mean([step.speed for step in steps]):.2f}" for steps in rounds)
            state = {"rad_per_s": speeds, "dropped": sum(step.drops for steps in rounds for step in steps)}
            if len(collected.memory):
                loss = learner.learn(collected.memory, config.updates)
                state |= {"loss": f"{loss:.4f}", "student": f"{share:.0%}"}
                if group.rank == 0:
                    student.save(config.out)
                written = True
            bar.set_postfix(state)
    except KeyboardInterrupt as error:
        kept = f"the student so far is in {config.out}; go on with --resume {config.out}" if written else _NOTHING
        raise KeyboardInterrupt(kept) from error
    finally:
        bar.close()
        for one in lessons.values():
            one.env.close()
    if not written:
        raise ConfigurationError(
            f"no episode of the teachers lasted to its end in {config.rounds} x {config.steps} steps, so there is "
            "nothing to clone; give teachers that keep their objects, or --method dagger"
        )


class _Collected:
    """All that lessons have brought, as far as the method learns from it."""

    def __init__(self, config: DistillConfig) -> None:
        self.memory = SampleMemory(config.memory)
        self._survivors = None
        if config.method == "clone":
            self._survivors = [Survivors(count, config.task.episode_steps) for count in _hands(config)]

    def add(self, rounds: Sequence[Sequence[LessonStep]]) -> None:
        """Take in a round of every lesson, in the order of their steps."""
        for steps in zip(*rounds, strict=True):
            for number, step in enumerate(steps):
                if self._survivors is None:
                    self.memory.add(step.observations, step.actions)
                else:
                    self._survivors[number].add(step, self.memory)


def _student(config: DistillConfig) -> StudentPolicy:
    """A new student, or the one to go on from."""
    if config.resume is None:
        return StudentPolicy(config.width, hand_axes=config.hand_axes)
    student = load_policy(config.resume)
    student.hand_axes |= config.hand_axes
    student.about = {}  # it will know more than that
    if config.width not in (WIDTH, student.width):
        raise ConfigurationError(
            f"{config.resume} has layers of {student.width}, got width {config.width}; leave it out"
        )
    return student


def _share(config: DistillConfig, index: int) -> float:
    """Share of the hands that the student moves in a round."""
    if config.method == "clone" or (config.resume is None and index == 0):
        return 0.0
    return min(1.0, 0.2 + index / (0.4 * config.rounds))


def _hands(config: DistillConfig) -> list[int]:
    """How many hands each lesson has."""
    return [len(part) for part in np.array_split(np.arange(config.num_envs), len(config.teacher) * config.parts)]


def _lessons(config: DistillConfig) -> list[tuple[str, Lesson]]:
    """Every teacher's hands, in so many parts, by name."""
    lessons = []
    for index, count in enumerate(_hands(config)):
        number, part = divmod(index, config.parts)
        seeded = replace(config, seed=(config.seed + 1000 * index) % 2**32)
        lessons.append((f"teacher {number + 1}, part {part + 1}", Lesson(seeded, config.teacher[number], count)))
    return lessons
