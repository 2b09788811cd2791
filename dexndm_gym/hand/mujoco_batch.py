"""MuJoCo's batch of simulations, and what it lacks: its state as values, and no hanging after a fork."""

import ctypes
import os
import weakref
from typing import Any, NamedTuple

import mujoco
import numpy.typing as npt
from mujoco.batch import Batch

from dexndm_gym.errors import ConfigurationError

_Arrays = dict[str, npt.NDArray[Any]]

_most_threads = 0


def limit_threads(count: int) -> None:
    """Let simulations that are made from now on for all processors use ``count`` threads; 0 takes the limit away.

    For processes that share a machine.
    """
    global _most_threads
    _most_threads = count


class Snapshot(NamedTuple):
    """All that a batch goes on from, as values that can be pickled."""

    model: mujoco.MjModel
    num_simulations: int
    num_threads: int
    state: npt.NDArray[Any]
    """A row per simulation: positions, velocities, controls, forces, warm starts, time."""

    fields: _Arrays
    """Fields of the model that differ from simulation to simulation."""

    derived: bool
    """Whether ``set_const`` has derived other fields from those."""

    outputs: _Arrays
    """Fields of the data that are copied out after each call."""


class Simulations(Batch):
    """A ``Batch`` that can be taken apart and put together again, going on bit for bit alike."""

    def __init__(self, model: mujoco.MjModel, num_simulations: int, num_threads: int = 0) -> None:
        """Make simulations of a model.

        Args:
            model: what they have in common.
            num_simulations: how many.
            num_threads: threads that step them, 0 for all that ``limit_threads`` leaves; results do not depend on it.
        """
        super().__init__(model, num_simulations, num_threads or _most_threads)
        self._num_threads = num_threads
        self._derived = False
        self.forked = False
        """Whether this process is a fork of the one whose threads these are."""
        _alive.add(self)

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Simulations":
        """Simulations that go on where a snapshot was taken, on threads of their own."""
        batch = cls(snapshot.model, snapshot.num_simulations, snapshot.num_threads)
        for name, values in snapshot.fields.items():
            batch.expand(name)[...] = values
        if snapshot.derived:
            batch.set_const()
        for name, values in snapshot.outputs.items():
            batch.bind(name)
            batch._b.output(name)[...] = values
        batch.state[...] = snapshot.state
        return batch

    def snapshot(self) -> Snapshot:
        """What there is now. Fields that ``set_const`` reads must not have been written since its last call."""
        return Snapshot(
            model=self.model,
            num_simulations=self.nsim,
            num_threads=self._num_threads,
            state=self.state.copy(),
            fields={name: values.copy() for name, values in self._expanded.items()},
            derived=self._derived,
            outputs={name: self._b.output(name).copy() for name in self._bound},
        )

    def __reduce__(self) -> Any:
        """Arrays that are bound to a batch would no longer belong to a copy of it.

        Raises:
            ConfigurationError: always; ``snapshot`` is the way.
        """
        raise ConfigurationError("Running simulations cannot be copied or pickled together with arrays bound to them")

    def step(self, ids: Any = None, nstep: int = 1, stage: int = mujoco.mjtStage.mjSTAGE_NONE.value) -> None:
        """Advance; see ``Batch.step``."""
        self._require_threads()
        super().step(ids, nstep, stage)

    def forward(self, ids: Any = None, stage: int = mujoco.mjtStage.mjSTAGE_ACC.value) -> None:
        """Compute what follows from the state; see ``Batch.forward``."""
        self._require_threads()
        super().forward(ids, stage)

    def reset(self, ids: Any = None, keyframe: Any = -1, stage: int = mujoco.mjtStage.mjSTAGE_ACC.value) -> None:
        """Reset; see ``Batch.reset``."""
        self._require_threads()
        super().reset(ids, keyframe, stage)

    def set_const(self, ids: Any = None) -> None:
        """Derive constants; see ``Batch.set_const``."""
        self._require_threads()
        self._derived = True
        super().set_const(ids)

    def _require_threads(self) -> None:
        if self.forked:
            raise ConfigurationError(
                "These simulations were made before this process was forked from another, and their threads are there; "
                "make them in the process that steps them, or start processes by 'spawn'"
            )


_alive: "weakref.WeakSet[Simulations]" = weakref.WeakSet()


def _note_fork() -> None:
    """In the child: threads do not survive a fork; who waited for them, be it to end them, would wait for ever."""
    for batch in _alive:
        batch.forked = True
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(batch._b))  # never to be destroyed


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)
