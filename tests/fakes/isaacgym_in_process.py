"""Isaac Gym's worker with a stand-in for Isaac Gym, in the process of the tests: what contract tests make hands of."""

import contextlib
import importlib
import io
import json
import mmap
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from dexndm_gym.backends import isaacgym_process, isaacgym_protocol
from dexndm_gym.backends.isaacgym_hand import IsaacGymHand
from dexndm_gym.backends.registry import BackendRequest
from dexndm_gym.errors import SimulatorError

STAND_IN = Path(__file__).parent / "isaacgym_preview4"
WORKER = Path(isaacgym_process.__file__).with_name("isaacgym_worker.py")


class InProcess:
    """A ``Worker`` without a process: messages go through JSON, arrays through a memory map, as between processes."""

    def __init__(self, num_hands: int, edit: Callable[[str], str] = str) -> None:
        self.num_hands = num_hands
        memory = mmap.mmap(-1, isaacgym_protocol.memory_size(num_hands))
        self.arrays = isaacgym_protocol.shared_arrays(memory, num_hands)
        self.module = load_worker(edit)
        self.hands = self.module.Hands(isaacgym_protocol.shared_arrays(memory, num_hands))
        self.sims = self.module.gymapi.sims

    def build(self, plan: dict[str, Any]) -> dict[str, Any]:
        return self._ask(call="build", plan=plan)

    def call(self, name: str) -> Any:
        return self._ask(call=name)

    def _ask(self, **message: Any) -> Any:
        with contextlib.redirect_stdout(io.StringIO()):
            reply = json.loads(json.dumps(isaacgym_protocol.answer(self.hands, json.loads(json.dumps(message)))))
        if "error" in reply:
            raise SimulatorError(reply["trace"])
        return reply["result"]

    def close(self) -> None: ...


def load_worker(edit: Callable[[str], str] = str) -> ModuleType:
    """The worker's module with a stand-in of its own: there is one simulation per stand-in."""
    module = ModuleType("dexndm_isaacgym_worker")
    sys.path.insert(0, str(STAND_IN))
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(edit(WORKER.read_text()), str(WORKER), "exec"), module.__dict__)
    finally:
        sys.path.remove(str(STAND_IN))
        for name in [name for name in sys.modules if name.partition(".")[0] == "isaacgym"]:
            del sys.modules[name]
    importlib.invalidate_caches()
    return module


def make(request: BackendRequest, *, edit: Callable[[str], str] = str, **options: Any) -> IsaacGymHand:
    """A backend, to be named ``"isaacgym_in_process:make"``."""
    return IsaacGymHand(
        InProcess(request.num_hands, edit),
        objects=request.objects,
        starts=request.start_states(),
        randomization=request.randomization,
        **{"device": "cpu", **options},
    )
