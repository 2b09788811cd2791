"""Settings that hold for all tests."""

import os

# Before anything loads PyTorch: tests run in parallel, one thread each.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import settings

# Same examples in every run, and no verdict on how busy the machine is.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
