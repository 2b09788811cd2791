"""Settings that hold for all tests."""

import os
import shutil
import signal

# Before anything loads PyTorch: tests run in parallel, one thread each.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import settings

from dexndm_gym.task.config import TaskConfig

# Same examples in every run, and no verdict on how busy the machine is.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

# A shell has its background jobs ignore Ctrl-C, and the programs that tests interrupt would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


class Wiggle:
    """Moves every joint a little to and fro, whatever it observes; or throws the object out."""

    def __init__(self, size: float = 0.2, seed: int = 0) -> None:
        self.size, self.rng = size, np.random.default_rng(seed)

    def predict(self, observation: Any, *, deterministic: bool = True) -> tuple[np.ndarray, None]:
        shape = (*np.shape(observation)[:-1], 16)
        return (self.size * self.rng.uniform(-1, 1, shape)).astype(np.float32), None


class Throw:
    """Curls the fingers and opens the thumb, which pushes the object away."""

    def predict(self, observation: Any, *, deterministic: bool = True) -> tuple[np.ndarray, None]:
        action = np.zeros((*np.shape(observation)[:-1], 16), dtype=np.float32)
        action[..., [1, 2, 3, 5, 6, 7, 9, 10, 11]] = 1.0
        action[..., 12:] = -1.0
        return action, None


STRICT = TaskConfig(episode_steps=60, drop_distance=0.04)
"""Short episodes in which an object is soon lost."""


@pytest.fixture
def strict() -> TaskConfig:
    return STRICT


@pytest.fixture
def wiggle() -> Wiggle:
    return Wiggle()


@pytest.fixture
def throw() -> Throw:
    return Throw()


@pytest.fixture
def sim() -> Iterator[gymnasium.Env[Any, Any]]:
    env = gymnasium.make("LeapRotate-Sim-v0", config=STRICT)
    yield env
    env.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, driven by Selenium; skips where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="Selenium is not installed (extra dev)")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (
        *("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=900,900"),
        *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    ):
        options.add_argument(argument)
    made = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    made.set_page_load_timeout(120)
    yield made
    made.quit()
