"""n copies of the hand in MuJoCo Warp: model and state as tensors on the device, stepped as one CUDA graph."""

import logging
import math
from typing import Any

import mujoco
import torch
from torch import Tensor

from dexndm_gym.errors import ConfigurationError, MissingExtraError

CONTACTS = 16
"""Room for contacts per world; worlds share it. Object sets average 4, with 13 at most."""

ROWS = 128
"""Room for constraint rows in each world; random targets need 80 at most, learning hands have needed over 96."""

_FEWEST_CONTACTS = 64
"""Room for contacts in all, however few worlds share it."""

PER_WORLD = (
    *("geom_size", "geom_pos", "geom_quat", "geom_rbound", "geom_aabb", "geom_friction"),
    *("body_mass", "body_inertia", "body_invweight0", "body_subtreemass"),
    *("dof_damping", "dof_frictionloss", "dof_armature", "dof_invweight0"),
    *("actuator_gainprm", "actuator_biasprm"),
)
"""Fields of the model of which every world has its own."""


class WarpWorlds:
    """Model and state of n worlds; tensors share memory with the simulation, so that writing into them changes it.

    Attributes:
        model: fields of ``PER_WORLD`` by name, (n, ...) each.
        gravity: (n, 3), m/s^2.
        qpos: (n, nq).
        qvel: (n, nv).
        warm_start: accelerations that the solver begins with, (n, nv).
        controls: of each of the steps that are made together, (steps, n, nu).
        actuator_force: (n, nu).
        applied: forces on bodies, then torques, (n, nbody, 6).
        site_xpos: (n, nsite, 3), m.
        overflow: not 0 in worlds that have ever run out of room for contacts or rows, (n,).
        contacts: number of contacts in all worlds together, (1,).
        rows: constraint rows, (n,).
        iterations: of the solver, (n,).
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        num_worlds: int,
        steps: int,
        *,
        device: torch.device,
        sparse: bool = True,
        deterministic: bool = False,
        contacts: int = CONTACTS,
        rows: int = ROWS,
    ) -> None:
        """Put the model on the device.

        Args:
            model: what to simulate; two of its options are changed.
            num_worlds: how many of it.
            steps: physics steps that are made together.
            device: a CUDA device, or the CPU, where Warp is slow.
            sparse: use Warp's sparse Jacobian; the faster one on the GPUs measured.
            deterministic: make sums in a fixed order, so that runs repeat to the last bit; slower.
            contacts: room for contacts per world.
            rows: room for constraint rows per world.

        Raises:
            MissingExtraError: MuJoCo Warp is not installed.
        """
        warp, mujoco_warp = load_libraries()
        # This brings back the collider that C MuJoCo has for two boxes, and changes nothing else in Warp.
        model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_NATIVECCD)
        model.opt.jacobian = mujoco.mjtJacobian.mjJAC_SPARSE if sparse else mujoco.mjtJacobian.mjJAC_DENSE
        self._warp, self._step, self._device, self._graph = warp, mujoco_warp.step, str(device), None
        with warp.ScopedDevice(self._device):
            self._model = mujoco_warp.put_model(model, batch_sizes=dict.fromkeys(PER_WORLD, num_worlds))
            self._model.opt.deterministic = deterministic
            self._model.opt.gravity = warp.array([tuple(model.opt.gravity)] * num_worlds, dtype=warp.vec3)
            room = max(contacts * num_worlds, _FEWEST_CONTACTS)
            self._data = mujoco_warp.make_data(
                model, nworld=num_worlds, nconmax=math.ceil(room / num_worlds), naconmax=room, njmax=rows
            )
        self.model = {name: self._tensor(getattr(self._model, name)) for name in PER_WORLD}
        self.gravity = self._tensor(self._model.opt.gravity)
        data = self._data
        self.qpos, self.qvel, self.warm_start = map(self._tensor, (data.qpos, data.qvel, data.qacc_warmstart))
        self.controls = torch.zeros((steps, num_worlds, model.nu), device=device)
        self._controls = [warp.from_torch(control) for control in self.controls]
        self.actuator_force = self._tensor(data.actuator_force)
        self.applied, self.site_xpos = self._tensor(data.xfrc_applied), self._tensor(data.site_xpos)
        self.overflow, self.contacts = self._tensor(data.overflow), self._tensor(data.nacon)
        self.rows, self.iterations = self._tensor(data.nefc), self._tensor(data.solver_niter)

    @property
    def deterministic(self) -> bool:
        """Whether sums are made in a fixed order."""
        return bool(self._model.opt.deterministic)

    def _tensor(self, array: Any) -> Tensor:
        return self._warp.to_torch(array)

    def advance(self) -> None:
        """Advance by one physics step under each of the ``controls``.

        On a GPU the first call compiles what the kernel cache lacks, minutes where it is empty, and records the steps;
        later calls replay them. Nothing waits for the GPU.
        """
        with self._warp.ScopedDevice(self._device):
            if self._device == "cpu":
                self._run()
                return
            if self._graph is None:
                self._graph = self._record()
            self._warp.capture_launch(self._graph)

    def _run(self) -> None:
        for control in self._controls:
            self._warp.copy(self._data.ctrl, control)
            self._step(self._model, self._data)

    def _record(self) -> Any:
        """The steps as a graph; the state is as before, but for what every step computes anew."""
        kept = [(x, x.clone()) for x in (self.qpos, self.qvel, self.warm_start)]
        self._run()  # compiles
        for tensor, before in kept:
            tensor.copy_(before)
        with self._warp.ScopedCapture() as capture:
            self._run()
        return capture.graph


def find_device(name: str | torch.device) -> torch.device:
    """The device of this name.

    Raises:
        ConfigurationError: there is none.
        MissingExtraError: MuJoCo Warp is not installed.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigurationError(f"expected a device such as 'cuda:0', or 'cpu', got {name!r}") from error
    warp, _ = load_libraries()
    if device.type == "cpu":
        return device
    if device.type != "cuda" or not (torch.cuda.is_available() and warp.is_cuda_available()):
        raise ConfigurationError(
            f"No CUDA device that PyTorch and Warp can use for {str(device)!r}; device='cpu' is for trying things out"
        )
    index, count = device.index or 0, torch.cuda.device_count()
    if index >= count:
        known = "only cuda:0" if count == 1 else f"cuda:0 to cuda:{count - 1}"
        raise ConfigurationError(f"There is no GPU {str(device)!r} on this machine; expected {known}")
    return torch.device("cuda", index)


def load_libraries() -> tuple[Any, Any]:
    """Warp and MuJoCo Warp.

    Raises:
        MissingExtraError: MuJoCo Warp is not installed.
    """
    try:
        import warp

        warp.config.log_level = logging.WARNING  # else importing the next one prints
        import mujoco_warp
    except ImportError as error:
        raise MissingExtraError(
            f"MuJoCo Warp is not installed ({error}); install it with: pip install 'dexndm_gym[gpu]'"
        ) from error
    return warp, mujoco_warp
