"""Stands in for Isaac Gym Preview 4: strict where that is, hostile where it may be, with MuJoCo for physics."""

import sys

print("Importing module 'gym_38' (stand-in)")  # the real one writes to standard output, too

if "torch" in sys.modules and "isaacgym_in_process" not in sys.modules:  # tests themselves have PyTorch loaded
    raise ImportError("PyTorch was imported before isaacgym modules. Please import torch after isaacgym modules.")
