"""``dexndm evaluate --suite general``."""

from typing import TYPE_CHECKING, Any

from dexndm_gym.cli.common import NOTHING_KEPT, announce, interruptible, table, write_figure, write_json
from dexndm_gym.evaluation.general.report import cell_rows, heat_map, random_rows
from dexndm_gym.evaluation.general.suite import GeneralConfig, read_results, run_suite
from dexndm_gym.evaluation.general.videos import film_cells
from dexndm_gym.outputs import write_bytes
from dexndm_gym.progress import progress_bar
from dexndm_gym.task.orientations import AXES

if TYPE_CHECKING:
    from dexndm_gym.cli.evaluate import EvaluateCommand
    from dexndm_gym.training.policy import StudentPolicy


def measure_generality(command: "EvaluateCommand", policy: "StudentPolicy") -> None:
    """Play the suite with the command's options, and print its tables."""
    config = GeneralConfig(classes=command.classes, episodes=command.episodes, seed=command.seed)
    digest = policy.digest()
    done = read_results(command.json, config, digest)
    announce("simulated")
    results: dict[str, Any] = done or {}
    with (
        interruptible(lambda: f"the parts that are done are in {command.json}" if command.json else NOTHING_KEPT),
        progress_bar("general", "episode") as progress,
    ):
        for results in run_suite(config, policy, done=done, progress=progress, workers=command):
            write_json(results | {"policy": str(command.policy), "digest": digest}, command.json)
    for name, cells in results["cells"].items():
        print(f"\n{name}: rad/s (dropped)\n{table(('wrist', *AXES), cell_rows(cells))}")
    head = ("unseen objects, any wrist", "RotR / TTF / RotP", "dropped", "the paper's, on other objects")
    print(f"\n{table(head, random_rows(results))}")
    print(f"\nGoal orientations within 0.1 pi in 20 s: {results['goals']['success']:.0%} (the paper's: 88 %)")
    if command.plot is not None:
        write_figure(heat_map(results), command.plot, dpi=120)
    if command.videos is not None:
        with progress_bar("videos", "episode") as progress:
            videos = film_cells(policy, results, config, progress=progress)
        for name, video in videos.items():
            write_bytes(command.videos / f"{name}.mp4", video)
