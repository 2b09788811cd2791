"""What viewing costs: processor time of a control step with and without a page, and control steps that come late.

Steps with and without the page take turns in blocks, so that a busy machine slows both. The page has viewers, which
take all that it sends, in processes of their own.

Run: ``python benchmarks/bench_view.py [--seconds S] [--viewers N] [--json FILE]``.
"""

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.training.policy import load_policy
from dexndm_gym.viewer.controls import PageSettings
from dexndm_gym.viewer.live import LiveEpisodes
from dexndm_gym.viewer.page_process import PageProcess
from dexndm_gym.viewer.panels import episode_page

BLOCK = 40
"""Control steps until the other side gets its turn."""


def watch(url: str, watching: Any) -> None:
    """A viewer that looks at nothing; says when it has been sent something."""
    import viser
    from websockets.sync.client import connect

    with connect(url.replace("http", "ws"), subprotocols=[f"viser-v{viser.__version__}"], max_size=None) as socket:  # type: ignore[list-item]
        for _ in socket:
            watching.set()


@contextmanager
def page_with_viewers(viewers: int) -> Iterator[PageProcess]:
    """A page, and processes that view it."""
    with PageProcess(PageSettings(title="bench", port=8470), episode_page) as page:
        context = multiprocessing.get_context("spawn")
        watching = [context.Event() for _ in range(viewers)]
        watchers = [context.Process(target=watch, args=(page.url, told), daemon=True) for told in watching]
        for watcher in watchers:
            watcher.start()
        if not all(told.wait(60.0) for told in watching):
            raise RuntimeError("a viewer was sent nothing within a minute")
        yield page
        for watcher in watchers:
            watcher.kill()
            watcher.join()


def measure(env: gymnasium.Env[Any, Any], page: PageProcess, steps: int, *, real_time: bool) -> dict[str, Any]:
    """Processor time of this thread per control step, ms, and steps that came late, with and without the page."""
    episodes = LiveEpisodes(env, {"generalist": load_policy()}, options={}, real_time=real_time)
    episodes.advance()
    spent: dict[bool, list[float]] = {False: [], True: []}
    handed: list[float] = []
    late = {False: 0, True: 0}
    for step in range(steps):
        shown = step // BLOCK % 2 == 1
        began = time.thread_time()
        snapshot = episodes.advance()
        if shown:
            at = time.thread_time()
            page.show(snapshot)
            page.events()
            handed.append(1e3 * (time.thread_time() - at))
        spent[shown].append(1e3 * (time.thread_time() - began))
        if real_time:
            late[shown] += bool(env.unwrapped.backend.pacer.overrun)  # type: ignore[attr-defined]
    without, with_page = (float(np.median(spent[shown])) for shown in (False, True))
    numbers: dict[str, Any] = {
        "step_ms": without,
        "step_with_page_ms": with_page,
        "handing_over_ms": {"median": float(np.median(handed)), "p99": float(np.quantile(handed, 0.99))},
        "cost_share": float(np.median(handed)) / without,
    }
    return numbers | ({"late": late[False], "late_with_page": late[True], "steps": steps} if real_time else {})


def main() -> None:
    """Measure, and say whether it is within what is promised."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="hand time in each of both measurements")
    parser.add_argument("--viewers", type=int, default=2, help="how many view the page")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    options = parser.parse_args()
    steps = max(2 * BLOCK, round(options.seconds / CONTROL_PERIOD))
    with page_with_viewers(options.viewers) as page:
        with closing(gymnasium.make("LeapRotate-Sim-v0")) as env:
            simulated = measure(env, page, steps, real_time=False)
        with closing(gymnasium.make("LeapRotate-Real-v0", port="virtual", clock="realtime")) as env:
            virtual = measure(env, page, steps, real_time=True)
    numbers = {"viewers": options.viewers, "simulated": simulated, "virtual hand in real time": virtual}
    print(json.dumps(numbers, indent=2))
    if options.json is not None:
        options.json.write_text(json.dumps(numbers, indent=2) + "\n")
    if max(simulated["cost_share"], virtual["cost_share"]) > 0.05:
        sys.exit("viewing costs more than 5 % of a control step")


if __name__ == "__main__":
    main()
