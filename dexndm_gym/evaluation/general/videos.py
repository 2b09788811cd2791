"""What the best, the median and the worst cell of the general suite look like."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dexndm_gym.constants import CONTROL_PERIOD
from dexndm_gym.envs.make import make_sim_env
from dexndm_gym.envs.rollout import Policy
from dexndm_gym.evaluation.episodes import EpisodeRecord, record_episode
from dexndm_gym.evaluation.general.suite import GeneralConfig, objects_of
from dexndm_gym.evaluation.videos import STEPS_PER_FRAME, Picture, draw_episode, encode, side_by_side
from dexndm_gym.grasps.mesh_grasp_cache import GRASPS_ONLY
from dexndm_gym.progress import Progress
from dexndm_gym.rendering.renderer import HandRenderer
from dexndm_gym.task.orientations import WRISTS, up_in_hand


def film_cells(
    policy: Policy, results: Mapping[str, Any], config: GeneralConfig, *, progress: Progress | None = None
) -> dict[str, bytes]:
    """Film an episode of the best, the median and the worst cell of every class of objects, by rotation.

    Args:
        policy: what has been measured.
        results: what ``run_suite`` has yielded last.
        config: what it played; episodes are new draws with its seed.
        progress: told how many episodes have been played and drawn, of how many.

    Returns:
        A video (mp4) of the three side by side for each class.
    """
    videos, total = {}, 3 * len(results["cells"])
    for name, cells in results["cells"].items():
        shown = telling_cells(cells)
        runs: list[list[Picture]] = []
        episodes = [_play(policy, name, cell, config) for cell in shown]
        length = max(len(episode) for episode in episodes) // STEPS_PER_FRAME + 1
        for cell, episode in zip(shown, episodes, strict=True):
            renderer = HandRenderer(width=320, height=240, up=up_in_hand(np.array(WRISTS[cell.split()[0]])))
            runs.append(draw_episode(episode, renderer, length=length, title=f"{cell}, {episode.object}"))
            if progress is not None:
                progress(len(videos) * 3 + len(runs), total, f"{name} {cell}, {len(episode) * CONTROL_PERIOD:.0f} s")
        videos[name] = encode(side_by_side(runs))
    return videos


def telling_cells(cells: Mapping[str, Mapping[str, float]]) -> list[str]:
    """The cells, "wrist axis", of most, median and least rotation."""
    ordered = sorted(cells, key=lambda cell: cells[cell]["rotation_rad_mean"], reverse=True)
    return [ordered[0], ordered[len(ordered) // 2], ordered[-1]]


def _play(policy: Policy, name: str, cell: str, config: GeneralConfig) -> EpisodeRecord:
    wrist, axis = cell.split()
    env = make_sim_env(object=objects_of(name), wrist=wrist, axis=axis, randomize=config.randomize, starts=GRASPS_ONLY)
    try:
        return record_episode(policy, env, seed=config.seed)
    finally:
        env.close()
