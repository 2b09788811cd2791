"""PyTorch tensors as Isaac Gym's, and back: memory is borrowed, never copied."""

import torch

from . import gymapi

_KINDS = (torch.float32, torch.uint8, torch.int16, torch.int32, torch.int64)


def wrap_tensor(gym_tensor):
    return gym_tensor.owned


def unwrap_tensor(torch_tensor):
    if not torch_tensor.is_contiguous():
        raise RuntimeError("input tensor must be contiguous")
    if torch_tensor.dtype not in _KINDS:
        raise TypeError(f"unsupported tensor type {torch_tensor.dtype}")
    return gymapi.Tensor(borrowed=torch_tensor)
