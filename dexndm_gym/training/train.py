"""Training a teacher, with what fits the simulator: stable-baselines3 on the processor, rsl-rl on a GPU."""

from pathlib import Path

from dexndm_gym.training.train_config import TrainConfig


def train(config: TrainConfig, *, progress: bool = True) -> Path:
    """Train a teacher on the backend that the configuration names.

    Returns:
        The teacher's file (safetensors), in ``config.out``.

    Raises:
        as ``ppo.train_teacher`` and ``warp_ppo.train_on_gpu``.
    """
    # each needs a library that who uses the other need not have
    if config.backend == "warp":
        from dexndm_gym.training.warp_ppo import train_on_gpu

        return train_on_gpu(config, progress=progress)
    from dexndm_gym.training.ppo import train_teacher

    return train_teacher(config, progress=progress)
