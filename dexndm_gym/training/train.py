"""Training, with what fits: stable-baselines3 for teachers on the processor, rsl-rl on a GPU and for students."""

from pathlib import Path

from dexndm_gym.training.train_config import TrainConfig


def train(config: TrainConfig, *, progress: bool = True) -> Path:
    """Train a teacher, or refine a student, on the backend that the configuration names.

    Returns:
        Its file (safetensors), in ``config.out``.

    Raises:
        as ``ppo.train_teacher`` and ``rsl_ppo.train_with_rsl_rl``.
    """
    # each needs a library that who uses the other need not have
    if config.backend == "warp" or config.student is not None:
        from dexndm_gym.training.rsl_ppo import train_with_rsl_rl

        return train_with_rsl_rl(config, progress=progress)
    from dexndm_gym.training.ppo import train_teacher

    return train_teacher(config, progress=progress)
